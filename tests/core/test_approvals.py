"""People are asked, vote, and are not waited for for ever; ways are chosen by rules that explain themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.core.processes import review
from tests.core.story import Story
from workflows.core import events as e
from workflows.core import facts
from workflows.core.facts import NotNow
from workflows.core.state import Lifecycle, Phase


def asked(amount: float = 12.5, *, urgent: bool = False) -> Story:
    """A case that waits for the elders."""
    story = Story(review).start(amount=amount, urgent=urgent)
    story.succeed("looked", score=0.7)
    return story


def decided(**given: object) -> Story:
    """A case the elders agreed to."""
    story = asked(**given)  # type: ignore[arg-type]
    story.vote("agreed", "ann", decides=False)
    story.vote("agreed", "bob")
    return story


def test_people_are_asked_with_the_reason_and_the_evidence() -> None:
    story = asked()

    (question,) = story.said(e.ApprovalOpened)
    assert (question.audience, question.quorum, question.default) == ("elders", 2, "reject")
    assert question.evidence == ["job", "looked"]
    assert question.rule == "looked.score >= 0.5 or job.amount > 100 is true (0.7, 12.5)"
    shown = story.face
    assert (shown.status, shown.waiting_kind, shown.waiting_name) == ("PendingHumanDecision", "approval", "elders")
    assert (shown.lifecycle, shown.needs_person, shown.next_what) == (Lifecycle.WAITING, False, "reject")
    assert shown.waiting_until == question.due_at


def test_a_case_that_needs_no_question_is_not_held_up() -> None:
    story = Story(review).start(amount=1, urgent=False)

    story.succeed("looked", score=0.1)

    assert story.state.steps["agreed"].phase is Phase.SKIPPED
    assert not story.asks


def test_the_vote_that_completes_the_quorum_decides() -> None:
    story = asked()

    story.vote("agreed", "ann", decides=False)
    assert story.asks == {"agreed"} and story.face.status == "PendingHumanDecision"
    story.vote("agreed", "bob")

    assert [vote.person for vote in story.said(e.VoteCast)] == ["ann", "bob"]
    assert (story.settled[0].outcome, story.settled[0].by) == ("approved", "bob")
    assert story.state.values["agreed"]["approved"] is True


def test_a_rejection_is_a_refusal() -> None:
    story = asked()

    story.vote("agreed", "ann", "reject")

    assert story.settled[0].outcome == "rejected"
    assert (story.face.lifecycle, story.face.status) == (Lifecycle.FAILED, "Failed")
    assert story.face.reason == "ann rejected it"


def test_without_a_decision_the_default_follows() -> None:
    story = asked()

    story.wait_for("agreed")

    assert story.settled[0].outcome == "timed_out"
    assert story.face.lifecycle is Lifecycle.FAILED
    assert story.face.reason == "elders did not decide in time"


def test_a_default_of_yes_goes_on_and_says_so() -> None:
    story = decided()
    story.succeed("reserved")

    story.wait_for("signed")

    assert story.said(e.StepSucceeded)[-1].how == "timeout"
    assert story.state.values["signed"]["approved"] is True
    assert story.face.lifecycle is Lifecycle.COMPLETED


def test_a_vote_that_comes_too_late_changes_nothing() -> None:
    story = asked()
    story.vote("agreed", "ann", "reject")

    assert story.vote("agreed", "bob") == []


def test_cancelling_withdraws_the_question() -> None:
    story = asked()

    story.tell(facts.Cancel(reason="changed my mind"))

    assert story.settled[0].outcome == "withdrawn"
    assert story.face.lifecycle is Lifecycle.CANCELLED


@pytest.mark.parametrize("fact", [facts.Skip(reason="-", step="agreed"), facts.Complete(reason="-", step="agreed")])
def test_nobody_jumps_over_a_question(fact: facts.Fact) -> None:
    with pytest.raises(NotNow, match="those who are asked decide, nobody else"):
        asked().tell(fact)


@pytest.mark.parametrize(
    ("given", "way", "rule"),
    [
        ({"urgent": True}, "fast", "job.urgent == true is true (true)"),
        ({"amount": 200}, "dear", "job.amount > 100 is true (200)"),
        ({}, "slow", "job.urgent == true is false (false); job.amount > 100 is false (12.5)"),
    ],
)
def test_the_first_way_whose_rule_holds_is_taken_and_explained(given: dict[str, object], way: str, rule: str) -> None:
    story = decided(**given)

    (chosen,) = story.said(e.RouteChosen)
    assert (chosen.choice, chosen.rule) == (way, rule)
    assert story.ready == (["packed"] if way == "fast" else ["reserved"])


def test_a_paused_case_keeps_the_decision_and_goes_on_when_it_is_resumed() -> None:
    story = asked()
    story.tell(facts.Pause())

    story.vote("agreed", "ann", decides=False)
    story.vote("agreed", "bob")
    assert not story.ready
    story.tell(facts.Resume())

    assert story.ready == ["reserved"]


def test_pace_divides_the_time_people_have() -> None:
    story = Story(review, pace=60).start(amount=12.5, urgent=False)
    story.succeed("looked", score=0.7)

    assert story.timers["agreed"].fire_at - story.now == timedelta(minutes=1)
