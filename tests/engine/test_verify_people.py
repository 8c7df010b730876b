"""What people enter, pass over and leave as it is keeps every promise, and a false word of theirs is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from tests.engine.desk import Desk
from tests.engine.tampering import changed, rewrite, sql
from tests.worlds import principal
from workflows import interventions
from workflows.verify import verify
from workflows.verify.stories import Record

pytestmark = pytest.mark.django_db(transaction=True)

CHARGE = {"charge_id": "CH-by-hand", "amount": 15.3}
ANSWER = {"reference": "ERP-1", "erp_number": "45", "accepted": True, "reason": None}


def broken() -> set[str]:
    """The invariants that do not hold."""
    return {verdict.invariant for verdict in verify(timedelta(seconds=60)).verdicts if verdict.offenders}


def entered() -> UUID:
    """An order whose charge a person entered; it waits for the ERP."""
    desk = Desk()
    order = desk.start()
    desk.play(order, until="reserve")
    desk.fail(desk.claimed(order, "charge"), "closed", retryable=False)
    interventions.act(principal(), "complete", order, reason="paid by transfer", step="charge", data=CHARGE)
    desk.play(order)
    return order


def handed_over() -> UUID:
    """An order whose ERP answer came by phone."""
    desk = Desk()
    order = desk.start()
    desk.play(order)
    interventions.act(principal(), "signal", order, reason="told by phone", data=ANSWER)
    desk.play(order)
    return order


def left() -> UUID:
    """A cancelled order whose ERP entry stays as it is."""
    desk = Desk()
    order = desk.start()
    desk.play(order)
    interventions.act(principal(), "cancel", order, reason="off")
    desk.succeed(desk.claimed(order, "alert_order_desk"))
    desk.fail(desk.claimed(order, "submitted"), "closed", retryable=False)
    interventions.act(principal(), "skip", order, reason="they delete it themselves", step="submitted")
    desk.play(order)
    return order


def without(kind: str) -> Callable[[list[Record]], list[Record]]:
    """The history without the events of a kind."""

    def edit(records: list[Record]) -> list[Record]:
        kept = [record for record in records if record.type != kind]
        return [replace(record, seq=seq) for seq, record in enumerate(kept, start=1)]

    return edit


def in_nobodys_name(kind: str) -> Callable[[list[Record]], list[Record]]:
    return lambda records: [
        replace(record, actor_kind="system", actor="engine") if record.type == kind else record for record in records
    ]


@pytest.mark.parametrize("story", [entered, handed_over, left])
def test_what_people_say_keeps_every_promise(story: Callable[[], UUID]) -> None:
    story()

    assert broken() == set()


@pytest.mark.parametrize(
    ("story", "edit", "found"),
    [
        (entered, changed("StepSucceeded", "charge", has_output=None), {"I10"}),
        (entered, changed("StepSucceeded", "charge", attempt=3), {"I13"}),
        (entered, changed("StepSucceeded", "charge", key="order/other/r1/charge/g1"), {"I14"}),
        (entered, changed("StepSucceeded", "charge", key=None), {"I14"}),
        (handed_over, changed("StepSucceeded", "registered", message=None), {"I20"}),
        (left, without("CorrectionWaived"), {"I23"}),
        (left, in_nobodys_name("CorrectionWaived"), {"I33"}),
        (entered, in_nobodys_name("StepSucceeded"), {"I33"}),
    ],
    ids=["no-result", "counted", "other-key", "no-key", "no-message", "not-waived", "nobody", "nobodys-result"],
)
def test_a_false_word_is_found(
    story: Callable[[], UUID], edit: Callable[[list[Record]], list[Record]], found: set[str]
) -> None:
    order = story()

    rewrite(order, edit)

    assert found <= broken()


def test_an_answer_by_hand_without_its_message_is_found() -> None:
    handed_over()

    sql("UPDATE workflows_message SET state = 'late'")

    assert {"I17", "I20"} <= broken()
