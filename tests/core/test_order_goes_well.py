"""The order process when everybody answers: what runs side by side, what waits for what, and how it looks meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.core.order import REVERSIBLE, WAY, an_order, order, order_after, pass_step
from tests.core.story import Story
from workflows.core import events as e
from workflows.core import facts
from workflows.core.state import DEADLINE, WARNING, Lifecycle
from workflows.core.wants import wants


def test_an_order_is_checked_paid_registered_and_shipped() -> None:
    story = an_order()

    assert story.ready == ["stock", "risk"]
    story.succeed("risk")
    assert story.ready == ["stock"], "a stage is a barrier"
    story.succeed("stock")
    assert story.ready == ["reserve"]
    story.succeed("reserve")
    assert story.ready == ["charge"]
    story.succeed("charge")
    assert story.ready == ["submitted"]
    story.succeed("submitted", reference="ERP-1")
    assert (story.ready, story.waits["registered"].match) == ([], "ERP-1")
    story.message("registered", accepted=True)
    assert story.ready == ["delivery"]
    story.succeed("delivery")
    story.succeed("thanks")

    assert (story.face.lifecycle, story.face.status) == (Lifecycle.COMPLETED, "Delivered")
    assert isinstance(story.events[-1], e.InstanceEnded)
    assert wants(order, story.state).work == {}
    story.check_history()


def test_stages_are_entered_in_order_and_once() -> None:
    story = order_after("thanks")

    entered = [event.name for event in story.said(e.StageEntered)]

    assert entered == ["Checking", "Payment", "ERP registration", "Delivery"]


def test_an_order_that_costs_nothing_is_charged_nothing() -> None:
    story = an_order(total=0)

    for step in ("stock", "risk", "reserve"):
        pass_step(story, step)

    (skipped,) = story.said(e.StepSkipped)
    assert skipped.rule == "order.total > 0 is false (0)"
    assert story.ready == ["submitted"]
    assert [event.step for event in story.said(e.EventPublished)] == ["confirmed"]


def test_the_confirmation_carries_what_its_contract_names() -> None:
    story = order_after("charge")

    (published,) = story.published

    assert published.event_type == "OrderConfirmed"
    assert published.data == {"order_id": "536365", "total": 139.12, "country": "United Kingdom"}


@pytest.mark.parametrize(
    ("done", "status", "stage"),
    [
        ("stock", "FraudCheckPending", "Checking"),
        ("risk", "StockReservationPending", "Payment"),
        ("reserve", "PaymentPending", "Payment"),
        ("charge", "ErpSubmissionPending", "ERP registration"),
        ("submitted", "ErpRegistrationPending", "ERP registration"),
        ("registered", "DeliveryPending", "Delivery"),
        ("delivery", "ThankYouNotePending", "Delivery"),
        ("thanks", "Delivered", "Delivery"),
    ],
)
def test_the_status_names_what_is_going_on(done: str, status: str, stage: str) -> None:
    story = order_after(done)

    assert (story.face.status, story.face.stage) == (status, stage)


def test_before_anything_happened_it_is_what_is_pending_first() -> None:
    assert an_order().face.status == "StockCheckPending"


def test_a_waiting_order_says_for_whom_until_when_and_what_comes_next() -> None:
    story = order_after("submitted")

    shown = story.face

    assert (shown.lifecycle, shown.waiting_kind, shown.waiting_name) == (Lifecycle.WAITING, "callback", "erp")
    assert shown.waiting_until == story.now + timedelta(minutes=20)
    assert (shown.next_what, shown.owner) == ("ask", "erp-team")


def test_the_owner_is_the_steps_own_or_its_stages_or_the_workflows() -> None:
    owners = {node.name: order.owner_of(node) for node in order.nodes}

    assert (owners["risk"], owners["charge"], owners["stock"]) == ("fraud-team", "payments-team", "order-desk")


def test_every_attempt_of_a_step_has_the_same_key_and_no_two_steps_share_one() -> None:
    story = order_after("thanks")

    keys = [event.key for event in story.said(e.StepSucceeded) if event.key]

    assert keys[0] == "order/536365/r1/stock/g1"
    assert len(set(keys)) == len(keys) == len(WAY) - 1


def test_each_reversible_step_says_so() -> None:
    assert tuple(node.name for node in order.nodes if node.compensable) == REVERSIBLE


class TestDeadline:
    """It warns and tells; it ends nothing."""

    def test_it_warns_once_and_then_tells_once(self) -> None:
        story = an_order()

        warned, told = story.wait_for(WARNING), story.wait_for(DEADLINE)

        assert [type(event) for event in warned + told] == [e.DeadlineNear, e.DeadlinePassed]
        assert story.state.alive
        assert not {WARNING, DEADLINE} & set(story.timers)

    def test_it_says_whom_to_tell(self) -> None:
        (passed,) = an_order().wait_for(DEADLINE)

        assert passed.escalate_to == "duty-manager"

    def test_business_time_passes_faster_in_a_demonstration(self) -> None:
        slow, fast = an_order(), Story(order, pace=60).start(total=1)

        assert slow.timers[DEADLINE].fire_at - slow.now == timedelta(hours=4)
        assert fast.timers[DEADLINE].fire_at - fast.now == timedelta(minutes=4)

    @pytest.mark.parametrize("name", [DEADLINE, WARNING])
    def test_a_time_that_has_not_come_is_not_believed(self, name: str) -> None:
        assert an_order().tell(facts.TimeCame(name=name)) == []

    def test_an_order_corrected_after_its_end_has_none(self) -> None:
        story = order_after("thanks")

        story.tell(facts.Compensate(reason="came back"))

        assert not {WARNING, DEADLINE} & set(story.timers)
