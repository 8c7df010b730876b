"""`manage.py replay`: the history is folded again, and every difference to what is stored is named."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.engine.desk import Desk
from tests.engine.tampering import sql

pytestmark = pytest.mark.django_db(transaction=True)


def replayed(*arguments: str) -> tuple[int, str]:
    out, code = StringIO(), 0
    try:
        call_command("replay", *arguments, stdout=out)
    except SystemExit as end:
        code = int(str(end.code))
    return code, out.getvalue()


def test_every_event_is_told_with_the_status_it_led_to() -> None:
    instance_id = Desk().delivered("536365")

    code, told = replayed(str(instance_id))

    assert code == 0
    assert "PaymentCharged" in told
    assert "lead exactly to its stored state" in told


def test_a_key_is_enough_and_check_gives_only_the_verdict() -> None:
    Desk().delivered("536365")

    code, told = replayed("536365", "--check")

    assert (code, len(told.splitlines())) == (0, 1)


def test_a_state_that_was_changed_is_found_field_by_field() -> None:
    Desk().delivered("536365")
    sql("""UPDATE workflows_instance SET state = jsonb_set(state, '{steps,charge,phase}', '"ready"')""")

    code, told = replayed("536365", "--check")

    assert code == 1
    assert 'state.steps.charge.phase is stored as "ready", the history says "succeeded"' in told


def test_a_history_that_makes_no_sense_is_said_in_a_sentence() -> None:
    instance_id = Desk().start()
    sql("UPDATE workflows_event SET type = 'StepFlew' WHERE seq = 3")

    with pytest.raises(CommandError, match=r"event 3 \(StepFlew\) makes no sense"):
        replayed(str(instance_id))


@pytest.mark.parametrize("name", ["4711", "00000000-0000-0000-0000-000000000000"])
def test_an_instance_nobody_knows_is_said_so(name: str) -> None:
    with pytest.raises(CommandError, match="There is no instance"):
        replayed(name)
