"""`manage.py verify`: a table for people, JSON for scripts, and an exit code for both."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from tests.engine.desk import Desk
from workflows.engine import clock, ids
from workflows.models import Timer
from workflows.verify import INVARIANTS

pytestmark = pytest.mark.django_db(transaction=True)


def verified(*options: str) -> tuple[int, str]:
    out, code = StringIO(), 0
    try:
        call_command("verify", *options, stdout=out)
    except SystemExit as end:
        code = int(str(end.code))
    return code, out.getvalue()


def test_clean_data_gives_zero_and_says_how_much_was_looked_at() -> None:
    Desk().delivered()

    code, told = verified()

    assert code == 0
    assert "1 instances" not in told
    assert "1 instance, 24 events: clean." in told
    assert "I09" in told


def test_an_offender_is_named_and_the_exit_code_is_one() -> None:
    lost = ids.new_id()
    Timer.objects.create(instance_id=lost, name="deadline", fire_at=clock.read() + timedelta(hours=1))

    code, told = verified()

    assert code == 1
    assert f"I06  {lost}: 1 timer rows belong to no instance" in told
    assert "1 invariant is broken." in told


def test_scripts_get_the_whole_report() -> None:
    Timer.objects.create(instance_id=ids.new_id(), name="deadline", fire_at=clock.read() + timedelta(hours=1))

    code, told = verified("--json")

    report = json.loads(told)
    assert (code, report["clean"]) == (1, False)
    assert [one["invariant"] for one in report["invariants"] if one["state"] == "broken"] == ["I06"]
    assert len(report["invariants"]) == len(INVARIANTS)
