"""Pausing, resuming, trying again carefully, entering results, and asking for what makes no sense now."""

from __future__ import annotations

import pytest

from tests.core.order import an_order, order_after
from tests.core.processes import counter, workshop
from tests.core.story import CHECK, COMPENSATE, FORWARD, Story
from workflows.core import events as e
from workflows.core import facts, safety
from workflows.core.state import Lifecycle, Phase


def test_a_paused_order_holds_its_work_and_its_times() -> None:
    story = order_after("reserve")

    story.tell(facts.Pause(reason="price error"))

    assert story.work["charge", FORWARD].held
    assert all(timer.held for timer in story.timers.values())
    shown = story.face
    assert (shown.lifecycle, shown.waiting_kind, shown.next_at) == (Lifecycle.PAUSED, "paused", None)
    assert shown.status == "PaymentPending", "its business status stays readable"


def test_what_was_running_may_finish_but_nothing_follows_until_it_is_resumed() -> None:
    story = order_after("reserve")
    story.lease("charge")
    story.tell(facts.Pause())

    story.succeed("charge")
    assert not story.work

    story.tell(facts.Resume())
    assert story.ready == ["submitted"]
    assert [event.step for event in story.published] == ["confirmed"]


def test_a_refusal_while_paused_is_corrected_after_it_is_resumed() -> None:
    story = order_after("reserve")
    story.lease("charge")
    story.tell(facts.Pause())

    story.refuse("charge")
    assert all(work.held for work in story.work.values())

    story.tell(facts.Resume())
    assert ("reserve", "compensate") in story.work


@pytest.mark.parametrize(
    ("fact", "sentence"),
    [
        (facts.Pause(), "already ended as Delivered"),
        (facts.Resume(), "not paused"),
        (facts.Retry(), "already ended as Delivered"),
        (facts.Cancel(reason="x"), "already ended as Delivered"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_after_the_end_most_things_make_no_sense(fact: facts.Fact, sentence: str) -> None:
    with pytest.raises(facts.NotNow, match=sentence):
        order_after("thanks").tell(fact)


def test_pausing_twice_and_resuming_what_runs_is_refused() -> None:
    story = an_order()
    with pytest.raises(facts.NotNow, match="not paused"):
        story.tell(facts.Resume())
    story.tell(facts.Pause())
    with pytest.raises(facts.NotNow, match="already paused"):
        story.tell(facts.Pause())


def test_a_retry_of_one_step_leaves_the_others_alone() -> None:
    story = an_order()
    story.fail("stock")
    story.fail("risk")

    story.tell(facts.Retry(step="risk", reason="they are back"))

    (requested,) = story.said(e.RetryRequested)
    assert (requested.step, requested.reason) == ("risk", "they are back")
    assert story.work["stock", FORWARD].ready_at is not None


def unsettled() -> Story:
    """A job whose payment may have happened; the check that would look cannot reach the bank."""
    story = Story(workshop).start(amount=12.5, urgent=False, job_id="1")
    for name in ("looked", "reserved", "packed", "stamped"):
        story.succeed(name)
    story.lose("paid")
    story.fail("paid", CHECK, retryable=False)
    assert story.face.needs_person
    return story


def test_a_check_that_gave_up_leaves_it_unknown_and_a_retry_looks_first() -> None:
    story = unsettled()
    assert safety.of_retry(workshop, story.state) == "unknown: check the provider first"

    story.tell(facts.Retry(reason="the bank is back"))

    assert list(story.work) == [("paid", CHECK)]


def test_a_retry_looks_first_although_the_effect_itself_is_what_stuck() -> None:
    story = unsettled()
    # Lost again and again: the check finds nothing each time, and at last nobody tries any more.
    story.tell(facts.Retry())
    story.succeed("paid", CHECK, output=False)
    while ("paid", FORWARD) in story.work:
        story.lose("paid")
        if ("paid", CHECK) in story.work:
            story.succeed("paid", CHECK, output=False)
    assert story.state.steps["paid"].phase is Phase.STUCK and story.state.steps["paid"].direction is FORWARD
    assert safety.of_retry(workshop, story.state) == "unknown: check the provider first"

    story.tell(facts.Retry())

    assert list(story.work) == [("paid", CHECK)]


def test_an_answer_entered_by_hand_that_is_a_refusal_is_one() -> None:
    story = Story(counter).start(job_id="1")
    story.succeed("paid", number="N1")

    story.tell(facts.Complete(reason="read it in the letter", has_output=True, values={"accepted": False}))

    refused = story.said(e.StepRefused)[0]
    assert (refused.step, refused.how, refused.code) == ("agreed", "person", "AgreementRefused")
    assert list(story.work) == [("paid", COMPENSATE)]
