"""Questions as they stand, with everybody's vote: rows for lists and cards, and which of them wait for whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from approvals.models import Approval, Vote
from approvals.rules import APPROVE, Ballot, Question, State


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteRow:
    """What one person said."""

    person: str
    verdict: str
    comment: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRow:
    """One question. `subject`, `item`, `scope` and `key` say what it is about; see `approvals.models`."""

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
    evidence: Mapping[str, int]
    subject_hash: str
    opened_at: datetime
    due_at: datetime
    state: str
    decided_at: datetime | None
    decided_by: str
    #: the oldest first
    votes: tuple[VoteRow, ...] = ()

    @property
    def open(self) -> bool:
        """Whether people may still vote."""
        return self.state == State.OPEN

    @property
    def got(self) -> int:
        """How many have approved."""
        return sum(vote.verdict == APPROVE for vote in self.votes)

    @property
    def standing(self) -> Question:
        """What decides about deciding it."""
        return Question(
            state=State(self.state),
            audience=self.audience,
            quorum=self.quorum,
            votes=tuple(Ballot(vote.person, vote.verdict) for vote in self.votes),
            decided_by=self.decided_by,
            decided_at=self.decided_at,
        )


_COLUMNS = tuple(one.name for one in fields(ApprovalRow) if one.name != "votes")


def read(found: QuerySet[Approval]) -> list[ApprovalRow]:
    """The questions in their order, each with its votes. Two queries."""
    rows = list(found.values(*_COLUMNS))
    votes = _votes([row["id"] for row in rows])
    return [ApprovalRow(**row, votes=tuple(votes.get(row["id"], ()))) for row in rows]


def waiting_for(person: str, audiences: Iterable[str] | QuerySet[Any, Any]) -> QuerySet[Approval]:
    """Open questions to these groups about which this person has not voted."""
    return Approval.objects.filter(state=State.OPEN, audience__in=audiences).exclude(voted(person))


def voted(person: str) -> Exists:
    """The condition that this person has voted about a question."""
    return Exists(Vote.objects.filter(approval=OuterRef("id"), person=person))


def _votes(ids: list[UUID]) -> dict[UUID, list[VoteRow]]:
    found: dict[UUID, list[VoteRow]] = {}
    columns = ("approval_id", "person", "verdict", "comment", "at")
    for approval_id, person, verdict, comment, at in (
        Vote.objects.filter(approval__in=ids).order_by("id").values_list(*columns)
    ):
        vote = VoteRow(person=person, verdict=verdict, comment=comment, at=at)
        found.setdefault(approval_id, []).append(vote)
    return found
