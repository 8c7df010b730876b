"""The life of attempts in a worker: claim, execute, commit and claim the next in one statement, yield.

1. A wake-up names a pool, and perhaps an instance, which is then looked at first.
2. Fast work (p95 below 50 ms) is claimed in small batches, other work one at a time under a cap per dependency.
3. A run stays with its instance for up to 20 steps, as long as the next step belongs to the same pool.
4. A batch is worked off in rounds, so that many outcomes share one commit; none waits longer than 10 ms for the
   company of others.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace
from functools import cache, partial
from itertools import count
from uuid import UUID

import structlog
from django.db import connection

from breakers.guard import Admission
from workflows import registry
from workflows.core import facts
from workflows.core.wants import QUARANTINE, Work, called, is_parked
from workflows.dsl.definition import Definition
from workflows.engine import clock, failpoints, gate, hints, outcomes, sessions, store
from workflows.engine.attempt import Inputs, Outcome, barred, execute, function_of
from workflows.engine.outcomes import Ended, Takes
from workflows.engine.patience import AWAY, when_back
from workflows.engine.sessions import Session
from workflows.engine.store import Claim

BATCH = 16
#: Behind full batches other work is looked for every so many turns: the look passes over all fast work that is ready.
OTHERS_TURN = 4
MAX_STEPS = 20
#: A wake-up is handed on after this long, so that other pools and messages get their turn (seconds).
PATIENCE = 3.0
#: Work that waited longer than this in a batch renews its deadline before it begins (seconds).
STALE_RESERVATION = 0.5
FAST_SECONDS = 0.05
#: An outcome waits this long, and to the end of one more attempt, for others to be committed with (seconds).
COMPANY = 0.01

log = structlog.get_logger(__name__)
_durations: dict[str, deque[float]] = {}


def look(pool: str, instance_id: UUID | None = None) -> int:
    """Work until the pool has nothing ready or a few seconds have passed. Returns how many attempts were made."""
    session = sessions.current()
    session.heard.set()
    failpoints.at("a", instance_id or "")
    began, made = time.monotonic(), 0
    if instance_id is not None and not session.draining.is_set():
        first = store.claim_one(session.id, instance_id, pool, registry.capabilities(), _at_cap(session))
        made += _run(first, session) if first else 0
    for turn in count():
        if session.draining.is_set():
            return made
        batch = _claim_batch(session, pool)
        made += _work_off(batch, session)
        passed_over = len(batch) == BATCH and turn % OTHERS_TURN
        other = None if passed_over or session.draining.is_set() else _claim_other(session, pool)
        made += _run(other, session)
        if not batch and other is None:
            return made
        if time.monotonic() - began > PATIENCE:
            hints.wake(pool)
            return made
    raise AssertionError("the turns do not end")


def _claim_batch(session: Session, pool: str) -> list[Claim]:
    """Fast work that is harmless to repeat; it waits for its turn in this thread."""
    fast = _fast()
    if pool == QUARANTINE or not fast:
        return []
    return store.claim_batch(session.id, pool, registry.capabilities(), fast, BATCH, fast=True)


def _work_off(claims: list[Claim], session: Session) -> int:
    """Work off a batch in rounds: a step of every instance, then the commits of all of them on one trip.

    What an instance goes on with stays in the batch only if it, too, is fast and harmless to repeat.
    """
    runs, made, rounds, fast = [_Run(claim) for claim in claims], 0, 0, set(_fast())

    def takes(work: Work) -> bool:
        return rounds < MAX_STEPS and work.repeats_safely and work.dependency in fast

    _read_ahead(runs)
    while runs:
        rounds += 1
        going: list[_Run] = []
        while runs and not session.draining.is_set():
            attempted = _attempt_some(runs, session)
            made += len(attempted)
            going += _record_all(attempted, session, takes)
        _give_back([run.claim for run in runs])
        runs = going
    return made


def _read_ahead(runs: list[_Run]) -> None:
    """Read what the first steps of a batch need on one trip; with the database away, each run notices for itself."""
    wanted = [(run.claim.row.id, seq) for run in runs for seq in run.missing()]
    inputs = {run.claim.row.id: run.inputs for run in runs}
    try:
        for instance_id, seq, body in store.payloads_of(wanted) if wanted else ():
            inputs[instance_id].unread[seq] = body
    except AWAY:
        connection.close()


def _attempt_some(runs: list[_Run], session: Session) -> list[tuple[_Run, Ended]]:
    """Take runs from the list and make an attempt each, until the first outcome has waited long enough for company."""
    attempted: list[tuple[_Run, Ended]] = []
    began = time.monotonic()
    while runs and not session.draining.is_set() and time.monotonic() - began < COMPANY:
        run = runs.pop(0)
        ended = run.attempt(session)
        if ended is not None:
            attempted.append((run, ended))
    return attempted


def _record_all(attempted: list[tuple[_Run, Ended]], session: Session, takes: Takes) -> list[_Run]:
    """Commit, and return the runs that go on."""
    following = outcomes.record_each([ended for _, ended in attempted], session.id, takes)
    return [run for (run, ended), claim in zip(attempted, following, strict=True) if run.goes_on(ended, claim)]


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
    if claim is None:
        return 0
    run, made = _Run(claim), 0

    def takes(work: Work) -> bool:
        return made < MAX_STEPS and work.dependency not in _at_cap(session)

    while ended := run.attempt(session):
        made += 1
        if not run.goes_on(ended, outcomes.record(ended, session.id, takes)):
            break
    return made


class _Run:
    """A worker's stay with one instance: what it has claimed there, and the results it need not read again."""

    def __init__(self, claim: Claim) -> None:
        self.claim, self.inputs = claim, Inputs(claim.row.id)

    def missing(self) -> set[int]:
        """The history seqs of the results that what is claimed needs."""
        definition = registry.find(self.claim.row.workflow, self.claim.row.version)
        function = function_of(definition.by_name[self.claim.step], self.claim.direction)
        return self.inputs.missing(definition, self.claim.row.state, function)

    def attempt(self, session: Session) -> Ended | None:
        """Carry out what is claimed, if the dependency's breaker allows it.

        None: the lease has ended, it was parked once more, or the database is away and it was given back.
        """
        try:
            claim = _renewed(self.claim)
            if claim is None:
                return None
            failpoints.at("b", claim.row.id)
            definition = registry.find(claim.row.workflow, claim.row.version)
            dependency = called(definition.by_name[claim.step], claim.direction)
            admission = gate.admit(dependency, session.id)
            if admission is not None:
                return Ended(claim, definition, _attempt(definition, claim, session, self.inputs, admission))
            if not is_parked(claim.row.state, claim.step, claim.direction):
                return Ended(claim, definition, barred(claim, dependency.name))
            store.park(claim)  # another probe is under way; people know already that it waits
            return None
        except AWAY:
            when_back(partial(store.unclaim, self.claim))
            return None

    def goes_on(self, ended: Ended, claim: Claim | None) -> bool:
        """Whether something more was claimed for this run, which keeps the result for it."""
        if claim is None:
            return False
        if ended.outcome.model is not None:
            self.inputs.known[claim.row.state.steps[ended.claim.step].output_seq] = ended.outcome.model
        self.claim = claim
        return True


def _attempt(
    definition: Definition, claim: Claim, session: Session, inputs: Inputs, admission: Admission
) -> Outcome:  # fmt: skip
    began = time.monotonic()
    timeout = called(definition.by_name[claim.step], claim.direction).timeout.total_seconds()
    try:
        with session.attempting(claim.dependency, timeout):
            outcome = execute(definition, claim, claim.row.state, inputs)
    except AWAY:
        gate.given_up(admission)
        raise
    failpoints.at("d", claim.row.id)
    took = time.monotonic() - began
    gate.ended(admission, outcome, took)
    if admission.permit is not None and isinstance(outcome.fact, facts.Failed):
        outcome = replace(outcome, fact=replace(outcome.fact, probe=True))
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
