"""Between an attempt and its dependency: the circuit breaker, asked before the call and told what came of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import connection

from breakers import guard, operations
from breakers.guard import Admission, Guard
from breakers.machine import Policy
from breakers.operations import Moved
from workflows import registry
from workflows.core import facts
from workflows.dsl.dependency import Dependency
from workflows.engine import clock, failpoints, news
from workflows.engine.attempt import Outcome
from workflows.engine.patience import AWAY
from workflows.engine.sessions import GRACE_SECONDS

#: A probe's permit outlives its time-out and grace by this long (seconds): time for the sweeper to find it hanging.
_FOUND_SECONDS = 4

log = structlog.get_logger(__name__)


def moved(breaker: Moved) -> None:
    """A transition was committed: say so in the log, and to open pages."""
    log.info("breaker.moved", breaker=breaker.name, became=str(breaker.after.state), cause=breaker.cause)
    news.breaker(breaker.name, breaker.after.generation)


#: This process's view of all breakers.
breakers = Guard(clock.now, moved)
_watching: threading.Thread | None = None


def admit(dependency: Dependency, session_id: UUID) -> Admission | None:
    """May it be called now? None: no; nothing was sent and no attempt is used. Raises database errors."""
    if dependency.breaker is None:
        return _FREE
    length = dependency.timeout + timedelta(seconds=GRACE_SECONDS + _FOUND_SECONDS)
    admission = breakers.admit(dependency.name, session_id, length)
    if admission is not None and admission.permit is not None:
        failpoints.at("i", dependency.name)
    return admission


_FREE = Admission("", 0, timedelta.max)


def ended(admission: Admission, outcome: Outcome, took: float) -> None:
    """Tell the breaker. Only technical failures count against the dependency: a business refusal is an answer."""
    fact = outcome.fact
    failed = isinstance(fact, facts.Failed) and fact.retryable
    error = fact.error if isinstance(fact, facts.Failed) else ""
    try:
        breakers.ended(admission, failed=failed, took=timedelta(seconds=took), error=error)
    except AWAY:
        connection.close()  # the probe's permit runs out by itself


def given_up(admission: Admission) -> None:
    """The call was not made after all. With the database away a probe's permit runs out by itself."""
    with suppress(*AWAY):
        breakers.given_up(admission)


def hung(dependency: Dependency, session_id: UUID) -> None:
    """An attempt of this session was found to take longer than its time-out; whoever makes it cannot say so."""
    if dependency.breaker is None:
        return
    probing = operations.permit_of(dependency.name, session_id)
    admission = breakers.passing(dependency.name)
    if probing is not None:
        permit, generation = probing
        found = operations.probed(dependency.name, permit, generation, clock.now(), failed=True, error=_HUNG)
        if found.cause:
            moved(found)
    elif admission is not None:
        breakers.ended(admission, failed=True, took=timedelta.max, error=_HUNG)
        breakers.hand_in()


_HUNG = "did not answer within its time-out"


def declared() -> Mapping[str, Policy]:
    """The rule of every declared dependency that has a breaker; the newest version of a process has the say."""
    found: dict[str, Policy] = {}
    for _, definition in sorted(registry.definitions().items(), key=lambda pair: pair[0][1]):
        for dependency in definition.dependencies:
            if dependency.breaker is not None:
                found[dependency.name] = dependency.breaker
    return found


def open_up() -> None:
    """Make sure that every dependency has its breaker. Raises database errors."""
    operations.declare(declared(), clock.now())


def watch() -> None:
    """Hand in what this process sees from now on, every quarter of a second, in a thread of its own."""
    global breakers, _watching
    breakers = Guard(clock.now, moved)
    _watching = threading.Thread(
        target=guard.watch, args=(breakers, threading.Event(), AWAY), name="breakers", daemon=True
    )
    _watching.start()
