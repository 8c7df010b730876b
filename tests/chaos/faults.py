"""What goes wrong while the orders run: each fault strikes on its own schedule and counts how often it really did."""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import redis

from tests.chaos.installation import Installation

#: longer than a session's lease of 12 s
ZOMBIE_SECONDS = 16
#: work must go on within so many seconds after Redis came back or PostgreSQL was struck (promise 4, F08)
BROKER_BOUND, DATABASE_BOUND = 10.0, 15.0
#: a recovery that takes longer than this is given up and counts as none (seconds)
GIVE_UP = 120.0

DIALS: dict[str, Any] = {
    "payments": {"error_rate": 0.3, "timeout_after_effect_rate": 0.1, "hang_s": 6.0},
    "erp": {"callback": {"delay_s": 2.0, "duplicate_rate": 0.4, "reorder_rate": 0.4, "drop_rate": 0.1}},
}

_CUT = """
SELECT pg_terminate_backend(pid) FROM (
    SELECT pid FROM pg_stat_activity WHERE usename = current_user AND application_name <> 'chaos'
    ORDER BY random() LIMIT 3
) chosen
"""

Say = Callable[[str], None]


class Missed(Exception):
    """The fault could not strike now, which counts for nothing."""


@dataclass
class Fault:
    """One kind of failure: what it is, when it strikes, what came of it."""

    name: str
    what: str
    strike: Callable[[Fault], None]
    #: strikes every so many seconds …
    every: float = 0.0
    #: … or at these shares of the whole time
    at: tuple[float, ...] = ()
    #: with fewer strikes the run has not tested what it claims
    at_least: int = 1
    #: seconds within which work must go on after a strike; 0: not measured
    bound: float = 0.0
    strikes: int = 0
    #: seconds until work went on, per measured strike
    recovered: list[float] = field(default_factory=list)

    def times(self, seconds: float) -> Iterator[float]:
        """When it strikes, in seconds from the beginning; what strikes again and again does so until it is stopped."""
        yield from (share * seconds for share in self.at)
        if self.every:
            yield from itertools.count(self.every, self.every)


@dataclass
class Nemesis:
    """All faults of one run against one installation."""

    installation: Installation
    luck: random.Random
    say: Say
    #: how long Redis hangs
    frozen_seconds: float = 30
    #: how many times longer than promised recovery may take, on a machine that has other things to do
    slack: float = 1
    stop: threading.Event = field(default_factory=threading.Event)
    #: Redis hangs; nobody can be expected to go on
    frozen: threading.Event = field(default_factory=threading.Event)

    def faults(self) -> list[Fault]:
        """The faults of the run in the order of the report."""
        return [
            Fault("workers", "kill -9 of a random worker", self._kill_worker, every=10, at_least=3),
            Fault(
                "zombies", f"a worker stopped for {ZOMBIE_SECONDS} s, past its lease, then going on", self._stun_worker,
                at=(0.2, 0.65),
            ),
            Fault("flush", "Redis: FLUSHALL", self._flush, every=5, at_least=3),
            Fault(
                "frozen", f"Redis stopped for {self.frozen_seconds:g} s", self._freeze,
                at=(0.3,), bound=BROKER_BOUND * self.slack,
            ),
            Fault("broker", "kill -9 of Redis", self._kill_broker, at=(0.05,), bound=BROKER_BOUND * self.slack),
            Fault(
                "database", "PostgreSQL restarted immediately", self._restart_database,
                at=(0.15, 0.5, 0.9), at_least=3, bound=DATABASE_BOUND * self.slack,
            ),
            Fault("connections", "three database connections cut", self._cut_connections, every=8, at_least=3),
            Fault("pump", "kill -9 of the pump", self._kill("pump"), at=(0.4, 0.8)),
            Fault("web", "kill -9 of the web process", self._kill("uvicorn"), at=(0.25, 0.6)),
        ]  # fmt: skip

    @contextmanager
    def at_work(self, seconds: float) -> Iterator[list[Fault]]:
        """Strike on schedule, each fault in its own thread, until the block ends. `seconds`: the whole time."""
        faults = self.faults()
        with ThreadPoolExecutor(len(faults), "fault") as pool:
            running = [pool.submit(self._run, fault, seconds) for fault in faults]
            try:
                yield faults
            finally:
                self.stop.set()
        for each in running:
            each.result()

    def _run(self, fault: Fault, seconds: float) -> None:
        began = time.monotonic()
        for at in fault.times(seconds):
            if self.stop.wait(max(began + at - time.monotonic(), 0)):
                return
            with suppress(Missed):
                fault.strike(fault)
                fault.strikes += 1

    def _kill_worker(self, fault: Fault) -> None:
        self._kill_one(fault, "celery")

    def _stun_worker(self, fault: Fault) -> None:
        """It wakes up with results for leases that were given to others. Somebody may kill it meanwhile."""
        found = self.installation.processes("celery")
        if not found:
            raise Missed
        pid = self.luck.choice(found).pid
        self._signal(pid, signal.SIGSTOP)
        try:
            self.stop.wait(ZOMBIE_SECONDS)
        finally:
            with suppress(Missed):
                self._signal(pid, signal.SIGCONT)

    def _kill(self, word: str) -> Callable[[Fault], None]:
        return lambda fault: self._kill_one(fault, f" {word}")

    def _kill_one(self, fault: Fault, word: str) -> None:
        """Kill one of the processes whose command line has the word; none may be there just now."""
        found = self.installation.processes(word)
        if not found:
            raise Missed
        self._signal(self.luck.choice(found).pid, signal.SIGKILL)

    def _flush(self, fault: Fault) -> None:
        self._with_redis(lambda client: client.flushall())

    def _freeze(self, fault: Fault) -> None:
        pid = self._broker()
        self._signal(pid, signal.SIGSTOP)
        self.frozen.set()
        self.say(f"Redis hangs for {self.frozen_seconds:g} s")
        try:
            self.stop.wait(self.frozen_seconds)
        finally:
            self._signal(pid, signal.SIGCONT)
            self.frozen.clear()
        self._measure(fault)

    def _kill_broker(self, fault: Fault) -> None:
        self._signal(self._broker(), signal.SIGKILL)
        self.say("Redis was killed")
        self._measure(fault)

    def _broker(self) -> int:
        found = self.installation.processes("valkey-server", "redis-server")
        if not found:
            raise Missed
        return found[0].pid

    def _restart_database(self, fault: Fault) -> None:
        found = self.installation.processes("bin/postgres")
        if not found:
            raise Missed
        self._signal(found[0].pid, signal.SIGQUIT)
        self.say("PostgreSQL was stopped immediately")
        self._measure(fault)

    def _cut_connections(self, fault: Fault) -> None:
        cut = self.installation.ask(_CUT)
        if not cut:
            raise Missed

    def _measure(self, fault: Fault) -> None:
        """Note how long it takes until a step succeeds again; nothing if there is nothing left to do.

        While Redis hangs the time stands still.
        """
        began, before = time.monotonic(), self._successes()
        while time.monotonic() - began < GIVE_UP:
            began = time.monotonic() if self.frozen.is_set() else began
            if self._successes() > before:
                fault.recovered.append(round(time.monotonic() - began, 1))
                self.say(f"after “{fault.what}” work went on within {fault.recovered[-1]} s")
                return
            if not self._work_left() or self.stop.wait(0.2):
                return
        fault.recovered.append(GIVE_UP)

    def _successes(self) -> int:
        return int(self.installation.ask("SELECT count(*) FROM workflows_event WHERE type = 'StepSucceeded'")[0][0])

    def _work_left(self) -> bool:
        return bool(self.installation.ask("SELECT EXISTS (SELECT FROM workflows_work WHERE ready_at < now())")[0][0])

    def _with_redis(self, act: Callable[[redis.Redis], object]) -> None:
        url = self.installation.services()["REDIS_URL"]
        client = redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
        try:
            act(client)
        except redis.RedisError:
            raise Missed from None
        finally:
            client.close()

    @staticmethod
    def _signal(pid: int, number: signal.Signals) -> None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            raise Missed from None
