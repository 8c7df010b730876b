"""`manage.py show`: whatever number somebody has, the answer is where it is, why, and what can be done."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.engine.desk import Desk, order
from workflows import interventions
from workflows.interventions import CAPABILITIES, Principal
from workflows.models import Instance

pytestmark = pytest.mark.django_db(transaction=True)

OPERATOR = Principal("user", "olga", frozenset(CAPABILITIES))


def shown(text: str, *options: str) -> str:
    out = StringIO()
    call_command("show", text, *options, stdout=out)
    return out.getvalue()


def test_an_order_that_waits_says_for_whom_and_what_comes_next() -> None:
    desk = Desk()
    desk.play(desk.start("536365"))

    told = shown(" 536365 ")

    assert "Waiting for the ERP to confirm the order since" in told
    assert "Next: ask the ERP at" in told
    assert "Payment charged" in told
    assert "cancel       yes" in told
    assert "resume       no: It is not paused." in told


def test_the_id_finds_it_as_well_as_the_correlation_id() -> None:
    instance_id = Desk().start("536365")

    assert "order 536365" in shown(str(instance_id))
    assert "order 536365" in shown("c-536365")


def test_several_runs_and_workflows_with_the_same_number_are_listed() -> None:
    desk = Desk()
    first = desk.start("77")
    interventions.act(OPERATOR, "cancel", first, reason="the customer called")
    desk.play(first)
    again = interventions.start(
        interventions.system(), "order", order("77", total=1.0), correlation_id="c", restart=True
    )
    back = desk.start("77", workflow="return", cancellation=True)

    told = shown("77")

    assert "3 instances are known as '77':" in told
    assert all(str(one) in told for one in (first, again.id, back))
    assert "run 2" in told


def test_milestones_are_the_last_ten_unless_all_are_wanted() -> None:
    desk = Desk()
    instance_id = desk.delivered("1")
    interventions.act(OPERATOR, "compensate", instance_id, reason="it came back")
    desk.play(instance_id)

    assert "(the last 10 of" in shown("1")
    assert "  Received" not in shown("1")
    assert "Received" in shown("1", "--all")
    assert "it came back" in shown("1")
    assert "(by olga)" in shown("1")


def test_a_number_nobody_knows_is_said_so() -> None:
    with pytest.raises(CommandError, match="Nothing here is known as '4711'"):
        shown("4711")


def test_a_version_without_code_can_still_be_shown() -> None:
    instance_id = Desk().start("5")
    Instance.objects.filter(id=instance_id).update(version=9)

    assert "order 5" in shown("5")
