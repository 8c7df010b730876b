"""The way back: what is corrected, in which order, once, and how the instance ends after that."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.core import processes
from tests.core.order import REVERSIBLE, WAY, an_order, order_after, pass_step
from tests.core.story import ASK, CHECK, COMPENSATE, FORWARD, Story
from workflows.core import events as e
from workflows.core import facts
from workflows.core.patience import MAX_LOSSES
from workflows.core.state import Lifecycle

CANCEL = facts.Cancel(reason="the customer changed her mind")


def correct_all(story: Story) -> None:
    """Every correction and alert goes well."""
    while story.work:
        for attempt in sorted(story.work):
            story.succeed(*attempt)


def paid_twins() -> Story:
    """Two reversible steps, both running."""
    story = Story(processes.twins).start(**processes.JOB)
    story.lease("reserved")
    story.lease("packed")
    return story


class TestCancelling:
    @pytest.mark.parametrize("done", [None, *WAY[:-1]])
    def test_at_every_step_everything_done_is_corrected_once_and_backwards(self, done: str | None) -> None:
        story = order_after(done) if done else an_order()

        story.tell(CANCEL)
        correct_all(story)

        passed = WAY[: WAY.index(done) + 1] if done else ()
        assert story.corrected() == [step for step in reversed(WAY) if step in passed and step in REVERSIBLE]
        assert (story.face.lifecycle, story.face.status) == (Lifecycle.CANCELLED, "OrderCancelled")
        assert story.face.reason == CANCEL.reason
        story.check_history()

    def test_what_has_not_begun_is_withdrawn_and_forgotten(self) -> None:
        story = order_after("submitted")

        story.tell(CANCEL)

        assert [event.step for event in story.said(e.StepWithdrawn)] == ["registered"]
        assert not story.waits
        assert story.message("registered", accepted=True) == []

    def test_while_it_is_asked_for_an_answer(self) -> None:
        story = order_after("submitted")
        story.wait_for("registered")
        story.lease("registered", ASK)

        story.tell(CANCEL)

        assert story.corrected() == []
        assert story.ready == ["submitted", "alert_order_desk"]

    def test_the_order_desk_is_told_once_and_nobody_waits_for_it(self) -> None:
        story = order_after("stock")

        story.tell(CANCEL)

        assert list(story.work) == [("alert_order_desk", FORWARD)]
        for _ in range(4):
            story.fail("alert_order_desk")
        assert story.face.status == "OrderCancelled"

    def test_an_alert_that_may_have_been_sent_is_not_sent_again_and_holds_nothing_up(self) -> None:
        story = Story(processes.workshop).start(**processes.JOB)

        story.tell(CANCEL)
        story.lose("tell_desk")

        assert story.face.status == "CalledOff"

    def test_twice_is_refused_with_a_sentence(self) -> None:
        story = order_after("charge")
        story.tell(CANCEL)

        with pytest.raises(facts.NotNow, match="already being corrected"):
            story.tell(CANCEL)

    def test_after_the_end_is_refused_with_a_sentence(self) -> None:
        with pytest.raises(facts.NotNow, match="already ended as Delivered"):
            order_after("thanks").tell(CANCEL)

    def test_a_paused_order_goes_on_in_order_to_be_corrected(self) -> None:
        story = order_after("charge")
        story.tell(facts.Pause())

        story.tell(CANCEL)
        correct_all(story)

        assert story.face.status == "OrderCancelled"

    def test_what_is_stuck_need_not_be_mended_first(self) -> None:
        story = order_after("reserve")
        story.fail("charge", retryable=False)

        story.tell(CANCEL)
        correct_all(story)

        assert story.corrected() == ["reserve"]


class TestRefusals:
    @pytest.mark.parametrize("step", [step for step in WAY if step not in ("registered", "thanks")])
    def test_each_step_that_is_refused_corrects_what_was_done_before(self, step: str) -> None:
        story = an_order()
        for name in WAY[: WAY.index(step)]:
            pass_step(story, name)

        story.refuse(step)
        correct_all(story)

        done = [name for name in reversed(WAY[: WAY.index(step)]) if name in REVERSIBLE]
        assert story.corrected() == done
        expected = (Lifecycle.COMPENSATED, "OrderCorrected") if done else (Lifecycle.FAILED, "OrderRejected")
        assert (story.face.lifecycle, story.face.status) == expected
        assert story.face.reason == f"{step} said no"

    def test_an_extra_that_is_refused_changes_nothing_else(self) -> None:
        story = order_after("delivery")

        story.refuse("thanks")

        assert story.face.status == "Delivered"

    def test_a_refusal_after_an_unknown_outcome_still_corrects_what_may_have_happened(self) -> None:
        story = order_after("reserve")
        story.fail("charge", may_have_happened=True)

        story.refuse("charge")

        assert story.said(e.CorrectionBegan)[0].plan == ["charge", "reserve"]

    def test_the_other_branch_is_withdrawn(self) -> None:
        story = an_order()

        story.refuse("stock")

        assert [event.step for event in story.said(e.StepWithdrawn)] == ["risk"]


class TestWhatIsStillRunning:
    def test_its_outcome_is_awaited_before_anything_is_corrected(self) -> None:
        story = order_after("reserve")
        story.lease("charge")

        story.tell(CANCEL)

        assert story.said(e.CorrectionBegan)[0].awaiting == ["charge"]
        assert story.ready == ["charge", "alert_order_desk"]
        assert (story.face.step, story.face.next_what) == ("charge", "outcome")

    @pytest.mark.parametrize(
        ("ending", "corrected"),
        [
            (lambda story: story.succeed("charge"), ["charge", "reserve"]),
            (lambda story: story.lose("charge"), ["charge", "reserve"]),
            (lambda story: story.fail("charge", may_have_happened=True), ["charge", "reserve"]),
            (lambda story: story.fail("charge"), ["reserve"]),
            (lambda story: story.refuse("charge"), ["reserve"]),
        ],
        ids=["yes", "lost", "maybe", "no", "refused"],
    )
    def test_what_happened_or_may_have_is_corrected(self, ending: object, corrected: list[str]) -> None:
        story = order_after("reserve")
        story.lease("charge")
        story.tell(CANCEL)

        ending(story)  # type: ignore[operator]
        correct_all(story)

        assert story.corrected() == corrected

    def test_one_that_did_nothing_does_not_hide_an_earlier_one_that_may_have(self) -> None:
        story = order_after("reserve")
        story.fail("charge", may_have_happened=True)
        story.lease("charge")
        story.tell(CANCEL)

        story.refuse("charge")
        correct_all(story)

        assert story.corrected() == ["charge", "reserve"]

    @pytest.mark.parametrize("found", [True, False])
    def test_a_check_that_is_under_way_decides(self, found: bool) -> None:
        story = Story(processes.workshop).start(**processes.JOB)
        for step in ("looked", "reserved", "packed", "stamped"):
            story.succeed(step)
        story.lose("paid")
        story.lease("paid", CHECK)
        story.tell(CANCEL)

        story.succeed("paid", CHECK, output=found)
        correct_all(story)

        assert ("paid" in story.corrected()) is found

    @pytest.mark.parametrize("first", ["reserved", "packed"])
    def test_two_that_run_on_are_corrected_in_reverse_order_of_their_ends(self, first: str) -> None:
        story = paid_twins()
        story.tell(CANCEL)

        then = "packed" if first == "reserved" else "reserved"
        story.succeed(first)
        assert not any(direction is COMPENSATE for _, direction in story.work)
        story.succeed(then)
        correct_all(story)

        assert story.corrected() == [then, first]

    def test_what_cannot_be_taken_back_is_awaited_and_named(self) -> None:
        story = Story(processes.twins).start(**processes.JOB)
        story.succeed("reserved")
        story.succeed("packed")
        story.lease("sealed")
        story.tell(CANCEL)

        story.succeed("sealed")
        correct_all(story)

        assert story.said(e.StepSucceeded)[-1].step == "sealed", "the effect is in the history"
        assert story.corrected() == ["packed", "reserved"]
        ended = story.said(e.InstanceEnded)[-1]
        assert ended.irreversible == ["sealed"]
        assert ended.reason == f"{CANCEL.reason} (cannot be taken back: sealed)"


class TestCorrectingSteps:
    def test_one_at_a_time(self) -> None:
        story = order_after("charge")
        story.tell(CANCEL)

        assert story.ready == ["charge", "alert_order_desk"]
        story.succeed("charge", COMPENSATE)
        assert ("reserve", COMPENSATE) in story.work

    def test_it_has_its_own_key(self) -> None:
        story = order_after("charge")
        story.tell(CANCEL)

        story.succeed("charge", COMPENSATE)

        assert story.said(e.CompensationSucceeded)[0].key == "order/536365/r1/charge/g1/compensate"

    def test_it_is_retried(self) -> None:
        story = order_after("charge")
        story.tell(CANCEL)

        story.fail("charge", COMPENSATE)

        shown = story.face
        assert (shown.lifecycle, shown.waiting_kind, shown.next_what) == (Lifecycle.COMPENSATING, "retry", "attempt")
        assert shown.next_at == story.work["charge", COMPENSATE].ready_at

    @pytest.mark.parametrize("how", ["exhausted", "permanent", "refused", "lost"])
    def test_what_cannot_be_corrected_names_a_person_and_holds_the_rest(self, how: str) -> None:
        story = order_after("charge")
        story.tell(CANCEL)

        for _ in range(20):
            if ("charge", COMPENSATE) not in story.work:
                break
            match how:
                case "exhausted":
                    story.fail("charge", COMPENSATE)
                case "permanent":
                    story.fail("charge", COMPENSATE, retryable=False)
                case "refused":
                    story.refuse("charge", COMPENSATE)
                case "lost":
                    story.lose("charge", COMPENSATE)

        assert story.face.needs_person
        assert (story.face.step, story.face.owner) == ("charge", "payments-team")
        assert ("reserve", COMPENSATE) not in story.work
        story.tell(facts.Retry(reason="they are back"))
        correct_all(story)
        assert story.corrected() == ["charge", "reserve"]
        assert story.face.status == "OrderCancelled"

    def test_losses_are_counted_in_quarantine_only(self) -> None:
        story = order_after("charge")
        story.tell(CANCEL)

        for _ in range(MAX_LOSSES):
            story.lose("charge", COMPENSATE)
        assert not story.face.needs_person
        story.lose("charge", COMPENSATE)
        assert story.face.needs_person

    @pytest.mark.parametrize("lost", [True, False])
    def test_one_that_must_not_be_repeated_blindly_goes_to_a_person(self, lost: bool) -> None:
        story = Story(processes.till).start(**processes.JOB)
        story.lease("paid")
        story.tell(CANCEL)
        story.succeed("paid")

        if lost:
            story.lose("paid", COMPENSATE)
        else:
            story.fail("paid", COMPENSATE, may_have_happened=True)

        assert story.said(e.PersonAsked)[-1].code == "unknown"
        assert story.face.needs_person

    def test_a_success_reported_after_a_person_was_asked_settles_it(self) -> None:
        story = order_after("charge")
        story.tell(CANCEL)
        story.fail("charge", COMPENSATE, retryable=False)

        key = "order/536365/r1/charge/g1/compensate"
        story.tell(facts.Succeeded(step="charge", direction=COMPENSATE, late=True, key=key))

        assert ("reserve", COMPENSATE) in story.work


class TestCorrectingOnRequest:
    def test_a_delivered_order_lives_again_and_ends_corrected(self) -> None:
        story = order_after("thanks")

        story.tell(facts.Compensate(reason="everything came back"))
        assert (story.state.generation, story.face.lifecycle) == (2, Lifecycle.COMPENSATING)
        correct_all(story)

        assert story.corrected() == ["delivery", "submitted", "charge", "reserve"]
        assert (story.face.lifecycle, story.face.status) == (Lifecycle.COMPENSATED, "OrderCorrected")
        assert story.face.reason == "everything came back (cannot be taken back: thanks)"
        assert [type(event) for event in story.events].count(e.InstanceEnded) == 2

    def test_a_running_order_is_stopped_for_it(self) -> None:
        story = order_after("charge")

        story.tell(facts.Compensate(reason="wrong price"))
        correct_all(story)

        assert story.face.lifecycle is Lifecycle.COMPENSATED

    def test_what_was_corrected_is_not_corrected_again(self) -> None:
        story = order_after("charge")
        story.tell(CANCEL)
        correct_all(story)

        with pytest.raises(facts.NotNow, match="nothing that can be corrected remains"):
            story.tell(facts.Compensate(reason="again"))

    def test_while_it_is_being_corrected_it_is_refused(self) -> None:
        story = order_after("charge")
        story.tell(CANCEL)

        with pytest.raises(facts.NotNow, match="already being corrected"):
            story.tell(facts.Compensate(reason="again"))


@dataclass
class Zombie:
    """A charge whose worker was taken for dead, in an order that is being cancelled."""

    story: Story

    @classmethod
    def in_a_cancelled_order(cls) -> Zombie:
        story = order_after("reserve")
        story.lose("charge")
        story.tell(CANCEL)
        return cls(story)

    def speak(self) -> list[e.Event]:
        return self.story.succeed("charge", late=True)


class TestLateEffects:
    def test_before_its_correction_begins_nothing_more_is_needed(self) -> None:
        zombie = Zombie.in_a_cancelled_order()

        assert zombie.speak() == []
        correct_all(zombie.story)
        assert zombie.story.corrected() == ["charge", "reserve"]

    def test_while_its_correction_runs_which_may_have_looked_too_early_another_follows(self) -> None:
        zombie = Zombie.in_a_cancelled_order()
        zombie.story.lease("charge", COMPENSATE)

        zombie.speak()
        correct_all(zombie.story)

        assert zombie.story.corrected() == ["charge", "charge", "reserve"]
        keys = [event.key for event in zombie.story.said(e.CompensationSucceeded)]
        assert keys[:2] == ["order/536365/r1/charge/g1/compensate", "order/536365/r1/charge/g1/compensate2"]

    def test_between_two_attempts_to_correct_it_another_follows_too(self) -> None:
        zombie = Zombie.in_a_cancelled_order()
        zombie.story.fail("charge", COMPENSATE, may_have_happened=True)

        zombie.speak()
        correct_all(zombie.story)

        assert zombie.story.corrected() == ["charge", "charge", "reserve"]

    def test_after_its_correction_it_is_corrected_once_more(self) -> None:
        zombie = Zombie.in_a_cancelled_order()
        zombie.story.succeed("charge", COMPENSATE)

        zombie.speak()
        correct_all(zombie.story)

        assert sorted(zombie.story.corrected()) == ["charge", "charge", "reserve"]

    def test_after_the_end_the_order_lives_again_and_stays_cancelled(self) -> None:
        zombie = Zombie.in_a_cancelled_order()
        correct_all(zombie.story)
        assert not zombie.story.state.alive

        zombie.speak()
        assert (zombie.story.state.generation, zombie.story.ready) == (2, ["charge"])
        correct_all(zombie.story)

        assert zombie.story.corrected() == ["charge", "reserve", "charge"]
        assert zombie.story.face.status == "OrderCancelled"

    def test_the_same_report_twice_is_one_report_while_it_is_being_corrected(self) -> None:
        zombie = Zombie.in_a_cancelled_order()
        zombie.story.lease("charge", COMPENSATE)
        zombie.speak()

        assert zombie.speak() == []

    def test_a_correction_reported_late_says_nothing_about_a_later_round(self) -> None:
        zombie = Zombie.in_a_cancelled_order()
        old = facts.Succeeded(
            step="charge", direction=COMPENSATE, late=True, key="order/536365/r1/charge/g1/compensate"
        )  # fmt: skip
        zombie.story.succeed("charge", COMPENSATE)
        zombie.speak()
        zombie.story.succeed("reserve", COMPENSATE)

        assert zombie.story.tell(old) == []
        assert ("charge", COMPENSATE) in zombie.story.work

    def test_an_old_check_that_found_nothing_is_no_effect(self) -> None:
        story = Story(processes.workshop).start(**processes.JOB)
        for step in ("looked", "reserved", "packed", "stamped"):
            story.succeed(step)
        story.lose("paid")
        story.lose("paid", CHECK)
        story.tell(CANCEL)
        correct_all(story)

        assert story.succeed("paid", CHECK, late=True, output=False) == []
        assert not story.state.alive
