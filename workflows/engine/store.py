"""Rows to core values and back: claim, save, start. Every statement here is one round trip; see `sql.py`.

Nothing here decides anything. A result of None or False means somebody else was faster, which is a normal answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain as chain_of
from typing import Any
from uuid import UUID

import psycopg
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from pydantic_core import to_json

from workflows.core.decide import Decision
from workflows.core.face import deadline_state, face
from workflows.core.state import Direction, State
from workflows.core.wants import (
    AddWork,
    ClearTimer,
    CloseApproval,
    CloseWait,
    DropWork,
    OpenApproval,
    OpenWait,
    Publish,
    SetTimer,
    Work,
)
from workflows.dsl.definition import Definition
from workflows.engine import chain, clock, codec, ids, sql, wire
from workflows.engine.chain import Actor, Record
from workflows.engine.sql import Shape


@dataclass(frozen=True, slots=True)
class Row:
    """An instance as the engine holds it between reading and writing."""

    id: UUID
    workflow: str
    version: int
    revision: int
    state: State
    head_hash: bytes
    generation: int
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A leased attempt: who may commit (`token`), and since when."""

    row: Row
    step: str
    direction: Direction
    token: int
    leased_at: datetime
    pool: str
    dependency: str


@dataclass(frozen=True, slots=True)
class Lease:
    """A work row as seen under the instance's lock."""

    step: str
    direction: Direction
    token: int
    session_id: UUID | None
    deadline_at: datetime | None


def run(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Execute a prepared statement on Django's connection of this thread, inside its transaction if there is one.

    Returns its rows. Raises Django's database errors.
    """
    wrapper = connections[DEFAULT_DB_ALIAS]
    wrapper.ensure_connection()
    with wrapper.wrap_database_errors:
        return wire.execute(wrapper.connection, statement, parameters)


def run_together(calls: Sequence[wire.Call]) -> list[wire.Rows | Error]:
    """Execute statements about different instances on one trip and as one transaction.

    If one fails, each is executed once more for itself, so that it takes no other with it; an error in the place of
    rows is what Django would have raised.
    """
    wrapper = connections[DEFAULT_DB_ALIAS]
    wrapper.ensure_connection()
    answers: Sequence[wire.Rows | psycopg.Error]
    with wrapper.wrap_database_errors:
        try:
            answers = wire.execute_together(wrapper.connection, calls)
        except psycopg.Error as error:
            if error.sqlstate is None:  # the connection is gone
                raise
            answers = wire.execute_each(wrapper.connection, calls)
    return [_translated(wrapper, answer) if isinstance(answer, Exception) else answer for answer in answers]


def _translated(wrapper: BaseDatabaseWrapper, error: Exception) -> Error:
    try:
        with wrapper.wrap_database_errors:
            raise error
    except Error as translated:
        return translated


def claim_batch(
    session_id: UUID, pool: str, capabilities: Sequence[str], dependencies: Sequence[str], limit: int, *, fast: bool
) -> list[Claim]:
    """Lease up to `limit` ready attempts of a pool, oldest first.

    `fast=True`: only harmless-to-repeat work of these dependencies. `fast=False`: work of any others.
    """
    parameters = (session_id, pool, list(capabilities), fast, list(dependencies), limit)
    return [_claim(found) for found in run(sql.CLAIM_BATCH, parameters)]


def claim_one(
    session_id: UUID, instance_id: UUID, pool: str, capabilities: Sequence[str], busy: Sequence[str]
) -> Claim | None:
    """Lease the oldest ready attempt of one instance, unless its dependency is among `busy`."""
    found = run(sql.CLAIM_ONE, (session_id, instance_id, pool, list(capabilities), list(busy)))
    return _claim(found[0]) if found else None


def _claim(found: tuple[Any, ...]) -> Claim:
    instance_id, step, direction, token, leased_at, pool, dependency, *rest = found
    clock.saw(leased_at)
    return Claim(_row(instance_id, *rest), step, Direction(direction), token, leased_at, pool, dependency)


def _row(
    instance_id: UUID,
    workflow: str,
    version: int,
    revision: int,
    state: Any,
    head: bytes,
    generation: int,
    correlation: str,
) -> Row:
    data = json.loads(state) if isinstance(state, str) else state
    return Row(instance_id, workflow, version, revision, codec.load(data), bytes(head), generation, correlation)


def lock(instance_id: UUID) -> tuple[Row, list[Lease]] | None:
    """Lock an instance and its work rows, in that order, for the rest of the transaction. None: no such instance."""
    found = run(sql.LOCK, (instance_id,))
    if not found:
        return None
    leases = [
        Lease(step, Direction(direction), token, session_id, deadline_at)
        for step, direction, token, session_id, deadline_at in run(sql.LOCK_WORK, (instance_id,))
    ]
    return _row(*found[0]), leases


@dataclass(frozen=True, slots=True)
class Saved:
    """A committed decision: the row as it is now, and the token of the next attempt if one was claimed with it."""

    row: Row
    token: int | None


@dataclass(frozen=True, slots=True)
class Writing:
    """A decision as the statement that writes it, and the row as it will be."""

    call: wire.Call
    newer: Row

    def saved(self, found: wire.Rows) -> Saved | None:
        """What the statement's answer means. None: somebody moved the instance meanwhile."""
        return Saved(self.newer, found[0][0]) if found else None


def writing(
    row: Row,
    definition: Definition,
    decision: Decision,
    *,
    now: datetime,
    actor: Actor = chain.SYSTEM,
    body: str | None = None,
    token: int = 0,
    finished: tuple[str, Direction] | None = None,
    mine: tuple[str, Direction] | None = None,
    session_id: UUID | None = None,
) -> Writing:
    """The one statement that writes a decision if the instance is still at `row.revision`.

    `finished` is the attempt whose lease ends with this; `mine` the next one that `session_id` claims with it. Waits
    are the caller's (apply.py), in the same transaction.
    """
    said = chain.records(
        row.id,
        (row.state.seq, row.head_hash),
        row.generation,
        decision.events,
        now,
        actor,
        row.correlation_id,
        body,
        token,
    )
    head = said[-1].hash if said else row.head_hash
    shown, state = face(definition, decision.state), decision.state
    shape, rows = _beside(row.id, said, decision, session_id, _name(mine), _name(finished))
    parameters = (
        row.id, now, actor.kind, actor.name, row.correlation_id, row.revision, state.generation, shown.lifecycle,
        shown.status, shown.stage, shown.needs_person, shown.step, shown.dependency, shown.waiting_kind,
        shown.waiting_name, shown.waiting_until, shown.next_what, shown.next_at, shown.owner, shown.reason,
        deadline_state(definition, state), codec.text(state), state.seq, head, not state.alive, *rows,
    )  # fmt: skip
    newer = Row(row.id, row.workflow, row.version, row.revision + 1, state, head, state.generation, row.correlation_id)
    return Writing((sql.advance(shape), parameters), newer)


@dataclass(frozen=True, slots=True)
class NewInstance:
    """Everything about a new instance that its definition and input do not say."""

    id: UUID
    priority: int
    actor: Actor
    correlation_id: str
    attributes: dict[str, Any]
    input_hash: str
    body: str
    run: int
    #: page, api, command or engine: where the start came in
    through: str


def start(new: NewInstance, definition: Definition, decision: Decision, now: datetime) -> bool:
    """Write a new instance and its audit row. False: this (workflow, key, run) exists; nothing was written."""
    said = chain.records(
        new.id, (0, chain.GENESIS), 1, decision.events, now, new.actor, new.correlation_id, new.body, 0
    )
    shown, state = face(definition, decision.state), decision.state
    shape, rows = _beside(new.id, said, decision, None, "", "")
    parameters = (
        new.id, now, new.actor.kind, new.actor.name, new.correlation_id, definition.name, definition.version, state.key,
        new.run, new.priority, shown.lifecycle, shown.status, shown.stage, shown.needs_person, shown.step,
        shown.dependency, shown.waiting_kind, shown.waiting_name, shown.waiting_until, shown.next_what, shown.next_at,
        shown.owner, state.deadline_at, to_json(new.attributes).decode(), new.input_hash, codec.text(state),
        state.seq, said[-1].hash, not state.alive, new.through, *rows,
    )  # fmt: skip
    return bool(run(sql.start(shape), parameters))


def payloads(instance_id: UUID, seqs: Iterable[int]) -> dict[int, str | None]:
    """The stored bodies (JSON text) by history seq; None where redaction removed one."""
    return dict(run(sql.PAYLOADS, (instance_id, list(seqs))))


def payloads_of(wanted: Sequence[tuple[UUID, int]]) -> list[tuple[UUID, int, str | None]]:
    """The same for many instances: (instance, seq, body) of every (instance, seq) that is stored."""
    found: list[Any] = run(sql.PAYLOADS_OF, ([instance_id for instance_id, _ in wanted], [seq for _, seq in wanted]))
    return found


def unclaim(claim: Claim) -> None:
    """Give an attempt back that was not begun. Losing the race means the lease had ended anyway."""
    run(sql.UNCLAIM, (claim.row.id, claim.step, claim.direction, claim.token))


def park(claim: Claim) -> None:
    """The breaker refused the call once more: give the attempt back and let the pump offer it again later."""
    run(sql.PARK, (claim.row.id, claim.step, claim.direction, claim.token))


def _beside(
    instance_id: UUID, said: Sequence[Record], decision: Decision, session_id: UUID | None, mine: str, finished: str
) -> tuple[Shape, list[Any]]:
    """The rows that a decision writes beside its instance, as parameters in the order of `Shape`'s parts."""
    kept: list[tuple[Any, ...]] = []
    published: list[tuple[Any, ...]] = []
    timers: list[tuple[Any, ...]] = []
    added: list[tuple[Any, ...]] = []
    cleared: list[str] = []
    dropped: list[str] = []
    for effect in decision.effects:
        match effect:
            case DropWork(step, direction):
                dropped.append(f"{step}/{direction}")
            case AddWork(work):
                added.append(_work(work))
            case SetTimer(timer):
                timers.append((timer.name, timer.fire_at, timer.held))
            case ClearTimer(name):
                cleared.append(name)
            case Publish(seq, event):
                data, nth = to_json(event.data).decode(), len(published) + 1
                published.append((ids.event_id(instance_id, seq), nth, event.event_type, event.event_version, data))
            case OpenWait() | CloseWait() | OpenApproval() | CloseApproval():
                pass  # they take more than the one statement: apply.py
    rows: list[Any] = []
    for r in said:
        rows += (r.seq, r.generation, r.type, r.schema, r.step, r.data, r.token, r.digest, r.hash)
        if r.body is not None:
            kept.append((r.seq, r.body, r.salt))
    for row in chain_of(kept, published, timers):
        rows += row
    rows += ([cleared] if cleared else []) + ([dropped] if dropped else [])
    for row in added:
        rows += row
    if added:
        rows += (session_id, mine, finished)
    shape = Shape(len(said), len(kept), len(published), len(timers), len(added), bool(cleared), bool(dropped))
    return shape, rows


def _name(attempt: tuple[str, Direction] | None) -> str:
    return f"{attempt[0]}/{attempt[1]}" if attempt else ""


def _work(work: Work) -> tuple[Any, ...]:
    seconds = work.timeout.total_seconds()
    return (
        work.step, work.direction, work.pool, work.dependency, work.ready_at, work.held, work.repeats_safely, seconds,
        work.parked,
    )  # fmt: skip
