"""Who may decide a question, and when enough of them have, as arithmetic.

open ──► approved    as many as the quorum asks for approved
  │      rejected    one rejected
  │      timed_out   nobody decided in time; the declared default followed
  └────► withdrawn   the question no longer matters
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """How a question stands."""

    #: people may vote
    OPEN = "open"
    #: enough people approved
    APPROVED = "approved"
    #: somebody rejected
    REJECTED = "rejected"
    #: handed back to an earlier step
    SENT_BACK = "sent_back"
    #: its time ran out
    TIMED_OUT = "timed_out"
    #: it no longer matters
    WITHDRAWN = "withdrawn"


APPROVE, REJECT = "approve", "reject"


@dataclass(frozen=True, slots=True)
class Ballot:
    """How one person voted."""

    person: str
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What decides about deciding."""

    state: State
    audience: str
    quorum: int
    votes: tuple[Ballot, ...] = ()
    decided_by: str = ""
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Voter:
    """A person and the groups they belong to."""

    name: str
    groups: Collection[str]


def settled(question: Question, ballot: Ballot) -> State:
    """How the question stands after one more vote."""
    if ballot.verdict == REJECT:
        return State.REJECTED
    approving = {vote.person for vote in (*question.votes, ballot) if vote.verdict == APPROVE}
    return State.APPROVED if len(approving) >= question.quorum else State.OPEN


def refusal(question: Question, voter: Voter, involved: Mapping[str, str]) -> str:
    """Why this person may not decide, in a sentence, or nothing.

    `involved` says of each person who started, edited or cancelled the subject what they did.
    """
    if question.state is not State.OPEN:
        return f"{closed(question)}."
    if voter.name in involved:
        return f"Nobody decides about their own work: you {involved[voter.name]} it."
    if question.audience not in voter.groups:
        return f"{question.audience} decides this, and you are not one of them."
    if any(vote.person == voter.name for vote in question.votes):
        return "You have voted already; another person has to decide, too."
    return ""


def closed(question: Question) -> str:
    """How and by whom a question was settled, without a full stop."""
    by = f" by {question.decided_by}" if question.decided_by else ""
    at = f" at {question.decided_at:%H:%M:%S} UTC on {question.decided_at:%d %B %Y}" if question.decided_at else ""
    words = {
        State.APPROVED: "approved",
        State.REJECTED: "rejected",
        State.SENT_BACK: "sent back",
        State.TIMED_OUT: "settled by its deadline",
        State.WITHDRAWN: "withdrawn, because it no longer matters",
    }
    return f"It was already {words.get(question.state, str(question.state))}{by}{at}"
