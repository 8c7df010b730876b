"""I21, I22 and the questions in I05 have their faults planted, and `verify` finds exactly those."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from approvals.models import Approval, Vote
from tests.deciders import asked, decider, elder, gift, gifts, work
from tests.engine.desk import Desk
from tests.engine.tampering import changed, rewrite, sql
from tests.worlds import person, sealed
from workflows import audit, interventions
from workflows.audit import Act
from workflows.engine import clock, ids, timers
from workflows.interventions.deciding import decide
from workflows.models import Instance, Payload
from workflows.verify import verify

pytestmark = pytest.mark.django_db(transaction=True)

GRACE = timedelta(seconds=60)
LONG = timedelta(hours=8)


def problems() -> dict[str, list[str]]:
    """What is wrong, by invariant."""
    return {
        verdict.invariant: [offender.problem for offender in verdict.offenders]
        for verdict in verify(GRACE).verdicts
        if verdict.offenders
    }


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def approved(desk: Desk) -> Approval:
    """A question that anna approved."""
    question = asked(desk, "A1")
    decide(decider("anna"), "approve", question.id, comment="known")
    question.refresh_from_db()
    assert problems() == {}
    return question


@pytest.fixture
def agreed(desk: Desk) -> Iterator[Approval]:
    """A gift that two elders agreed to keep."""
    with gifts():
        question = gift()
        for name in ("anna", "bert"):
            decide(elder(name), "approve", question.id)
        work()
        assert problems() == {}
        yield question


def test_every_way_a_question_can_go_is_clean(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, accepted, refused, late, cancelled = (asked(desk, f"A{number}") for number in range(5))
    decide(decider("anna"), "approve", accepted.id)
    desk.play(accepted.subject)
    decide(decider("anna"), "reject", refused.id, comment="no")
    desk.play(refused.subject)
    olga = interventions.user(person("olga"))
    interventions.act(olga, "cancel", cancelled.subject, reason="off")
    interventions.act(olga, "pause", waiting.subject, reason="look")
    read = clock.read
    with monkeypatch.context() as later:
        later.setattr(clock, "read", lambda: read() + timedelta(hours=4))
        timers.fire(late.subject, "review")

    assert set(Approval.objects.values_list("state", flat=True)) == {
        "open", "approved", "rejected", "timed_out", "withdrawn",
    }  # fmt: skip
    assert problems() == {}


def test_i05_a_question_that_nobody_ended_in_time(desk: Desk) -> None:
    question = asked(desk)

    Approval.objects.update(due_at=clock.read() - LONG)

    assert set(problems()) == {"I05", "I21"}  # it is not the time that was said, either
    assert f"the question about review is overdue since {Approval.objects.get().due_at}" in problems()["I05"]
    interventions.act(interventions.user(person("olga")), "pause", question.subject, reason="look")
    sealed()
    assert set(problems()) == {"I21"}  # a paused one may take its time


def test_i21_a_question_that_is_missing(desk: Desk) -> None:
    asked(desk)

    Approval.objects.all().delete()

    assert problems() == {"I21": ["review: the history tells of a question, kept is nothing"]}


def test_i21_a_question_that_was_never_asked(desk: Desk) -> None:
    question = asked(desk)
    Approval.objects.filter(id=question.id).update(state="approved", decided_at=clock.now(), decided_by="anna")
    question.id = ids.new_id()
    question.save(force_insert=True)

    found = problems()

    assert f"review: the history tells of no question, kept is question {question.id}" in found["I21"]
    assert set(found) == {"I21", "I22"}  # and the other one was approved by nobody


def test_i21_a_question_that_is_still_open_although_it_is_decided(approved: Approval) -> None:
    Approval.objects.update(state="open", decided_at=None, decided_by="")

    assert problems() == {
        "I21": [f"review: question {approved.id} is open, the history says approved by anna at {approved.decided_at}"]
    }


def test_i21_a_question_that_is_closed_although_the_step_waits(desk: Desk) -> None:
    question = asked(desk)

    Approval.objects.update(state="withdrawn", decided_at=question.due_at)

    assert problems() == {
        "I21": [f"review: question {question.id} is withdrawn at {question.due_at}, the history says open"]
    }


@pytest.mark.parametrize("change", [{"state": "rejected"}, {"decided_by": "eve"}, {"decided_at": "2020-01-01T00:00Z"}])
def test_i21_a_decision_that_is_not_the_one_of_the_history(approved: Approval, change: dict[str, str]) -> None:
    Approval.objects.update(**change)

    assert set(problems()) == {"I21"}


@pytest.mark.parametrize("change", [{"audience": "friends"}, {"quorum": 2}, {"default_outcome": "approve"}])
def test_i21_a_question_that_was_changed_after_it_was_asked(desk: Desk, change: dict[str, object]) -> None:
    question = asked(desk)

    Approval.objects.update(**change)

    assert problems() == {"I21": [f"review: question {question.id} is not the one that was asked"]}


@pytest.mark.parametrize("change", ["verdict = 'reject'", "comment = 'sure'", "person = 'eve'"])
def test_i21_a_vote_that_was_changed(approved: Approval, change: str) -> None:
    sql(f"UPDATE approvals_vote SET {change}")

    assert problems()["I21"] == [f"review: the votes about question {approved.id} are not those of the history"]


def test_i21_an_open_question_about_nothing(desk: Desk) -> None:
    question = asked(desk)
    nowhere = ids.new_id()

    question.id, question.subject = ids.new_id(), nowhere
    question.save(force_insert=True)

    assert problems() == {"I21": [f"is open about {nowhere}, which does not exist"]}


def test_i22_a_question_that_too_few_approved(agreed: Approval) -> None:
    sql("DELETE FROM approvals_vote WHERE person = 'bert'")

    found = problems()

    assert found["I22"] == [f"question {agreed.id} was approved by 1 of 2"]
    assert set(found) == {"I21", "I22"}  # the history still tells of both


def test_i22_one_person_who_counts_twice(agreed: Approval) -> None:
    """Whoever does that changes history and votes alike; the quorum shows it nevertheless."""
    sql("DELETE FROM approvals_vote WHERE person = 'bert'")
    rewrite(agreed.subject, changed("VoteCast", person="anna"))

    assert f"anna voted twice about question {agreed.id}" in problems()["I22"]


def test_i22_a_vote_of_somebody_who_started_it(approved: Approval) -> None:
    instance = Instance.objects.get(id=approved.subject)
    sql(
        "UPDATE workflows_auditentry SET actor_kind = 'user', actor = 'anna'"
        " WHERE instance_id = %(id)s AND action = 'start'",
        id=instance.id,
    )

    assert f"anna, who started it, voted about question {approved.id}" in problems()["I22"]


def test_i22_what_somebody_did_after_they_had_voted_is_no_offence(approved: Approval) -> None:
    anna = person("anna", "operator")

    interventions.act(interventions.user(anna), "cancel", approved.subject, reason="the customer called")

    assert problems() == {}


def test_i22_an_act_without_any_effect_is_no_hand_in_it(approved: Approval) -> None:
    audit.record(Act("user", "anna", "skip", reason="-"), allowed=False, workflow="order", instance_id=approved.subject)

    assert problems() == {}


def test_i22_a_vote_about_something_else(approved: Approval) -> None:
    sql("UPDATE approvals_vote SET subject_hash = 'other'")

    assert problems() == {"I22": [f"anna voted about something else than question {approved.id} shows"]}


def test_i22_evidence_that_is_not_what_was_hashed(approved: Approval) -> None:
    seq = Approval.objects.get().evidence["order"]

    Approval.objects.update(evidence={"order": seq, "risk": seq})

    assert problems() == {"I22": [f"question {approved.id} shows something else than its hash says"]}


def test_i22_evidence_that_redaction_has_removed_cannot_be_judged(approved: Approval) -> None:
    Payload.objects.filter(instance_id=approved.subject).update(body=None, salt=None)

    assert "I22" not in problems()


def test_a_vote_cannot_be_changed_by_ordinary_means(approved: Approval) -> None:
    from django.db import DatabaseError, transaction

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Vote.objects.update(verdict="reject")
