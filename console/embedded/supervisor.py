"""Keeps a set of processes running: starts them in order, restarts what ends, stops them in reverse.

starting ──► running ──ends──► waiting (backoff) ──► running …
                                  └── too often in a row by itself ──► `GaveUp`

Who is killed, or leaves to be replaced, was able to start: a step that kills its worker must not end everything else.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from console.embedded import processes
from console.embedded.processes import Child, Program

#: seconds before each restart; the last one repeats
BACKOFF = (0.2, 0.5, 1.0, 2.0, 5.0)
#: ends in a row, each soon after its start, before we give up
LIMIT = 8
#: seconds after which a process counts as having started well
SETTLED = 10.0


class GaveUp(Exception):
    """A process ends again and again; the text says which one and ends with its log."""


class Stopped(Exception):
    """Somebody asked us to stop while we were waiting for something."""


@dataclass
class Watched:
    """One program and its present life."""

    child: Child
    started: float
    #: ends in a row, each soon after its start
    falls: int = 0
    #: those of them that were its own doing
    failures: int = 0
    #: when to start it again; None while it runs
    restart_at: float | None = None
    finished: bool = False


class Supervisor:
    """Use inside `heeding_signals`, from the main thread only."""

    def __init__(self, logs: Path, say: Callable[[str], None]) -> None:
        self._logs = logs
        self._say = say
        self._watched: list[Watched] = []
        self._stop_asked = False
        self._wakeup = -1

    @contextmanager
    def heeding_signals(self) -> Iterator[None]:
        """SIGINT, SIGTERM and SIGHUP ask for a stop; everything is stopped on the way out, whatever happened."""
        reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wakeup = reading
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask_to_stop)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # under nohup it stays ignored
            signal.signal(signal.SIGHUP, self._ask_to_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        try:
            yield
        finally:
            self._stop_all()

    def start(self, program: Program) -> None:
        self._watched.append(Watched(processes.start(program, self._logs), time.monotonic()))

    def wait_for(self, what: str, condition: Callable[[], bool], seconds: float) -> None:
        """Watch until the condition holds. Raises `GaveUp` when it does not in time, `Stopped` when asked to stop."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise GaveUp(f"{what} took longer than {seconds:.0f} s. The logs are in {self._logs}.")
            self._watch_once(0.05)

    def complete(self, program: Program, seconds: float) -> None:
        """Run a program that has an end. Raises `GaveUp` with its last words when it fails."""
        child = processes.start(program, self._logs)
        try:
            self.wait_for(program.name, lambda: child.process.poll() is not None, seconds)
        finally:
            processes.stop(child)
        if child.process.returncode:
            raise GaveUp(f"{program.name} {_how(child.process.returncode)}. Its last words:\n{child.last_words(30)}")

    def run(self) -> None:
        """Watch until somebody asks for a stop. Raises `GaveUp`."""
        try:
            while True:
                self._watch_once(1.0)
        except Stopped:
            return

    def _watch_once(self, seconds: float) -> None:
        for watched in self._watched:
            self._look_at(watched)
        due = [watched.restart_at for watched in self._watched if watched.restart_at is not None]
        pause = min([seconds, *(max(at - time.monotonic(), 0) for at in due)])
        if select.select([self._wakeup], [], [], pause)[0]:
            os.read(self._wakeup, 4096)
        if self._stop_asked:
            raise Stopped

    def _look_at(self, watched: Watched) -> None:
        now = time.monotonic()
        if watched.restart_at is not None:
            if now >= watched.restart_at:
                watched.child = processes.start(watched.child.program, self._logs)
                watched.started, watched.restart_at = now, None
                self._say(f"{watched.child.program.name} runs again")
        elif not watched.finished and watched.child.process.poll() is not None:
            self._has_ended(watched, now)

    def _has_ended(self, watched: Watched, now: float) -> None:
        program, code = watched.child.program, watched.child.process.returncode
        processes.kill_group(watched.child)
        if program.may_finish and code == 0:
            watched.finished = True
            return
        if now - watched.started > SETTLED:
            watched.falls = watched.failures = 0
        watched.falls += 1
        watched.failures += code >= 0 and code != program.leaves_with
        if watched.failures > LIMIT:
            raise GaveUp(
                f"{program.name} ended {watched.failures} times in a row ({_how(code)}). "
                f"{watched.child.log} ends with:\n{watched.child.last_words()}"
            )
        delay = BACKOFF[min(watched.falls, len(BACKOFF)) - 1]
        watched.restart_at = now + delay
        self._say(f"{program.name} {_how(code)}; again in {delay:g} s")

    def _stop_all(self) -> None:
        """Everything that stands on the services at once, then the services in reverse order."""
        alive = [watched.child for watched in reversed(self._watched) if watched.restart_at is None]
        above = [child for child in alive if not child.program.is_service]
        for child in above:
            processes.ask_to_stop(child)
        deadline = time.monotonic() + max([child.program.grace_seconds for child in above], default=0)
        for child in above:
            processes.await_end(child, max(deadline - time.monotonic(), 0))
        for child in alive:
            if child.program.is_service:
                processes.stop(child)
        self._watched.clear()

    def _ask_to_stop(self, *_: object) -> None:
        self._stop_asked = True


def _how(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
