"""Messages from outside, asking when none comes, and times that pass."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.core import processes
from tests.core.order import order_after
from tests.core.story import ASK, Story
from workflows.core import events as e
from workflows.core import facts
from workflows.core.patience import MAX_ROUNDS
from workflows.core.state import Lifecycle


def silent() -> Story:
    """An order whose ERP was asked as often as it may be, in vain."""
    story = order_after("submitted")
    for _ in range(MAX_ROUNDS):
        story.wait_for("registered")
        story.tell(facts.StillPending(step="registered", direction=ASK))
    story.wait_for("registered")
    return story


def at_agreement() -> Story:
    """A job that waits for an answer nobody can ask for."""
    story = Story(processes.workshop).start(**{**processes.JOB, "amount": 0})
    for step in ("looked", "reserved", "packed", "stamped"):
        story.succeed(step)
    return story


def test_an_answer_in_time_lets_the_order_go_on() -> None:
    story = order_after("submitted")

    (succeeded, *_) = story.message("registered", accepted=True)

    assert (succeeded.how, succeeded.message) == ("callback", "m-1")
    assert "registered" not in story.waits
    assert "registered" not in story.timers


def test_the_same_answer_twice_is_one_answer() -> None:
    story = order_after("submitted")
    story.message("registered", accepted=True)

    assert story.message("registered", accepted=True) == []


def test_a_refusal_corrects_the_order_and_gives_its_reason() -> None:
    story = order_after("submitted")

    story.message("registered", accepted=False, reason="credit limit")

    (refused,) = story.said(e.StepRefused)
    assert (refused.code, refused.reason) == ("ErpRejected", "credit limit")
    assert story.said(e.CorrectionBegan)[0].plan == ["submitted", "charge", "reserve"]


def test_a_refusal_without_a_reason_names_the_message() -> None:
    story = order_after("submitted")

    story.message("registered", accepted=False, reason=None)

    assert story.said(e.StepRefused)[0].reason == "erp.registered was refused"


def test_without_an_answer_the_far_side_is_asked() -> None:
    story = order_after("submitted")

    story.wait_for("registered")

    assert list(story.work) == [("registered", ASK)]
    assert "registered" in story.waits, "the message may still come meanwhile"


def test_the_answer_may_be_found_by_asking() -> None:
    story = order_after("submitted")
    story.wait_for("registered")

    story.succeed("registered", ASK, accepted=True)

    assert story.said(e.StepSucceeded)[-1].how == "ask"
    assert story.ready == ["delivery"]


def test_a_refusal_may_be_found_by_asking() -> None:
    story = order_after("submitted")
    story.wait_for("registered")

    story.succeed("registered", ASK, accepted=False, reason="credit limit")

    assert story.face.lifecycle is Lifecycle.COMPENSATING


def test_the_message_wins_over_an_answer_that_is_being_asked_for() -> None:
    story = order_after("submitted")
    story.wait_for("registered")
    story.lease("registered", ASK)

    story.message("registered", accepted=True)

    assert not story.leased
    assert story.succeed("registered", ASK, late=True, accepted=False) == []


def test_still_pending_waits_again_as_long_as_the_far_side_wishes() -> None:
    story = order_after("submitted")
    story.wait_for("registered")

    story.lease("registered", ASK)
    story.tell(facts.StillPending(step="registered", direction=ASK, after=timedelta(minutes=7)))

    assert story.timers["registered"].fire_at == story.now + timedelta(minutes=7)


def test_after_three_rounds_a_person_is_named_and_the_message_is_still_welcome() -> None:
    story = silent()

    asked = story.said(e.PersonAsked)[-1]
    assert (asked.code, asked.reason) == ("unanswered", "No answer came in time, and asking 3 times gave none.")
    assert (story.face.status, story.face.owner) == ("ErpRegistrationFailed", "erp-team")
    story.message("registered", accepted=True)
    assert story.ready == ["delivery"]


def test_a_person_may_have_it_asked_again() -> None:
    story = silent()

    story.tell(facts.Retry(step="registered"))

    assert list(story.work) == [("registered", ASK)]
    assert not story.face.needs_person


def test_an_ask_that_fails_is_retried_and_attempts_are_numbered_for_ever() -> None:
    story = order_after("submitted")
    story.wait_for("registered")
    story.fail("registered", ASK)
    story.tell(facts.StillPending(step="registered", direction=ASK))
    story.wait_for("registered")

    story.fail("registered", ASK)

    assert [event.attempt for event in story.said(e.AttemptFailed)] == [1, 2]


def test_an_ask_that_keeps_failing_goes_to_a_person() -> None:
    story = order_after("submitted")
    story.wait_for("registered")

    for _ in range(8):
        story.fail("registered", ASK)

    assert story.face.needs_person
    story.tell(facts.Retry())
    assert list(story.work) == [("registered", ASK)]


def test_where_nobody_can_be_asked_a_person_is_named_and_may_wait_once_more() -> None:
    story = at_agreement()

    story.wait_for("agreed")
    assert story.said(e.PersonAsked)[0].reason == "No answer came in time."

    story.tell(facts.Retry(reason="they promised it for noon"))
    assert story.timers["agreed"].fire_at == story.now + timedelta(minutes=10)


def test_a_time_that_has_not_come_is_not_believed() -> None:
    story = order_after("submitted")

    assert story.tell(facts.TimeCame(name="registered")) == []


def test_a_timer_holds_the_way_until_it_fires() -> None:
    story = at_agreement()
    story.message("agreed", accepted=True)
    assert story.ready == []
    assert (story.face.waiting_kind, story.face.next_what) == ("timer", "fire")

    story.wait_for("rest")

    assert story.ready == ["sent"]
    assert story.tell(facts.TimeCame(name="rest")) == [], "once"


def test_a_job_without_the_condition_needs_no_rest() -> None:
    story = Story(processes.workshop).start(**{**processes.JOB, "amount": 0, "urgent": True})
    for step in ("looked", "reserved", "packed", "stamped"):
        story.succeed(step)

    story.message("agreed", accepted=True)

    assert story.ready == ["sent"]


@pytest.mark.parametrize("while_paused", ["message", "time"])
def test_a_paused_order_opens_nothing_new(while_paused: str) -> None:
    story = order_after("submitted")
    story.tell(facts.Pause(reason="stocktaking"))

    assert story.timers["registered"].held
    if while_paused == "message":
        story.message("registered", accepted=True)
        assert story.ready == []
    else:
        assert story.later(timedelta(hours=1)).tell(facts.TimeCame(name="registered")) == []
    story.tell(facts.Resume())
    assert story.ready == (["delivery"] if while_paused == "message" else [])
    assert not any(timer.held for timer in story.timers.values())
