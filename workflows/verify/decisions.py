"""Was every question decided once, as the history says, by enough people who had no hand in it? (I21, I22)"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import zip_longest

from approvals.rules import APPROVE, State
from workflows.core import events as e
from workflows.engine import asking
from workflows.queries.involvement import INVOLVEMENT
from workflows.verify.findings import Offender
from workflows.verify.snapshot import Snapshot, select
from workflows.verify.stories import Question, Record, Story


@dataclass(slots=True)
class Told:
    """One question as the history tells it."""

    opened: Record
    event: e.ApprovalOpened
    votes: list[e.VoteCast] = field(default_factory=list)
    #: seq of each vote
    seqs: list[int] = field(default_factory=list)
    state: str = State.OPEN
    by: str = ""
    settled: Record | None = None


def judge(story: Story, snapshot: Snapshot) -> Iterator[Offender]:
    """I21 and I22 of one instance."""
    told = _told(story)
    kept: dict[str, list[Question]] = defaultdict(list)
    for question in story.beside.questions:
        kept[question.item].append(question)
    hands = _hands(story)
    for step in sorted(told.keys() | kept.keys()):
        for one, question in zip_longest(told.get(step, []), kept.get(step, [])):
            for problem in _agreement(step, one, question):
                yield Offender("I21", story.name, problem)
            if one is not None and question is not None:
                for problem in (*_votes(one, question, hands), *_content(story, question)):
                    yield Offender("I22", story.name, problem)


def _told(story: Story) -> dict[str, list[Told]]:
    """Every question of the history by its step, oldest first; without what was settled as it was opened."""
    found: dict[str, list[Told]] = defaultdict(list)
    for moment in story.moments:
        event, record = moment.event, moment.record
        if isinstance(event, e.ApprovalOpened):
            found[event.step].append(Told(record, event))
            continue
        one = next((told for told in found.get(record.step, [])[-1:] if told.settled is None), None)
        match event:
            case e.VoteCast() if one:
                one.votes.append(event)
                one.seqs.append(record.seq)
            case e.StepSucceeded(how=how) | e.StepRefused(how=how) if one:
                if how == "timeout":
                    one.state = State.TIMED_OUT
                else:
                    one.state = State.APPROVED if isinstance(event, e.StepSucceeded) else State.REJECTED
                    one.by = one.votes[-1].person if one.votes else ""
                one.settled = record
            case e.StepWithdrawn() if one:
                one.state, one.settled = State.WITHDRAWN, record
    return {
        step: [one for one in questions if one.settled is None or one.settled.xid != one.opened.xid]
        for step, questions in found.items()
    }


def _agreement(step: str, one: Told | None, question: Question | None) -> Iterator[str]:
    """I21: the row says what the history says."""
    if one is None or question is None:
        kept = f"question {question.id}" if question else "nothing"
        yield f"{step}: the history tells of {'a' if one else 'no'} question, kept is {kept}"
        return
    event = one.event
    asked = (
        event.question,
        event.audience,
        event.quorum,
        event.default,
        event.rule,
        event.due_at,
        one.opened.generation,
    )
    if asked != (
        question.question, question.audience, question.quorum, question.default_outcome, question.rule,
        question.due_at, question.generation,
    ):  # fmt: skip
        yield f"{step}: question {question.id} is not the one that was asked"
    stands = _stands(question.state, question.decided_by, question.decided_at)
    expected = _stands(one.state, one.by, one.settled.at if one.settled else None)
    if stands != expected:
        yield f"{step}: question {question.id} is {stands}, the history says {expected}"
    cast = [(vote.person, vote.verdict, vote.comment) for vote in one.votes]
    if cast != [(vote.person, vote.verdict, vote.comment) for vote in question.votes]:
        yield f"{step}: the votes about question {question.id} are not those of the history"


def _stands(state: str, by: str, at: datetime | None) -> str:
    return " ".join(filter(None, [state, f"by {by}" if by else "", f"at {at}" if at else ""]))


def _votes(one: Told, question: Question, hands: dict[str, tuple[int, str]]) -> Iterator[str]:
    """I22: enough distinct people, none of whom had a hand in it before they voted, about what was asked."""
    approving = {vote.person for vote in question.votes if vote.verdict == APPROVE}
    if question.state == State.APPROVED and len(approving) < question.quorum:
        yield f"question {question.id} was approved by {len(approving)} of {question.quorum}"
    people = [vote.person for vote in one.votes]
    yield from (f"{person} voted twice about question {question.id}" for person in _twice(people))
    for vote, seq in zip(one.votes, one.seqs, strict=True):
        since, what = hands.get(vote.person, (seq, ""))
        if since < seq:
            yield f"{vote.person}, who {what} it, voted about question {question.id}"
    for ballot in question.votes:
        if ballot.subject_hash != question.subject_hash:
            yield f"{ballot.person} voted about something else than question {question.id} shows"


def _twice(people: list[str]) -> list[str]:
    return sorted({person for person in people if people.count(person) > 1})


def _hands(story: Story) -> dict[str, tuple[int, str]]:
    """Every person who had a hand in it: from which history seq on, and what they did."""
    seqs: dict[int, int] = {}
    for record in story.records:
        seqs.setdefault(record.xid, record.seq)
    found: dict[str, tuple[int, str]] = {}
    for _, kind, actor, action, _, _, xid in story.beside.acts:
        if kind == "user" and action in INVOLVEMENT and xid in seqs:
            found[actor] = min(found.get(actor, (seqs[xid], INVOLVEMENT[action])), (seqs[xid], INVOLVEMENT[action]))
    return found


def _content(story: Story, question: Question) -> Iterator[str]:
    """I22: the hash is that of what the question shows, as far as that is still there."""
    bodies = {record.seq: record.body for record in story.records}
    seqs = {seq for seq in question.evidence.values() if seq}
    if any(bodies.get(seq) is None for seq in seqs):
        return
    shown = {name: json.loads(bodies[seq] or "null") if seq else None for name, seq in question.evidence.items()}
    row = story.row
    expected = asking.content_hash(
        row.workflow, row.version, row.key, row.run, question.item, question.generation, question.question,
        question.rule, shown,
    )  # fmt: skip
    if question.subject_hash != expected:
        yield f"question {question.id} shows something else than its hash says"


def orphans(snapshot: Snapshot) -> Iterator[Offender]:
    """I21: open questions about instances that do not exist."""
    for question_id, subject in select(_ORPHANS):
        yield Offender("I21", str(question_id), f"is open about {subject}, which does not exist")


def overdue(snapshot: Snapshot) -> Iterator[Offender]:
    """I05: open questions whose time has passed without the default having followed."""
    for subject, item, due_at in select(_OVERDUE, {"calm": snapshot.calm, "capable": list(snapshot.capable)}):
        yield Offender("I05", str(subject), f"the question about {item} is overdue since {due_at}")


_ORPHANS = """
SELECT a.id, a.subject FROM approvals_approval a
WHERE a.state = 'open' AND NOT EXISTS (SELECT FROM workflows_instance i WHERE i.id = a.subject) LIMIT 100
"""
_OVERDUE = """
SELECT a.subject, a.item, a.due_at FROM approvals_approval a JOIN workflows_instance i ON i.id = a.subject
WHERE a.state = 'open' AND a.due_at < %(calm)s AND i.lifecycle <> 'paused'
  AND i.workflow || '/' || i.version = ANY(%(capable)s)
ORDER BY a.due_at
"""
