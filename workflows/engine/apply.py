"""The four beats of every change: lock, decide, save with history and outbox, and after the commit tell whoever waits.

`change` is the locking form. `commit` is the optimistic form of the last two beats, which the executor's hot path
uses with the row its claim returned; it answers None when somebody else moved the instance meanwhile.

Lock order: instance, then advisory (two-sided arrivals), then work, then wait and message. Several instances only in
`commit_together`, in the order of their ids; nothing that holds one waits for another elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import Error, connection, transaction
from pydantic_core import to_json

from workflows import registry
from workflows.core import events as e
from workflows.core.decide import Decision, decide
from workflows.core.facts import Fact, MessageArrived
from workflows.core.state import Direction
from workflows.core.wants import AddWork, CloseApproval, CloseWait, Effect, OpenApproval, OpenWait
from workflows.dsl.definition import Definition
from workflows.engine import asking, chain, clock, failpoints, hints, inbox, news, sql, store
from workflows.engine.chain import Actor
from workflows.engine.store import Lease, Row, Saved, Writing

#: what takes more than the one statement, because it takes the advisory lock of two-sided arrivals
_BESIDE = (OpenWait, CloseWait, OpenApproval, CloseApproval)


@dataclass(frozen=True, slots=True)
class Change:
    """What a fact brings along: the payload of its outcome, who caused it, and the attempt it ends."""

    fact: Fact
    body: str | None = None
    actor: Actor = chain.SYSTEM
    token: int = 0
    finished: tuple[str, Direction] | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """A change as it was committed. No events: the fact made no difference."""

    row: Row
    decision: Decision


def change(instance_id: UUID, make: Callable[[Row, list[Lease]], Change | inbox.Arrived | None]) -> Applied | None:
    """The locking beats. `make` sees the locked row and its leases, and returns the change, or None to leave it.

    It may also return a message it has stored, which then decides the step that waits for it.

    None: no such instance, or nothing to do. Raises NotNow (nothing is written) and UnknownWorkflow.
    """
    with transaction.atomic():
        found = store.lock(instance_id)
        if found is None:
            return None
        row, leases = found
        wanted = make(row, leases)
        if wanted is None:
            return None
        in_flight = {(lease.step, lease.direction) for lease in leases if lease.session_id is not None}
        if isinstance(wanted, inbox.Arrived):
            return accept(row, wanted, in_flight, clock.read())
        return _apply(row, wanted, in_flight - {wanted.finished})


def _apply(row: Row, wanted: Change, in_flight: set[Any]) -> Applied:
    definition = registry.find(row.workflow, row.version)
    now = clock.read()
    decision = decide(definition, row.state, wanted.fact, now, in_flight=in_flight, pace=clock.pace())
    if not decision.events:
        return Applied(row, decision)
    saved = _write(prepare(row, definition, decision, wanted, now))
    assert saved is not None, "the row is locked, so its revision cannot have moved"
    return Applied(saved.row, decision)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A decision, the next attempt that is claimed with it, and the statement that writes both."""

    definition: Definition
    decision: Decision
    now: datetime
    mine: tuple[str, Direction] | None
    writing: Writing

    @property
    def is_one_statement(self) -> bool:
        """Whether no wait and no question is opened or closed with it."""
        return not any(isinstance(effect, _BESIDE) for effect in self.decision.effects)


def prepare(
    row: Row,
    definition: Definition,
    decision: Decision,
    wanted: Change,
    now: datetime,
    *,
    mine: tuple[str, Direction] | None = None,
    session_id: UUID | None = None,
) -> Prepared:
    """Spell a decision out; `mine` is the next attempt that `session_id` wants to claim with it."""
    writing = store.writing(
        row,
        definition,
        decision,
        now=now,
        actor=wanted.actor,
        body=wanted.body if wanted.body is not None else _by_itself(decision),
        token=wanted.token,
        finished=wanted.finished,
        mine=mine,
        session_id=session_id,
    )
    return Prepared(definition, decision, now, mine, writing)


def _by_itself(decision: Decision) -> str | None:
    """The result of a question that nobody decided in time: what was declared beforehand."""
    for event in decision.events:
        if isinstance(event, e.StepSucceeded) and event.how == "timeout":
            return to_json(event.values).decode()
    return None


def commit(made: Prepared) -> Saved | None:
    """Save a decision about a row that is not locked. None: somebody moved the instance meanwhile."""
    if made.is_one_statement:
        return _write(made)
    with transaction.atomic():
        return _write(made)


def commit_together(made: Sequence[Prepared]) -> list[Saved | Error | None]:
    """The same for decisions of one statement each, in one transaction; the answers are in the order of the decisions.

    Their instances are locked in the order of their ids, so that two workers never wait for each other. A decision
    that cannot be saved leaves the others alone.
    """
    order = sorted(range(len(made)), key=lambda place: made[place].writing.newer.id)
    results: list[Saved | Error | None] = [None] * len(made)
    for place, answer in zip(order, store.run_together([made[place].writing.call for place in order]), strict=True):
        one = made[place]
        results[place] = saved = answer if isinstance(answer, Error) else one.writing.saved(answer)
        if isinstance(saved, Saved):
            _after_commit(saved.row, one.decision, one.mine)
    return results


def _write(made: Prepared) -> Saved | None:
    saved = made.writing.saved(store.run(*made.writing.call))
    if saved is None:
        return None
    for effect in made.decision.effects:
        if isinstance(effect, _BESIDE):
            saved = replace(saved, row=_beside(saved.row, made.definition, effect, made.decision, made.now))
    _after_commit(saved.row, made.decision, made.mine)
    return saved


def open_first(instance_id: UUID, definition: Definition, decision: Decision, now: datetime) -> None:
    """Open the waits and questions an instance begins with, in the transaction of its start."""
    found = store.lock(instance_id)
    assert found is not None, "it was written in this transaction"
    row = found[0]
    for effect in decision.effects:
        if isinstance(effect, _BESIDE):
            row = _beside(row, definition, effect, decision, now)


def _beside(row: Row, definition: Definition, effect: Effect, decision: Decision, now: datetime) -> Row:
    """Carry out an effect on the tables beside the instance. An early message moves the row once more."""
    match effect:
        case CloseWait(step):
            by_message = any(
                isinstance(said, e.StepSucceeded | e.StepRefused) and said.step == step and said.message
                for said in decision.events
            )
            inbox.close_wait(row.id, step, satisfied=by_message, now=now)
        case OpenWait(wait):
            opened = inbox.open_wait(row.id, wait, row.generation, now)
            early = inbox.early_message(wait) if opened else None
            if early is not None:
                leased = {
                    (step, Direction(way))
                    for step, way, _, session, _ in store.run(sql.LOCK_WORK, (row.id,))
                    if session
                }
                return accept(row, early, leased, now).row
        case OpenApproval(event=event):
            asking.open_question(row, definition, event, now)
        case CloseApproval(step, outcome, by):
            asking.settle(row, step, outcome, by, now)
        case _:
            pass
    return row


def accept(row: Row, message: inbox.Arrived, in_flight: set[Any], now: datetime) -> Applied:
    """Let a message decide its wait, under the instance's lock. A body that breaks the contract is kept and shown."""
    definition = registry.find(row.workflow, row.version)
    node = definition.by_name[message.step]
    values = inbox.read(definition, node, message)
    if values is None:
        return Applied(row, Decision((), (), row.state))
    wanted = Change(
        MessageArrived(step=message.step, message=str(message.id), values=values),
        body=message.body,
        actor=message.by or Actor("client", message.source),
    )
    applied = _apply(row, wanted, in_flight)
    state = "applied" if applied.decision.events else "late"
    inbox.dispose(message.id, state, now, instance_id=row.id, step=message.step)
    return applied


def _after_commit(row: Row, decision: Decision, mine: tuple[str, Direction] | None) -> None:
    ready = [
        effect.work
        for effect in decision.effects
        if isinstance(effect, AddWork) and not effect.work.held and not effect.work.parked
        and (effect.work.step, effect.work.direction) != mine
    ]  # fmt: skip
    pools = {work.pool for work in ready if work.ready_at is None or work.ready_at <= clock.now()}
    if connection.in_atomic_block:
        transaction.on_commit(partial(_tell, row, pools), robust=True)
    else:
        _tell(row, pools)  # the statement was its own transaction


def _tell(row: Row, pools: set[str]) -> None:
    failpoints.at("e", row.id)
    for pool in pools:
        hints.wake(pool, row.id)
    news.changed(row.id, row.revision)
