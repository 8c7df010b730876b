"""The life of attempts in a worker: claim, execute, commit and claim the next in one statement, yield.

1. A wake-up names a pool, and perhaps an instance, which is then looked at first.
2. Fast work (p95 below 50 ms) is claimed in small batches, other work one at a time under a cap per dependency.
3. A run stays with its instance for up to 20 steps, as long as the next step belongs to the same pool.
4. A commit that finds the instance moved goes through the locking beats; a stale lease leaves a late result.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace
from functools import cache, partial
from uuid import UUID

import structlog
from django.db import connection

from workflows import registry
from workflows.core import events as e
from workflows.core import facts
from workflows.core.decide import Decision, decide
from workflows.core.state import Direction
from workflows.core.wants import QUARANTINE, AddWork
from workflows.dsl.definition import Definition
from workflows.dsl.dependency import INTERNAL
from workflows.engine import apply, clock, hints, sessions, store
from workflows.engine.apply import Change
from workflows.engine.attempt import Inputs, Outcome, execute
from workflows.engine.patience import AWAY, when_back
from workflows.engine.sessions import Session
from workflows.engine.store import Claim, Lease, Row, Saved

BATCH = 16
MAX_STEPS = 20
#: A wake-up is handed on after this long, so that other pools and messages get their turn (seconds).
PATIENCE = 3.0
#: Work that waited longer than this in a batch renews its deadline before it begins (seconds).
STALE_RESERVATION = 0.5
FAST_SECONDS = 0.05

log = structlog.get_logger(__name__)
_durations: dict[str, deque[float]] = {}


def look(pool: str, instance_id: UUID | None = None) -> int:
    """Work until the pool has nothing ready or a few seconds have passed. Returns how many attempts were made."""
    session = sessions.current()
    session.heard.set()
    began, made = time.monotonic(), 0
    if instance_id is not None and not session.draining.is_set():
        first = store.claim_one(session.id, instance_id, pool, registry.capabilities(), _at_cap(session))
        made += _run(first, session) if first else 0
    while not session.draining.is_set():
        batch = _claim_batch(session, pool)
        made += _work_off(batch, session)
        other = None if session.draining.is_set() else _claim_other(session, pool)
        made += _run(other, session)
        if not batch and other is None:
            return made
        if time.monotonic() - began > PATIENCE:
            hints.wake(pool)
            return made
    return made


def _claim_batch(session: Session, pool: str) -> list[Claim]:
    """Fast work that is harmless to repeat; it waits for its turn in this thread."""
    fast = _fast()
    if pool == QUARANTINE or not fast:
        return []
    return store.claim_batch(session.id, pool, registry.capabilities(), fast, BATCH, fast=True)


def _work_off(claims: list[Claim], session: Session) -> int:
    made = 0
    for index, claim in enumerate(claims):
        if session.draining.is_set():
            _give_back(claims[index:])
            break
        made += _run(claim, session)
    return made


def _claim_other(session: Session, pool: str) -> Claim | None:
    """One attempt of any other kind. It begins at once: for what must not be repeated blindly, held means begun."""
    others = _at_cap(session) + ([] if pool == QUARANTINE else _fast())
    claims = store.claim_batch(session.id, pool, registry.capabilities(), others, 1, fast=False)
    return claims[0] if claims else None


def _fast() -> list[str]:
    """Dependencies whose observed p95 is short enough to be claimed in batches."""
    return [
        name
        for name, seen in _durations.items()
        if len(seen) >= 8 and sorted(seen)[int(len(seen) * 0.95)] < FAST_SECONDS
    ]


def _at_cap(session: Session) -> list[str]:
    """Slow dependencies that already occupy their share of this process's threads."""
    full = [name for name, count in list(session.running.items()) if count >= _cap(name)]
    fast = _fast() if full else ()
    return [name for name in full if name not in fast]


@cache
def _declared() -> dict[str, int | None]:
    return {d.name: d.concurrency for definition in registry.definitions().values() for d in definition.dependencies}


def _cap(dependency: str) -> int:
    return _declared().get(dependency) or max(sessions.THREADS // 2, 1)


def _give_back(claims: list[Claim]) -> None:
    for claim in claims:
        store.unclaim(claim)


def _run(claim: Claim | None, session: Session) -> int:
    """Stay with one instance while its next step is ours. Returns the number of attempts made."""
    made = 0
    inputs = Inputs(claim.row.id) if claim else None
    while claim is not None and inputs is not None:
        try:
            current = _renewed(claim)
            if current is None:
                return made
            definition = registry.find(current.row.workflow, current.row.version)
            outcome = _attempt(definition, current, session, inputs)
        except AWAY:
            when_back(partial(store.unclaim, claim))
            return made
        made += 1
        try:
            claim = _finish(definition, current, outcome, session, inputs, more=made < MAX_STEPS)
        except AWAY:  # it may have committed or not; the locking beats look before they write
            connection.close()
            when_back(partial(_commit_locked, current, _change(current, outcome), outcome))
            return made
    return made


def _attempt(definition: Definition, claim: Claim, session: Session, inputs: Inputs) -> Outcome:
    began = time.monotonic()
    timeout = (definition.by_name[claim.step].calls or INTERNAL).timeout.total_seconds()
    with session.attempting(claim.dependency, timeout):
        outcome = execute(definition, claim, claim.row.state, inputs)
    took = time.monotonic() - began
    _durations.setdefault(claim.dependency, deque(maxlen=64)).append(took)
    log.info(
        "attempt.ended",
        workflow=claim.row.workflow,
        key=claim.row.state.key,
        step=claim.step,
        direction=claim.direction,
        outcome=type(outcome.fact).__name__,
        seconds=round(took, 4),
        correlation_id=claim.row.correlation_id,
    )
    return outcome


def _finish(
    definition: Definition, claim: Claim, outcome: Outcome, session: Session, inputs: Inputs, *, more: bool
) -> Claim | None:
    """Commit an outcome, and take the next step of the instance along if it is ours to take."""
    now = clock.now()
    change = _change(claim, outcome)
    decision = decide(definition, claim.row.state, outcome.fact, now, pace=clock.pace())
    if not decision.events or any(isinstance(said, e.CorrectionBegan) for said in decision.events):
        _commit_locked(claim, change, outcome)
        return None
    mine = _next(decision, claim.pool, session) if more else None
    saved = apply.commit(claim.row, definition, decision, change, now, mine=mine, session_id=session.id)
    if saved is None:
        _commit_locked(claim, change, outcome)
        return None
    if outcome.model is not None:
        inputs.known[decision.state.steps[claim.step].output_seq] = outcome.model
    return _following(saved, mine, claim, decision)


def _change(claim: Claim, outcome: Outcome) -> Change:
    return Change(outcome.fact, outcome.body, token=claim.token, finished=(claim.step, claim.direction))


def _next(decision: Decision, pool: str, session: Session) -> tuple[str, Direction] | None:
    busy = _at_cap(session)
    for effect in decision.effects:
        if isinstance(effect, AddWork):
            work = effect.work
            if work.pool == pool and work.ready_at is None and not work.held and work.dependency not in busy:
                return work.step, work.direction
    return None


def _following(saved: Saved, mine: tuple[str, Direction] | None, claim: Claim, decision: Decision) -> Claim | None:
    if mine is None or saved.token is None:
        return None
    dependency = next(
        effect.work.dependency
        for effect in decision.effects
        if isinstance(effect, AddWork) and (effect.work.step, effect.work.direction) == mine
    )
    return Claim(saved.row, mine[0], mine[1], saved.token, clock.now(), claim.pool, dependency)


def _renewed(claim: Claim) -> Claim | None:
    """The reservation with its full time ahead, if it waited in a batch. None: the sweeper took it back meanwhile."""
    if (clock.now() - claim.leased_at).total_seconds() < STALE_RESERVATION:
        return claim
    found = store.run(_RENEW, (claim.row.id, claim.step, claim.direction, claim.token))
    return replace(claim, leased_at=found[0][0]) if found else None


_RENEW = """
UPDATE workflows_work SET leased_at = clock_timestamp(),
    deadline_at = clock_timestamp() + make_interval(secs => timeout_seconds + 2)
WHERE instance_id = $1 AND step = $2 AND direction = $3 AND token = $4 AND session_id IS NOT NULL
RETURNING leased_at
"""


def _commit_locked(claim: Claim, change: Change, outcome: Outcome) -> None:
    """The instance moved meanwhile (a parallel branch, a person, the sweeper): decide again under its lock.

    Without its lease the attempt advances nothing, but an effect it reports is given to the core and kept.
    """
    late = False

    def make(row: Row, leases: list[Lease]) -> Change | None:
        nonlocal late
        held = {(lease.step, lease.direction, lease.token) for lease in leases if lease.session_id is not None}
        late = (claim.step, claim.direction, claim.token) not in held
        if not late:
            return change
        if isinstance(outcome.fact, facts.Succeeded):
            return replace(change, fact=replace(outcome.fact, late=True), finished=None)
        return None

    applied = apply.change(claim.row.id, make)
    if late:
        _keep_late(claim, outcome, used=applied is not None and bool(applied.decision.events))


def _keep_late(claim: Claim, outcome: Outcome, *, used: bool) -> None:
    kind = {facts.Succeeded: "succeeded", facts.RefusedBy: "refused"}.get(type(outcome.fact), "failed")
    store.run(
        """
        INSERT INTO workflows_lateresult (instance_id, step, direction, token, at, outcome, body, disposition)
        VALUES ($1, $2, $3, $4, now(), $5, $6, $7)
        """,
        (
            claim.row.id,
            claim.step,
            claim.direction,
            claim.token,
            kind,
            outcome.body or "",
            "used" if used else "ignored",
        ),
    )
    log.warning("attempt.late", step=claim.step, instance=str(claim.row.id), used=used)
