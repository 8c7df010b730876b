"""What goes wrong technically: retries, exhaustion, lost attempts, and outcomes nobody knows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.core import processes
from tests.core.order import an_order, order, order_after
from tests.core.story import CHECK, FORWARD, Story
from workflows.core import events as e
from workflows.core import facts
from workflows.core.patience import MAX_LOSSES, retry_at
from workflows.core.state import Lifecycle, Phase
from workflows.core.wants import QUARANTINE
from workflows.dsl import Retry, seconds
from workflows.dsl.dependency import INTERNAL


def at_payment(**changes: Any) -> Story:
    """A job whose payment is due; it must not be repeated blindly, and a check can look for it."""
    story = Story(processes.workshop).start(**{**processes.JOB, **changes})
    for step in ("looked", "reserved", "packed", "stamped"):
        story.succeed(step)
    return story


def at_till() -> Story:
    """A payment that must not be repeated and that nobody can look up."""
    return Story(processes.till).start(**processes.JOB)


class TestRetries:
    def test_a_failed_attempt_is_tried_again_later_under_the_same_key(self) -> None:
        story = order_after("reserve")

        (failed,) = story.fail("charge")

        work = story.work["charge", FORWARD]
        assert failed.retry_at == work.ready_at
        assert work.ready_at > story.now
        assert (story.face.status, story.face.lifecycle) == ("PaymentRetrying", Lifecycle.WAITING)
        shown = story.face
        assert (shown.waiting_kind, shown.next_what, shown.next_at) == ("retry", "attempt", work.ready_at)
        story.succeed("charge")
        assert story.said(e.StepSucceeded)[-1].attempt == 2

    def test_pauses_double_up_to_a_cap(self) -> None:
        retry = Retry(attempts=9, first=seconds(1), factor=2, cap=seconds(10), jitter=0)
        now = an_order().now

        pauses = [(retry_at(retry, failures, "k", now) - now).total_seconds() for failures in range(1, 7)]

        assert pauses == [1, 2, 4, 8, 10, 10]

    def test_instances_that_failed_together_come_back_apart_but_always_at_the_same_times(self) -> None:
        retry, now = Retry(first=seconds(10), jitter=0.5), an_order().now

        times = [retry_at(retry, 1, f"order-{number}", now) for number in range(50)]

        assert times == [retry_at(retry, 1, f"order-{number}", now) for number in range(50)]
        assert len(set(times)) == 50
        assert all(now + seconds(5) <= time <= now + seconds(15) for time in times)

    def test_no_attempt_comes_before_the_far_side_wants_one(self) -> None:
        story = order_after("reserve")

        (failed,) = story.fail("charge", after=timedelta(minutes=3))

        assert failed.retry_at == story.now + timedelta(minutes=3)

    def test_after_the_last_attempt_a_person_is_named(self) -> None:
        story = order_after("reserve")

        for _ in range(10):
            said = story.fail("charge", error="no answer")

        assert isinstance(said[-1], e.PersonAsked) and said[-1].code == "exhausted"
        assert said[0].retry_at is None
        assert not story.work
        shown = story.face
        assert (shown.needs_person, shown.status, shown.owner) == (True, "PaymentFailed", "payments-team")
        assert (shown.reason, shown.waiting_kind) == ("no answer", "person")

    def test_a_person_gives_a_fresh_budget_and_keeps_the_key(self) -> None:
        story = order_after("reserve")
        for _ in range(10):
            story.fail("charge")

        story.tell(facts.Retry(reason="they are back"))

        assert story.work["charge", FORWARD].ready_at is None
        assert not story.face.needs_person
        story.fail("charge")
        assert story.state.steps["charge"].patience.failures == 1
        assert story.state.steps["charge"].patience.attempts == 11, "attempts are numbered for ever"
        story.succeed("charge")
        assert story.said(e.StepSucceeded)[-1].key == "order/536365/r1/charge/g1"

    def test_a_person_may_shorten_a_pause(self) -> None:
        story = order_after("reserve")
        story.fail("charge", after=timedelta(hours=1))

        story.tell(facts.Retry(step="charge"))

        assert story.work["charge", FORWARD].ready_at is None

    @pytest.mark.parametrize(("options", "code"), [({}, "permanent"), ({"person": True}, "asked")])
    def test_what_another_attempt_cannot_mend_goes_to_a_person_at_once(
        self, options: dict[str, Any], code: str
    ) -> None:
        story = order_after("reserve")

        said = story.fail("charge", retryable=False, evidence={"candidates": ["536366"]}, **options)

        assert (said[-1].code, said[-1].evidence) == (code, {"candidates": ["536366"]})
        assert story.face.needs_person

    def test_a_step_that_is_not_critical_is_given_up_and_the_order_ends_well(self) -> None:
        story = order_after("delivery")

        for _ in range(4):
            story.fail("thanks")

        assert story.said(e.StepDropped)
        assert story.face.status == "Delivered"

    def test_exhaustion_leads_to_correction_where_the_definition_says_so(self) -> None:
        story = Story(processes.workshop).start(**processes.JOB)
        story.succeed("looked")
        story.succeed("reserved")

        for _ in range(INTERNAL.retry.attempts):
            story.fail("packed")

        assert story.said(e.CorrectionBegan)[0].cause == "exhausted"
        assert story.face.lifecycle is Lifecycle.COMPENSATING

    def test_another_branch_goes_on_while_one_is_stuck(self) -> None:
        story = an_order()

        story.fail("stock", retryable=False)
        story.succeed("risk")

        assert story.state.steps["risk"].phase is Phase.SUCCEEDED
        assert story.face.status == "StockCheckFailed"

    def test_the_worst_of_several_steps_is_shown(self) -> None:
        story = an_order()
        assert story.face.status == "StockCheckPending"
        story.fail("risk")
        assert story.face.status == "FraudCheckRetrying"
        story.fail("stock", retryable=False)
        assert story.face.status == "StockCheckFailed"

    def test_nothing_to_retry_is_said(self) -> None:
        with pytest.raises(facts.NotNow, match="nothing here waits"):
            an_order().tell(facts.Retry())


class TestLostAttempts:
    def test_the_first_loss_counts_for_nobody_and_goes_to_quarantine(self) -> None:
        story = order_after("reserve")

        (lost,) = story.lose("charge")

        assert lost.counted is False
        assert story.work["charge", FORWARD].pool == QUARANTINE
        assert story.work["charge", FORWARD].ready_at == story.now
        assert story.face.lifecycle is Lifecycle.RUNNING, "it is ready at once"

    def test_losses_in_quarantine_condemn(self) -> None:
        story = order_after("reserve")

        said = [story.lose("charge") for _ in range(1 + MAX_LOSSES)]

        assert [event.counted for events in said for event in events if isinstance(event, e.AttemptLost)] == [
            False, True, True, True,
        ]  # fmt: skip
        assert said[-1][-1].code == "lost"
        assert story.face.needs_person

    def test_a_success_ends_the_quarantine(self) -> None:
        story = order_after("reserve")
        story.lose("charge")

        story.succeed("charge")

        assert story.work["submitted", FORWARD].pool == "default"

    def test_a_lost_step_that_is_not_critical_is_given_up(self) -> None:
        story = order_after("delivery")

        for _ in range(1 + MAX_LOSSES):
            story.lose("thanks")

        (dropped,) = story.said(e.StepDropped)
        assert dropped.may_have_happened
        assert story.face.status == "Delivered"

    def test_a_late_success_is_used_while_the_step_is_open(self) -> None:
        story = order_after("reserve")
        story.lose("charge")

        story.succeed("charge", late=True)

        assert story.said(e.StepSucceeded)[-1].late
        assert story.ready == ["submitted"]

    def test_a_late_success_also_helps_when_a_person_was_asked(self) -> None:
        story = order_after("reserve")
        story.fail("charge", retryable=False)

        story.succeed("charge", late=True)

        assert not story.face.needs_person

    def test_a_late_echo_of_a_success_changes_nothing(self) -> None:
        story = order_after("charge")

        assert story.succeed("charge", late=True) == []


class TestUnknownOutcomes:
    def test_a_key_makes_a_repetition_safe(self) -> None:
        story = order_after("reserve")

        story.fail("charge", may_have_happened=True)

        assert ("charge", FORWARD) in story.work
        assert story.state.steps["charge"].unknown

    @pytest.mark.parametrize("loss", [True, False])
    def test_what_must_not_be_repeated_is_looked_up(self, loss: bool) -> None:
        story = at_payment()

        story.lose("paid") if loss else story.fail("paid", may_have_happened=True)

        assert list(story.work) == [("paid", CHECK)]

    def test_the_check_finds_that_it_happened(self) -> None:
        story = at_payment()
        story.lose("paid")

        story.succeed("paid", CHECK, number="P1")

        success = story.said(e.StepSucceeded)[-1]
        assert (success.how, success.key) == ("check", "workshop/536365/r1/paid/g1")
        assert story.waits.keys() == {"agreed"}

    def test_the_check_finds_nothing_so_it_is_done_again_under_the_same_key(self) -> None:
        story = at_payment()
        story.lose("paid")

        story.succeed("paid", CHECK, output=False)

        assert list(story.work) == [("paid", FORWARD)]
        assert not story.state.steps["paid"].unknown

    def test_a_failing_check_is_retried_and_then_a_person_decides(self) -> None:
        story = at_payment()
        story.lose("paid")

        for _ in range(3):
            story.fail("paid", CHECK)

        assert story.face.needs_person
        story.tell(facts.Retry())
        assert list(story.work) == [("paid", CHECK)], "a retry looks first, too"

    def test_what_an_old_check_did_not_find_may_have_happened_since(self) -> None:
        story = at_payment()
        story.lose("paid")
        story.lose("paid", CHECK)
        story.succeed("paid", CHECK, output=False)
        story.lose("paid")

        assert story.succeed("paid", CHECK, late=True, output=False) == []
        assert list(story.work) == [("paid", CHECK)], "the second attempt's outcome is still to be found out"

    def test_without_a_check_a_person_decides_whether_to_repeat(self) -> None:
        story = at_till()

        said = story.fail("paid", may_have_happened=True)

        assert said[-1].code == "unknown" and said[-1].may_have_happened
        assert not story.work
        story.tell(facts.Retry(reason="I called them; nothing happened"))
        assert list(story.work) == [("paid", FORWARD)]

    def test_what_surely_did_not_happen_is_simply_tried_again(self) -> None:
        story = at_till()

        story.fail("paid")

        assert list(story.work) == [("paid", FORWARD)]

    def test_an_extra_that_must_not_be_repeated_is_given_up_and_holds_nothing_up(self) -> None:
        story = at_payment(amount=0)
        story.message("agreed", accepted=True)
        story.wait_for("rest")
        story.succeed("sent")

        story.lose("insured")

        assert story.said(e.StepDropped)[0].may_have_happened
        assert story.face.lifecycle is Lifecycle.COMPLETED


def test_facts_about_steps_that_never_began_change_nothing() -> None:
    story = an_order()

    assert story.tell(facts.Succeeded(step="charge", late=True)) == []
    assert story.tell(facts.Failed(step="charge", error="x", kind="x")) == []
    assert story.tell(facts.TimeCame(name="registered")) == []
    assert story.message("registered", accepted=True) == []
    assert order.by_name["charge"].compensable
