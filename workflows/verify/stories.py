"""Whole lives of instances: the stored row, every event with the state before and after it, and the rows beside.

Instances and events are read side by side in order of id, so that only a batch of lives is in memory at a time.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from workflows.core import events as e
from workflows.core.evolve import evolve
from workflows.core.state import State
from workflows.verify.snapshot import select, stream

#: Lives in memory at a time.
BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The instance as it is stored."""

    id: UUID
    workflow: str
    version: int
    key: str
    run: int
    generation: int
    lifecycle: str
    status: str
    stage: str
    needs_person: bool
    step: str
    dependency: str
    waiting_kind: str
    waiting_until: datetime | None
    next_what: str
    next_at: datetime | None
    owner: str
    state: dict[str, Any]
    seq: int
    head_hash: bytes
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One event as it is stored. `data` is the exact text; `body` and `salt` are its payload's, if it has one."""

    instance_id: UUID
    seq: int
    generation: int
    at: datetime
    type: str
    schema: int
    step: str
    actor_kind: str
    actor: str
    data: str
    correlation_id: str
    token: int
    digest: bytes | None
    hash: bytes
    #: the transaction that wrote it
    xid: int
    has_payload: bool
    body: str | None
    salt: bytes | None


@dataclass(frozen=True, slots=True)
class Moment:
    """One event, and the state before and after it."""

    record: Record
    event: e.Event
    before: State
    after: State


@dataclass(frozen=True, slots=True)
class Ballot:
    """One vote as it is stored."""

    person: str
    verdict: str
    comment: str
    subject_hash: str


@dataclass(frozen=True, slots=True)
class Question:
    """One question about the instance as it is stored. `evidence`: name of what is shown to the seq of its payload."""

    id: UUID
    item: str
    generation: int
    question: str
    audience: str
    quorum: int
    default_outcome: str
    rule: str
    subject_hash: str
    due_at: datetime
    state: str
    decided_by: str
    decided_at: datetime | None
    evidence: dict[str, int]
    votes: list[Ballot] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Beside:
    """The rows other tables keep for an instance."""

    #: (step, direction) to pool, ready_at, held, token, session, workflow, version, dependency, parked
    work: dict[tuple[str, str], tuple[Any, ...]] = field(default_factory=dict)
    #: name to (fire_at, held)
    timers: dict[str, tuple[datetime, bool]] = field(default_factory=dict)
    #: (step, message type, match, due_at, state)
    waits: list[tuple[Any, ...]] = field(default_factory=list)
    #: (message id, step) of messages that decided something
    applied: list[tuple[UUID, str]] = field(default_factory=list)
    #: (id, number, type, schema version, subject, data) of published events
    outbox: list[tuple[Any, ...]] = field(default_factory=list)
    #: (id, actor kind, actor, action, reason, at, xid) of what was allowed, oldest first
    acts: list[tuple[Any, ...]] = field(default_factory=list)
    #: with their votes, oldest first
    questions: list[Question] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Story:
    """One instance's life. `broken` says why its history cannot be folded to the end; then `moments` stops before."""

    row: Row
    records: tuple[Record, ...]
    moments: tuple[Moment, ...]
    broken: str
    beside: Beside

    @property
    def name(self) -> str:
        """How a person would call it."""
        run = f" run {self.row.run}" if self.row.run > 1 else ""
        return f"{self.row.workflow} {self.row.key}{run} ({self.row.id})"

    @property
    def state(self) -> State:
        """Where the history leads."""
        return self.moments[-1].after if self.moments else State()


class Unfoldable(Exception):
    """There is no such instance, or its history does not make sense; the message says where."""


def every() -> Iterator[Story]:
    """All lives, oldest instance first."""
    rows = (_row(found) for found in stream(_INSTANCES.format(only=""), size=BATCH))
    records = (_record(found) for found in stream(_EVENTS.format(only="")))
    following = next(records, None)
    while batch := list(islice(rows, BATCH)):
        beside = _beside([row.id for row in batch])
        for row in batch:
            own: list[Record] = []
            while following is not None and following.instance_id <= row.id:
                if following.instance_id == row.id:
                    own.append(following)
                following = next(records, None)
            yield told(row, own, beside[row.id])


def one(instance_id: UUID) -> Story:
    """One life. Raises Unfoldable."""
    found = select(_INSTANCES.format(only="WHERE id = %(id)s"), {"id": instance_id})
    if not found:
        raise Unfoldable(f"There is no instance {instance_id}.")
    records = [_record(row) for row in select(_EVENTS.format(only="WHERE e.instance_id = %(id)s"), {"id": instance_id})]
    story = told(_row(found[0]), records, Beside())
    if story.broken:
        raise Unfoldable(f"The history of {story.name} cannot be folded: {story.broken}.")
    return story


def told(row: Row, records: list[Record], beside: Beside) -> Story:
    """Fold the events one by one, as far as they make sense."""
    state = State()
    moments: list[Moment] = []
    for record in records:
        try:
            event = e.from_data(record.type, record.schema, json.loads(record.data))
            after = evolve(state, event)
        except (KeyError, ValueError, TypeError, AttributeError, AssertionError, StopIteration) as error:
            broken = f"event {record.seq} ({record.type}) makes no sense there: {type(error).__name__} {error}"
            return Story(row, tuple(records), tuple(moments), broken, beside)
        moments.append(Moment(record, event, state, after))
        state = after
    return Story(row, tuple(records), tuple(moments), "", beside)


def _row(found: tuple[Any, ...]) -> Row:
    values = dict(zip(Row.__dataclass_fields__, found, strict=True))
    state = values["state"]
    return Row(
        **{**values, "state": json.loads(state) if isinstance(state, str) else state, "head_hash": bytes(found[-2])}
    )


def _record(found: tuple[Any, ...]) -> Record:
    values = dict(zip(Record.__dataclass_fields__, found, strict=True))
    for name in ("digest", "hash", "salt"):
        values[name] = bytes(values[name]) if values[name] is not None else None
    return Record(**values)


def _beside(ids: list[UUID]) -> dict[UUID, Beside]:
    found: dict[UUID, Beside] = defaultdict(Beside)
    for instance_id, step, direction, *rest in select(_WORK, {"ids": ids}):
        found[instance_id].work[step, direction] = tuple(rest)
    for instance_id, name, fire_at, held in select(_TIMERS, {"ids": ids}):
        found[instance_id].timers[name] = (fire_at, held)
    for instance_id, *rest in select(_WAITS, {"ids": ids}):
        found[instance_id].waits.append(tuple(rest))
    for instance_id, message_id, step in select(_APPLIED, {"ids": ids}):
        found[instance_id].applied.append((message_id, step))
    for instance_id, *rest, data in select(_OUTBOX, {"ids": ids}):
        found[instance_id].outbox.append((*rest, json.loads(data)))
    for instance_id, *rest in select(_ACTS, {"ids": ids}):
        found[instance_id].acts.append(tuple(rest))
    for instance_id, question in _questions(ids):
        found[instance_id].questions.append(question)
    return found


def _questions(ids: list[UUID]) -> list[tuple[UUID, Question]]:
    found: dict[UUID, tuple[UUID, Question]] = {}
    columns = [name for name in Question.__dataclass_fields__ if name != "votes"]
    for subject, *values in select(_QUESTIONS, {"ids": ids}):
        row = dict(zip(columns, values, strict=True))
        found[row["id"]] = (subject, Question(**{**row, "evidence": json.loads(row["evidence"])}))
    for question_id, *said in select(_VOTES, {"ids": list(found)}):
        found[question_id][1].votes.append(Ballot(*said))
    return list(found.values())


_INSTANCES = f"SELECT {', '.join(Row.__dataclass_fields__)} FROM workflows_instance {{only}} ORDER BY id"  # noqa: S608
_EVENTS = """
SELECT e.instance_id, e.seq, e.generation, e.at, e.type, e.schema, e.step, e.actor_kind, e.actor, e.data::text,
       e.correlation_id, e.token, e.payload_digest, e.hash, e.xid::text::bigint,
       p.instance_id IS NOT NULL, p.body, p.salt
FROM workflows_event e LEFT JOIN workflows_payload p ON p.instance_id = e.instance_id AND p.seq = e.seq
{only} ORDER BY e.instance_id, e.seq
"""
_WORK = """
SELECT instance_id, step, direction, pool, ready_at, held, token, session_id, workflow, version, dependency, parked
FROM workflows_work WHERE instance_id = ANY(%(ids)s)
"""
_TIMERS = "SELECT instance_id, name, fire_at, held FROM workflows_timer WHERE instance_id = ANY(%(ids)s)"
_WAITS = """
SELECT instance_id, step, message_type, match, due_at, state FROM workflows_wait
WHERE instance_id = ANY(%(ids)s) ORDER BY id
"""
_APPLIED = """
SELECT instance_id, id, step FROM workflows_message WHERE state = 'applied' AND instance_id = ANY(%(ids)s)
"""
_OUTBOX = """
SELECT instance_id, id, number, type, schema_version, subject, data::text FROM workflows_outboxevent
WHERE instance_id = ANY(%(ids)s) ORDER BY instance_id, number
"""
_ACTS = """
SELECT instance_id, id, actor_kind, actor, action, reason, at, xid::text::bigint FROM workflows_auditentry
WHERE allowed AND instance_id = ANY(%(ids)s) ORDER BY id
"""
_QUESTIONS = """
SELECT subject, id, item, generation, question, audience, quorum, default_outcome, rule, subject_hash, due_at, state,
       decided_by, decided_at, evidence::text
FROM approvals_approval WHERE subject = ANY(%(ids)s) ORDER BY id
"""
_VOTES = """
SELECT approval_id, person, verdict, comment, subject_hash FROM approvals_vote
WHERE approval_id = ANY(%(ids)s) ORDER BY id
"""
