"""Stands between a process and its dependencies: may this call be made, and what came of it.

The process looks at all breakers at most every 250 ms and hands in what it saw as often; between two looks it answers
from memory. Only probes cost a statement each, because they are counted across all processes.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import connection

from breakers import operations
from breakers.machine import PASSING, Policy, State
from breakers.models import Breaker
from breakers.operations import Moved
from breakers.window import Tally

log = structlog.get_logger(__name__)
#: seconds between two looks at the breakers, and between two times of handing in
PERIOD = 0.25

Clock = Callable[[], datetime]
#: hears of a committed transition; neither blocks nor raises
Listener = Callable[[Moved], None]


@dataclass(frozen=True, slots=True)
class Admission:
    """The call may be made. `permit` is a probe's, which has to be settled."""

    name: str
    generation: int
    slow_after: timedelta
    permit: int | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    state: State
    generation: int
    policy: Policy


class Guard:
    """One per process. Safe to use from several threads; `clock` tells database time.

    `listener` hears of every transition that what this process saw has led to.
    """

    def __init__(self, clock: Clock, listener: Listener = lambda moved: None) -> None:
        self._clock, self._listener = clock, listener
        self._known: Mapping[str, _Known] = {}
        self._looked = -PERIOD
        self._tallies: dict[tuple[str, int], Tally] = {}
        self._refused: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._looking = threading.Lock()

    def admit(self, name: str, holder: UUID, length: timedelta) -> Admission | None:
        """May this dependency be called now, by `holder`, for at most `length`? None: no. Raises database errors."""
        self._keep_up()
        known = self._known.get(name)
        if known is None:
            return Admission(name, 0, timedelta.max)
        if known.state in PASSING:
            return Admission(name, known.generation, known.policy.slow_after)
        permit = None
        if known.state is State.HALF_OPEN:
            permit = operations.take_permit(name, known.generation, holder, length, self._clock())
        if permit is None:
            with self._lock:
                self._refused[name] += 1
            return None
        return Admission(name, known.generation, known.policy.slow_after, permit)

    def passing(self, name: str) -> Admission | None:
        """What an admission would be, without asking for a probe's permit. None: calls do not pass freely."""
        self._keep_up()
        known = self._known.get(name)
        if known is None or known.state not in PASSING:
            return None
        return Admission(name, known.generation, known.policy.slow_after)

    def ended(self, admission: Admission, *, failed: bool, took: timedelta, error: str = "") -> None:
        """The call was made. `failed`: for a technical reason. Raises database errors after a probe only."""
        if admission.permit is not None:
            moved = operations.probed(
                admission.name, admission.permit, admission.generation, self._clock(), failed=failed, error=error
            )
            self._tell(moved)
            return
        if not admission.generation:
            return
        key = (admission.name, admission.generation)
        with self._lock:
            before = self._tallies.get(key, Tally())
            self._tallies[key] = before.with_call(failed=failed, slow=took > admission.slow_after, error=error)

    def given_up(self, admission: Admission) -> None:
        """The call was not made after all."""
        if admission.permit is not None:
            operations.return_permit(admission.permit)

    def hand_in(self) -> None:
        """Write down what was seen since the last time, and look at the breakers anew. Raises database errors.

        What the database did not take is lost: a breaker that opens a few calls later does less harm than one that
        counts a call twice.
        """
        with self._lock:
            tallies, refused = self._tallies, self._refused
            self._tallies, self._refused = {}, Counter()
        for (name, generation), tally in tallies.items():
            self._tell(operations.seen(name, tally, generation, refused.pop(name, 0), self._clock()))
        for name, count in refused.items():
            operations.seen(name, Tally(), 0, count, self._clock())
        self._look()

    def busy(self) -> bool:
        """Whether there is something to hand in."""
        return bool(self._tallies or self._refused)

    def _tell(self, moved: Moved) -> None:
        if moved.cause:
            self._looked = -PERIOD
            self._listener(moved)

    def _keep_up(self) -> None:
        """Nobody goes by what was known more than a period ago: one thread looks, and the others wait for it."""
        if time.monotonic() - self._looked < PERIOD:
            return
        with self._looking:
            if time.monotonic() - self._looked >= PERIOD:
                self._look()

    def _look(self) -> None:
        began = time.monotonic()
        rows = Breaker.objects.only("name", "state", "generation", "declared", "tuned")
        self._known = {
            row.name: _Known(State(row.state), row.generation, operations.policy_of(row)) for row in rows
        }  # fmt: skip
        self._looked = began


def watch(guard: Guard, stop: threading.Event, away: tuple[type[Exception], ...]) -> None:
    """Hand in regularly until `stop` is set, so that the last calls before a quiet time count, too."""
    while not stop.wait(PERIOD):
        try:
            if guard.busy():
                guard.hand_in()
        except away:
            connection.close()
        except Exception:  # an edge: a process that hands in no more would call a broken dependency for ever
            log.exception("breakers.not_handed_in")
    connection.close()
