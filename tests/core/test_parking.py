"""What a breaker refuses uses no attempt: it is parked and shown, or goes another way; people can step in."""

from __future__ import annotations

import pytest

from tests.core.processes import review, twins, workshop
from tests.core.story import COMPENSATE, Direction, Story
from workflows.core import events as e
from workflows.core import facts, safety
from workflows.core.facts import NotNow
from workflows.core.state import ItemPhase, Lifecycle, Phase

FALLBACK = Direction.FALLBACK


def test_a_refused_call_is_parked_without_an_attempt() -> None:
    story = Story(twins).start()

    story.bar("reserved")

    step = story.state.steps["reserved"]
    assert (step.phase, step.patience.attempts, step.patience.parked) == (Phase.READY, 0, "store")
    assert story.work["reserved", Direction.FORWARD].parked
    assert story.face.status == "ReservationUnavailable"
    assert (story.face.waiting_kind, story.face.waiting_name, story.face.next_what) == ("breaker", "store", "probe")


def test_being_refused_again_says_nothing_new() -> None:
    story = Story(twins).start()
    story.bar("reserved")

    assert story.bar("reserved") == []


@pytest.mark.parametrize("end", ["succeed", "fail", "lose"])
def test_the_next_attempt_ends_the_parking(end: str) -> None:
    story = Story(twins).start()
    story.bar("reserved")

    getattr(story, end)("reserved")

    assert story.state.steps["reserved"].patience.parked == ""
    assert story.state.steps["reserved"].patience.attempts == 1


def test_what_failed_before_keeps_its_count() -> None:
    story = Story(twins).start()
    story.fail("reserved")

    story.bar("reserved")
    story.fail("reserved")

    assert story.state.steps["reserved"].patience.failures == 2


def test_a_probe_that_fails_does_not_use_up_the_patience_with_a_step() -> None:
    story = Story(twins).start()

    for _ in range(20):
        story.bar("reserved")
        story.fail("reserved", probe=True)

    step = story.state.steps["reserved"]
    assert (step.phase, step.patience.failures, step.patience.attempts) == (Phase.READY, 0, 20)


def test_a_correction_is_parked_like_everything_else() -> None:
    story = Story(twins).start()
    story.succeed("reserved")
    story.refuse("packed")

    story.bar("reserved", COMPENSATE)

    assert story.state.correction is not None and story.state.correction.items[0].patience.parked == "store"
    assert (story.face.lifecycle, story.face.waiting_kind) == (Lifecycle.COMPENSATING, "breaker")
    story.succeed("reserved", COMPENSATE)
    assert story.face.lifecycle is Lifecycle.COMPENSATED


def test_a_refusal_while_a_correction_waits_means_that_nothing_happened() -> None:
    story = Story(twins).start()
    story.lease("packed")
    story.lease("reserved")
    story.refuse("packed")

    story.bar("reserved")

    assert story.face.lifecycle is Lifecycle.FAILED


def test_a_step_with_another_way_takes_it_at_once() -> None:
    story = Story(review).start(amount=1, urgent=True)

    story.bar("looked")
    assert [event.why for event in story.said(e.FallbackScheduled)] == ["store is unavailable"]
    story.succeed("looked", FALLBACK, score=0.1)

    assert story.said(e.StepSucceeded)[0].how == "fallback"
    assert story.ready == ["packed"]


def test_a_step_whose_attempts_all_failed_takes_its_other_way_once() -> None:
    story = Story(review).start(amount=1, urgent=True)
    for _ in range(3):
        story.fail("looked")
    assert ("looked", FALLBACK) in story.work

    for _ in range(6):
        story.fail("looked", FALLBACK)

    assert story.state.steps["looked"].phase is Phase.STUCK
    assert len(story.said(e.FallbackScheduled)) == 1


# --- what people do to single steps ---------------------------------------------------------------------------------


def stuck() -> Story:
    """A job whose payment needs a person; nobody can tell whether it happened."""
    story = Story(workshop).start(amount=12.5, urgent=False, job_id="536365")
    for name in ("looked", "reserved", "packed", "stamped"):
        story.succeed(name)
    story.fail("paid", retryable=False)
    assert story.face.needs_person
    return story


def test_a_result_entered_by_hand_lets_it_go_on() -> None:
    story = stuck()

    story.tell(facts.Complete(reason="called the bank", step="paid", has_output=True))

    done = story.said(e.StepSucceeded)[-1]
    assert (done.how, done.note, done.attempt) == ("person", "called the bank", 0)
    assert story.waits


def test_a_step_that_nobody_needs_the_result_of_can_be_passed_over() -> None:
    story = stuck()

    story.tell(facts.Skip(reason="paid in cash"))

    assert story.state.steps["paid"].phase is Phase.SKIPPED
    assert story.said(e.StepPassedOver)[0].reason == "paid in cash"


def test_an_effect_that_may_have_happened_is_corrected_although_its_step_was_passed_over() -> None:
    story = Story(workshop).start(amount=12.5, urgent=False, job_id="1")
    for name in ("looked", "reserved", "packed", "stamped"):
        story.succeed(name)
    story.lose("paid")
    story.fail("paid", Direction.CHECK, retryable=False)
    story.tell(facts.Skip(reason="never mind", step="paid"))

    story.tell(facts.Cancel(reason="off"))

    assert "paid" in [item.step for item in story.state.correction.items]  # type: ignore[union-attr]


def test_what_has_only_just_begun_is_left_to_the_workers() -> None:
    story = Story(twins).start()

    with pytest.raises(NotNow, match="only just begun"):
        story.tell(facts.Complete(reason="-", step="reserved"))


def test_an_attempt_that_is_under_way_is_waited_for() -> None:
    story = Story(twins).start()
    story.fail("reserved")
    story.lease("reserved")

    with pytest.raises(NotNow, match="under way"):
        story.tell(facts.Complete(reason="-", step="reserved"))


def correcting() -> Story:
    """A pair whose reservation cannot be released."""
    story = Story(twins).start()
    story.succeed("reserved")
    story.refuse("packed")
    story.fail("reserved", COMPENSATE, retryable=False)
    assert story.face.needs_person
    return story


def test_a_correction_made_outside_counts() -> None:
    story = correcting()

    story.tell(facts.Complete(reason="released by phone"))

    assert story.face.lifecycle is Lifecycle.COMPENSATED
    assert story.said(e.CompensationSucceeded)[0].note == "released by phone"


def test_an_effect_left_as_it_is_ends_as_a_failure_that_says_so() -> None:
    story = correcting()
    item = story.state.correction.items[0]  # type: ignore[union-attr]
    assert item.phase is ItemPhase.STUCK

    decision = story.tell(facts.Skip(reason="not worth it"))

    assert decision[-1].lifecycle == Lifecycle.FAILED
    assert decision[-1].reason == "packed said no (left as it is: reserved)"


def test_somebody_else_looks_after_it_from_now_on() -> None:
    story = stuck()
    assert story.face.owner == "cashiers"

    story.tell(facts.Reassign(owner="night shift"))

    assert story.face.owner == "night shift"
    with pytest.raises(NotNow, match="already"):
        story.tell(facts.Reassign(owner="night shift"))


def test_whether_a_retry_can_do_harm() -> None:
    """All four verdicts, each from what is recorded."""
    forward = Direction.FORWARD
    assert safety.of_retry(workshop, stuck().state) == "safe"

    known = Story(twins).start()
    known.fail("reserved", may_have_happened=True)
    assert safety.of_retry(twins, known.state) == "returns the stored outcome"

    lost = Story(workshop).start(amount=12.5, urgent=False, job_id="1")
    for name in ("looked", "reserved", "packed", "stamped"):
        lost.succeed(name)
    lost.lose("paid")
    assert safety.of_step(lost.state, workshop.by_name["paid"], forward) == "unknown: check the provider first"

    blind = Story(workshop).start(amount=0, urgent=True, job_id="1")
    for name in ("looked", "reserved", "packed", "stamped"):
        blind.succeed(name)
    blind.message("agreed", accepted=True)
    blind.succeed("sent")
    blind.lose("insured")
    assert safety.of_step(blind.state, workshop.by_name["insured"], forward) == "unsafe"
