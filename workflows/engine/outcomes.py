"""How a worker records what its attempts led to, and takes along what comes next.

The hot path decides on the row that the claim returned and commits with one statement, alone or on one trip with
others. A commit that finds the instance moved goes through the locking beats; a stale lease leaves a late result.
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
from workflows.engine.apply import Change, Optimistic
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
    """Commit an outcome. Returns the instance's next step if that was claimed with it."""
    try:
        made = _decided(ended, session_id, takes)
        if made is None:
            _record_locked(ended)
            return None
        return _next_claim(ended, made, apply.commit(made))
    except AWAY:
        _record_when_back(ended)
        return None


def record_each(all_ended: Sequence[Ended], session_id: UUID, takes: Takes) -> list[Claim | None]:
    """Commit the outcomes of different instances, each for itself, as far as possible on one trip."""
    if len(all_ended) == 1:
        return [record(all_ended[0], session_id, takes)]
    made = [_decided(ended, session_id, takes) for ended in all_ended]
    together = [one for one in made if one is not None and one.is_one_statement]
    try:
        answers = iter(apply.commit_each(together))
    except AWAY as error:  # not one of them was sent, or nobody knows which
        answers = iter([error] * len(together))
    following = []
    for ended, one in zip(all_ended, made, strict=True):
        if one is None or not one.is_one_statement:
            following.append(record(ended, session_id, takes))
        else:
            following.append(_understood(ended, one, next(answers)))
    return following


def _understood(ended: Ended, made: Optimistic, answer: Saved | Error | None) -> Claim | None:
    """One answer of a common trip. What the database refuses is left to the sweeper, so that the others go on."""
    if isinstance(answer, AWAY):
        _record_when_back(ended)
        return None
    if isinstance(answer, Error):
        log.error("attempt.not_recorded", step=ended.claim.step, instance=str(ended.claim.row.id), exc_info=answer)
        return None
    return _next_claim(ended, made, answer)


def _decided(ended: Ended, session_id: UUID, takes: Takes) -> Optimistic | None:
    """The decision on the row as it was claimed. None: it takes the instance's lock to know what follows."""
    claim, now = ended.claim, clock.now()
    decision = decide(ended.definition, claim.row.state, ended.outcome.fact, now, pace=clock.pace())
    if not decision.events or any(isinstance(said, e.CorrectionBegan) for said in decision.events):
        return None
    ready = (
        effect.work
        for effect in decision.effects
        if isinstance(effect, AddWork) and effect.work.ready_at is None and not effect.work.held
    )
    mine = next(((work.step, work.direction) for work in ready if work.pool == claim.pool and takes(work)), None)
    return Optimistic(claim.row, ended.definition, decision, ended.change, now, mine, session_id)


def _next_claim(ended: Ended, made: Optimistic, saved: Saved | None) -> Claim | None:
    if saved is None:
        _record_locked(ended)
        return None
    if made.mine is None or saved.token is None:
        return None
    dependency = next(
        effect.work.dependency
        for effect in made.decision.effects
        if isinstance(effect, AddWork) and (effect.work.step, effect.work.direction) == made.mine
    )
    step, direction = made.mine
    return Claim(saved.row, step, direction, saved.token, clock.now(), ended.claim.pool, dependency)


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
