"""Opens questions, takes votes and settles them, each in the transaction of whoever asks and under the subject's lock.

The subject is locked first, always; so of two people who decide in the same moment one is first, and the other is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from approvals.models import Approval, KeptVote, Vote
from approvals.rules import Ballot, Question, State, settled


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A new question. `subject` and `item` say what it is about; `scope` and `key` how people call that."""

    id: UUID
    subject: UUID
    item: str
    generation: int
    scope: str
    key: str
    question: str
    audience: str
    quorum: int
    rule: str
    default_outcome: str
    #: name of what is shown to where the asker keeps it
    evidence: Mapping[str, int]
    subject_hash: str
    due_at: datetime


def ask(asked: Asked, now: datetime) -> None:
    """Open a question."""
    fields = {name: getattr(asked, name) for name in asked.__dataclass_fields__}
    Approval.objects.create(**fields, opened_at=now)


def settle(subject: UUID, item: str, outcome: str, by: str, now: datetime) -> None:
    """Close the open question about this item. None is open: nothing happens."""
    Approval.objects.filter(subject=subject, item=item, state=State.OPEN).update(
        state=outcome, decided_at=now, decided_by=by
    )


def locked(approval_id: UUID) -> tuple[Approval, Question] | None:
    """The question for the rest of the transaction; the subject's lock is held already."""
    row = Approval.objects.select_for_update().filter(id=approval_id).first()
    return (row, question_of(row)) if row else None


def question_of(row: Approval) -> Question:
    """What decides about deciding it. One query for the votes."""
    votes = tuple(Ballot(*vote) for vote in row.votes.order_by("id").values_list("person", "verdict"))
    return Question(
        state=State(row.state),
        audience=row.audience,
        quorum=row.quorum,
        votes=votes,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
    )


def keep(row: Approval, ballot: Ballot, comment: str, correlation_id: str, now: datetime) -> bool:
    """Put a vote by until somebody can carry it out. False: this person's is kept already."""
    _, new = KeptVote.objects.get_or_create(
        approval=row, person=ballot.person,
        defaults={"verdict": ballot.verdict, "comment": comment, "correlation_id": correlation_id, "at": now},
    )  # fmt: skip
    return new


def vote(row: Approval, question: Question, ballot: Ballot, comment: str, now: datetime) -> State:
    """Record a vote, and say how the question stands with it. The caller has asked `rules.refusal`."""
    Vote.objects.create(
        approval=row, person=ballot.person, verdict=ballot.verdict, comment=comment, subject_hash=row.subject_hash,
        at=now,
    )  # fmt: skip
    return settled(question, ballot)
