"""Everything goes wrong at once while the orders run: each trouble strikes on its own schedule and is counted."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import redis

from tests.chaos import meters
from tests.chaos.installation import Installation, children
from tests.chaos.meters import NothingToDo
from tests.chaos.scene import Say

#: longer than a session's lease of 12 s
ZOMBIE_SECONDS = 16
#: work must go on within so many seconds after Redis came back or PostgreSQL was struck (promise 4, F08)
BROKER_BOUND, DATABASE_BOUND = 10.0, 15.0

DIALS: dict[str, Any] = {
    "payments": {"error_rate": 0.3, "timeout_after_effect_rate": 0.1, "hang_s": 6.0},
    "erp": {"callback": {"delay_s": 2.0, "duplicate_rate": 0.4, "reorder_rate": 0.4, "drop_rate": 0.3}},
}

_CUT = """
SELECT pg_terminate_backend(pid) FROM (
    SELECT pid FROM pg_stat_activity WHERE usename = current_user AND application_name <> 'chaos'
    ORDER BY random() LIMIT 3
) chosen
"""


class Missed(Exception):
    """The trouble could not strike now, which counts for nothing."""


@dataclass
class Trouble:
    """One kind of failure: what it is, when it strikes, what came of it."""

    name: str
    what: str
    strike: Callable[[Trouble], None]
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
    """All troubles of one run against one installation."""

    installation: Installation
    #: a worker beside the others, whose attempts run in processes instead of threads
    forking: subprocess.Popen[bytes]
    luck: random.Random
    say: Say
    #: how long Redis hangs
    frozen_seconds: float = 30
    #: how many times longer than promised recovery may take, on a machine that has other things to do
    slack: float = 1
    stop: threading.Event = field(default_factory=threading.Event)
    #: Redis hangs; nobody can be expected to go on
    frozen: threading.Event = field(default_factory=threading.Event)

    def troubles(self) -> list[Trouble]:
        """In the order of the report."""
        return [
            Trouble("workers", "kill -9 of a random worker", self._kill_worker, every=10, at_least=3),
            Trouble(
                "zombies", f"a worker stopped for {ZOMBIE_SECONDS} s, past its lease, then going on", self._stun_worker,
                at=(0.2, 0.65),
            ),
            Trouble("flush", "Redis: FLUSHALL", self._flush, every=5, at_least=3),
            Trouble(
                "frozen", f"Redis stopped for {self.frozen_seconds:g} s", self._freeze,
                at=(0.3,), bound=BROKER_BOUND * self.slack,
            ),
            Trouble("broker", "kill -9 of Redis", self._kill_broker, at=(0.05,), bound=BROKER_BOUND * self.slack),
            Trouble(
                "database", "PostgreSQL restarted immediately", self._restart_database,
                at=(0.15, 0.5, 0.9), at_least=3, bound=DATABASE_BOUND * self.slack,
            ),
            Trouble("connections", "three database connections cut", self._cut_connections, every=8, at_least=3),
            Trouble("children", "kill -9 of a prefork child", self._kill_child, every=12, at_least=2),
            Trouble("pump", "kill -9 of the pump", self._kill("pump"), at=(0.4, 0.8)),
            Trouble("web", "kill -9 of the web process", self._kill("uvicorn"), at=(0.25, 0.6)),
        ]  # fmt: skip

    @contextmanager
    def at_work(self, seconds: float) -> Iterator[list[Trouble]]:
        """Strike on schedule, each trouble in its own thread, until the block ends. `seconds`: the whole time."""
        troubles = self.troubles()
        with ThreadPoolExecutor(len(troubles), "trouble") as pool:
            running = [pool.submit(self._run, trouble, seconds) for trouble in troubles]
            try:
                yield troubles
            finally:
                self.stop.set()
        for each in running:
            each.result()

    def _run(self, trouble: Trouble, seconds: float) -> None:
        began = time.monotonic()
        for at in trouble.times(seconds):
            if self.stop.wait(max(began + at - time.monotonic(), 0)):
                return
            with suppress(Missed):
                trouble.strike(trouble)
                trouble.strikes += 1

    def _kill_worker(self, trouble: Trouble) -> None:
        self._kill_one(trouble, "celery")

    def _kill_child(self, trouble: Trouble) -> None:
        """A child of the worker that forks; the worker itself lives on and forks another."""
        found = children(self.forking.pid)
        if not found:
            raise Missed
        self._signal(self.luck.choice(found).pid, signal.SIGKILL)

    def _stun_worker(self, trouble: Trouble) -> None:
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

    def _kill(self, word: str) -> Callable[[Trouble], None]:
        return lambda trouble: self._kill_one(trouble, f" {word}")

    def _kill_one(self, trouble: Trouble, word: str) -> None:
        """Kill one of the processes whose command line has the word; none may be there just now."""
        found = self.installation.processes(word)
        if not found:
            raise Missed
        self._signal(self.luck.choice(found).pid, signal.SIGKILL)

    def _flush(self, trouble: Trouble) -> None:
        self._with_redis(lambda client: client.flushall())

    def _freeze(self, trouble: Trouble) -> None:
        pid = self._broker()
        self._signal(pid, signal.SIGSTOP)
        self.frozen.set()
        self.say(f"Redis hangs for {self.frozen_seconds:g} s")
        try:
            self.stop.wait(self.frozen_seconds)
        finally:
            self._signal(pid, signal.SIGCONT)
            self.frozen.clear()
        self._measure(trouble)

    def _kill_broker(self, trouble: Trouble) -> None:
        self._signal(self._broker(), signal.SIGKILL)
        self.say("Redis was killed")
        self._measure(trouble)

    def _broker(self) -> int:
        found = self.installation.processes("valkey-server", "redis-server")
        if not found:
            raise Missed
        return found[0].pid

    def _restart_database(self, trouble: Trouble) -> None:
        found = self.installation.processes("bin/postgres")
        if not found:
            raise Missed
        self._signal(found[0].pid, signal.SIGQUIT)
        self.say("PostgreSQL was stopped immediately")
        self._measure(trouble)

    def _cut_connections(self, trouble: Trouble) -> None:
        cut = self.installation.ask(_CUT)
        if not cut:
            raise Missed

    def _measure(self, trouble: Trouble) -> None:
        """Note how long it takes until a step succeeds again. While Redis hangs the time stands still."""
        with suppress(NothingToDo):
            seconds = meters.until_work_goes_on(self.installation, self.stop, excused=self.frozen.is_set)
            trouble.recovered.append(round(seconds, 1))
            self.say(f"after “{trouble.what}” work went on within {seconds:.1f} s")

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
