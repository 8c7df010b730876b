"""The shapes of approvals in the API: what may be said about a question and how it is told."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from console.api.shapes import Asked, Told


class DecisionRequest(Asked):
    """Approve or reject."""

    comment: Annotated[str, Field(max_length=2000)] = Field("", description="Why; a rejection is ended with it.")
    subject_hash: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="As the approval told it: refuse if something else is decided about now."
    )


class Quorum(Told):
    """How many have to approve, and how many have."""

    needed: int
    got: int


class MayDecide(Told):
    """Whether the caller may decide it now, or why not."""

    allowed: bool
    reason: str


class Vote(Told):
    """What one person said: approve or reject."""

    person: str
    verdict: str
    comment: str
    at: datetime


class Approval(Told):
    """A question people decide. State is open, approved, rejected, sent_back, timed_out or withdrawn.

    `evidence` holds what was shown, by name; in lists, results of more than 16 kB are folded to
    `{"folded": true, "bytes": …, "from": …}`. `default_outcome` follows when nobody decides in time.
    """

    id: UUID
    instance: UUID
    key: str
    workflow: str
    step: str
    generation: int
    question: str
    state: str
    audience: str
    quorum: Quorum
    opened_at: datetime
    due_at: datetime
    default_outcome: str
    rule: str
    subject_hash: str
    evidence: dict[str, Any]
    votes: list[Vote]
    decided_by: str
    decided_at: datetime | None
    may_decide: MayDecide


class ApprovalPage(Told):
    """Approvals, newest first."""

    results: list[Approval]
    next: str | None
    previous: str | None
