"""A vote taken where there is no code for what follows is kept, and carried out by a process that has it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from approvals.models import Approval, KeptVote, Vote
from tests.deciders import elder, gift, gifts, work
from tests.worlds import Kept, settled
from workflows.engine import clock, timers
from workflows.interventions import Forbidden, kept
from workflows.interventions.deciding import AlreadyDecided, decide
from workflows.models import AuditEntry, Instance, Timer
from workflows.verify import verify

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def question() -> Approval:
    """Asked by a process that knows gifts; the test's own does not."""
    with gifts():
        return gift()


def lifecycle(question: Approval) -> str:
    return Instance.objects.get(id=question.subject).lifecycle


def stands(question: Approval) -> str:
    return Approval.objects.get(id=question.id).state


def refusals() -> list[str]:
    return list(AuditEntry.objects.filter(allowed=False).values_list("refusal", flat=True))


def both_approve(question: Approval) -> None:
    """As many as gifts ask for."""
    decide(elder("anna"), "approve", question.id, comment="known", subject_hash=question.subject_hash)
    decide(elder("bert"), "approve", question.id)


def carried_out() -> int:
    """By a process that knows gifts."""
    with gifts():
        count = kept.carry_out()
        work()
    return count


def test_it_is_taken_and_counts_once_there_is_code_for_it(question: Approval) -> None:
    both_approve(question)

    assert (stands(question), Vote.objects.count(), KeptVote.objects.count()) == ("open", 0, 2)
    assert kept.carry_out() == 0, "this process still has no code for it"

    assert carried_out() == 2

    question.refresh_from_db()
    assert (question.state, question.decided_by) == ("approved", "bert")
    assert list(Vote.objects.order_by("id").values_list("person", "comment")) == [("anna", "known"), ("bert", "")]
    assert not KeptVote.objects.exists()
    assert {entry.after["decision"] for entry in AuditEntry.objects.filter(action="approve")} == {"kept"}


def test_what_was_kept_and_carried_out_is_sound(question: Approval) -> None:
    decide(elder("anna"), "reject", question.id, comment="too much")
    carried_out()
    settled("workflows_outboxevent")

    assert lifecycle(question) != "waiting"
    with gifts():
        assert [verdict for verdict in verify(timedelta(seconds=60)).verdicts if verdict.offenders] == []


def test_nobody_votes_twice_or_without_being_asked(question: Approval) -> None:
    anna = elder("anna")
    decide(anna, "approve", question.id)

    with pytest.raises(Forbidden, match="counts as soon as a worker with the code for it is there"):
        decide(anna, "reject", question.id, comment="on second thoughts")
    User.objects.get(username="anna").groups.clear()

    assert KeptVote.objects.get().verdict == "approve"


def test_who_is_not_asked_any_more_is_refused_when_it_would_count(question: Approval) -> None:
    decide(elder("anna"), "approve", question.id)
    User.objects.get(username="anna").groups.remove(*User.objects.get(username="anna").groups.filter(name="elders"))

    carried_out()

    assert stands(question) == "open"
    assert not KeptVote.objects.exists()
    assert refusals() == ["elders decides this, and you are not one of them."]


def test_whoever_was_slower_is_told_so_in_the_record(question: Approval) -> None:
    decide(elder("anna"), "approve", question.id)
    with gifts():
        decide(elder("bert"), "reject", question.id, comment="no")

    carried_out()

    assert stands(question) == "rejected"
    assert refusals()[0].startswith("It was already rejected by bert")
    with pytest.raises(AlreadyDecided):
        decide(elder("carl"), "approve", question.id)


def test_a_vote_that_came_in_time_goes_before_the_deadline(question: Approval) -> None:
    both_approve(question)
    Timer.objects.filter(instance_id=question.subject).update(fire_at=clock.read() - timedelta(seconds=1))

    with gifts():
        assert timers.fire_due() == 0
        kept.carry_out()

    assert stands(question) == "approved"
    assert Kept(question.subject).said("VoteCast")
