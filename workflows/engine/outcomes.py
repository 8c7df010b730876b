"""How a worker records what its attempts led to, and takes along what comes next.

The hot path decides on the row that the claim returned and commits with one statement, alone or in one transaction
with others. A commit that finds the instance moved goes through the locking beats; a stale lease leaves a late result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

import structlog
from django.db import Error, connection

from workflows.core import events as e
from workflows.core import facts
from workflows.core.decide import decide
from workflows.core.wants import AddWork, Work
from workflows.dsl.definition import Definition
from workflows.engine import apply, clock, store
from workflows.engine.apply import Change, Prepared
from workflows.engine.attempt import Outcome
from workflows.engine.patience import AWAY, when_back
from workflows.engine.store import Claim, Lease, Row, Saved

#: Whether this worker wants to go on with that work.
Takes = Callable[[Work], bool]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt that was made and is not recorded yet."""

    claim: Claim
    definition: Definition
    outcome: Outcome

    @property
    def change(self) -> Change:
        """What is to be recorded."""
        claim = self.claim
        return Change(
            self.outcome.fact, self.outcome.body, token=claim.token, finished=(claim.step, claim.direction)
        )  # fmt: skip


def record(ended: Ended, session_id: UUID, takes: Takes) -> Claim | None:
    """Commit an outcome. Returns the instance's next step if that was claimed with it.

    A database that is away is sat out. What cannot be recorded for another reason is left to the sweeper, so that
    nobody else's work stops because of it.
    """
    return _guarded(ended, lambda: _record(ended, session_id, takes))


def record_each(all_ended: Sequence[Ended], session_id: UUID, takes: Takes) -> list[Claim | None]:
    """The same for the outcomes of different instances; what takes no more than a statement is committed together."""
    following: list[Claim | None] = [None] * len(all_ended)
    together: list[tuple[int, Prepared]] = []
    for place, ended in enumerate(all_ended):
        made = _for_the_trip(ended, session_id, takes) if len(all_ended) > 1 else None
        if made is not None:
            together.append((place, made))
        else:
            following[place] = record(ended, session_id, takes)
    answers = _answers([made for _, made in together])
    for (place, made), answer in zip(together, answers, strict=True):
        following[place] = _guarded(all_ended[place], partial(_next_claim, all_ended[place], made, answer))
    return following


def _guarded(ended: Ended, action: Callable[[], Claim | None]) -> Claim | None:
    try:
        return action()
    except AWAY:
        _record_when_back(ended)
    except Exception:  # an edge: the lease runs out, and the attempt is taken for lost
        log.exception("attempt.not_recorded", step=ended.claim.step, instance=str(ended.claim.row.id))
    return None


def _record(ended: Ended, session_id: UUID, takes: Takes) -> Claim | None:
    made = _decided(ended, session_id, takes)
    if made is None:
        _record_locked(ended)
        return None
    return _next_claim(ended, made, apply.commit(made))


def _for_the_trip(ended: Ended, session_id: UUID, takes: Takes) -> Prepared | None:
    try:
        made = _decided(ended, session_id, takes)
    except Exception:  # recorded alone it fails once more, and is reported there
        return None
    return made if made is not None and made.is_one_statement else None


def _answers(made: Sequence[Prepared]) -> Sequence[Saved | Error | None]:
    try:
        return apply.commit_together(made) if made else []
    except AWAY as error:  # nothing was sent, or nobody knows what arrived
        return [error] * len(made)


def _decided(ended: Ended, session_id: UUID, takes: Takes) -> Prepared | None:
    """The decision on the row as it was claimed. None: it takes the instance's lock to know what follows."""
    claim, now = ended.claim, clock.now()
    decision = decide(ended.definition, claim.row.state, ended.outcome.fact, now, pace=clock.pace())
    if not decision.events or any(isinstance(said, e.CorrectionBegan) for said in decision.events):
        return None
    ready = (
        effect.work
        for effect in decision.effects
        if isinstance(effect, AddWork) and effect.work.ready_at is None and not effect.work.held
        and not effect.work.parked
    )  # fmt: skip
    mine = next(((work.step, work.direction) for work in ready if work.pool == claim.pool and takes(work)), None)
    return apply.prepare(claim.row, ended.definition, decision, ended.change, now, mine=mine, session_id=session_id)


def _next_claim(ended: Ended, made: Prepared, answer: Saved | Error | None) -> Claim | None:
    if isinstance(answer, Error):
        raise answer
    if answer is None:
        _record_locked(ended)
        return None
    if made.mine is None or answer.token is None:
        return None
    dependency = next(
        effect.work.dependency
        for effect in made.decision.effects
        if isinstance(effect, AddWork) and (effect.work.step, effect.work.direction) == made.mine
    )
    step, direction = made.mine
    return Claim(answer.row, step, direction, answer.token, clock.now(), ended.claim.pool, dependency)


def _record_when_back(ended: Ended) -> None:
    """It may have committed or not; the locking beats look before they write."""
    connection.close()
    when_back(partial(_record_locked, ended))


def _record_locked(ended: Ended) -> None:
    """The instance moved meanwhile (a parallel branch, a person, the sweeper): decide again under its lock.

    Without its lease the attempt advances nothing, but an effect it reports is given to the core and kept.
    """
    claim, outcome, late = ended.claim, ended.outcome, False

    def make(row: Row, leases: list[Lease]) -> Change | None:
        nonlocal late
        held = {(lease.step, lease.direction, lease.token) for lease in leases if lease.session_id is not None}
        late = (claim.step, claim.direction, claim.token) not in held
        if not late:
            return ended.change
        if isinstance(outcome.fact, facts.Succeeded):
            return replace(ended.change, fact=replace(outcome.fact, late=True), finished=None)
        return None

    applied = apply.change(claim.row.id, make)
    if late and not isinstance(outcome.fact, facts.Barred):
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
