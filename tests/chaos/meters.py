"""Measures how long things took: until work went on, until a struck attempt was made again, until the console answered.

Everything is read from outside the processes under test; times are those of this process's monotonic clock.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.chaos.installation import Installation
from workflows.engine import failpoints

#: a recovery that takes longer than this is given up and counts as none (seconds)
GIVE_UP = 120.0
#: seconds between two looks
_LOOK = 0.2


def successes(installation: Installation) -> int:
    """How many steps have succeeded so far."""
    return int(installation.ask("SELECT count(*) FROM workflows_event WHERE type = 'StepSucceeded'")[0][0])


def work_left(installation: Installation) -> bool:
    """Whether anything is due that nobody has done."""
    return bool(installation.ask("SELECT EXISTS (SELECT FROM workflows_work WHERE ready_at < now())")[0][0])


def until_work_goes_on(
    installation: Installation,
    stop: threading.Event | None = None,
    *,
    insist: bool = False,
    excused: Callable[[], bool] = lambda: False,
) -> float:
    """Seconds until a step succeeds again; `GIVE_UP` if none ever does. The time stands still while `excused()`.

    Raises `NothingToDo` if nothing is due, unless we insist because more is still to be started, or the run stops.
    """
    began, before, pause = time.monotonic(), successes(installation), stop or threading.Event()
    while time.monotonic() - began < GIVE_UP:
        began = time.monotonic() if excused() else began
        if successes(installation) > before:
            return time.monotonic() - began
        if pause.wait(_LOOK) or not (insist or work_left(installation)):
            raise NothingToDo
    return GIVE_UP


class NothingToDo(Exception):
    """Nobody can tell whether work goes on where there is none."""


@contextmanager
def looking(look: Callable[[], object], every: float = _LOOK) -> Iterator[None]:
    """Call `look` again and again in a thread of its own until the block ends. Raises what it raised."""
    done, errors = threading.Event(), list[BaseException]()

    def loop() -> None:
        try:
            while not done.wait(every):
                look()
        except BaseException as error:  # a thread cannot raise into its run
            errors.append(error)

    thread = threading.Thread(target=loop, name="meter")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    if errors:
        raise errors[0]


@dataclass
class Stillness:
    """The longest time in which work was ready and no step succeeded, once anything has."""

    installation: Installation
    longest: float = 0
    _count: int = -1
    _since: float = 0

    def look(self) -> None:
        now = time.monotonic()
        count, ready = self.installation.ask(_STILL)[0]
        if count != self._count or not ready or not count:
            self._count, self._since = count, now
        self.longest = max(self.longest, now - self._since)


_STILL = """
SELECT (SELECT count(*) FROM workflows_event WHERE type = 'StepSucceeded'),
       EXISTS (SELECT FROM workflows_work WHERE session_id IS NULL AND NOT held AND NOT parked AND ready_at < now())
"""


@dataclass(frozen=True)
class Hurt:
    """An attempt that a process held when it was struck."""

    letter: str
    seq: int
    since: float


@dataclass
class Strikes:
    """Follows the failpoints of an installation: how often each struck, and what became of the struck attempts."""

    installation: Installation
    counted: Counter[str] = field(default_factory=Counter)
    #: per letter, the seconds until an attempt was made again
    recovered: list[tuple[str, float]] = field(default_factory=list)
    open: dict[tuple[str, str, str], Hurt] = field(default_factory=dict)
    _read: int = 0

    def look(self) -> None:
        for line in self._new_lines():
            self.counted[f"{line['letter']} {line['action']}"] += 1
            if line["action"] in ("kill9", "stop"):
                self._hurt(line)
        self._heal()

    def _new_lines(self) -> list[dict[str, Any]]:
        path = self.installation.data_dir / failpoints.FOLDER / failpoints.STRIKES
        lines = path.read_text().splitlines() if path.exists() else []
        fresh, self._read = lines[self._read :], len(lines)
        return [json.loads(line) for line in fresh]

    def _hurt(self, line: dict[str, Any]) -> None:
        """Whatever the process held is to be made again by somebody else."""
        for instance, step, direction, seq in self.installation.ask(_HELD, line["process"]):
            self.open[instance, step, direction] = Hurt(line["letter"], seq, time.monotonic())

    def _heal(self) -> None:
        for key, hurt in list(self.open.items()):
            if self.installation.ask(_WENT_ON, *key, hurt.seq, *key[:2])[0][0]:
                self.recovered.append((hurt.letter, time.monotonic() - hurt.since))
                del self.open[key]


_HELD = """
SELECT w.instance_id::text, w.step, w.direction, i.seq FROM workflows_work w
JOIN workflows_session s ON s.id = w.session_id JOIN workflows_instance i ON i.id = w.instance_id WHERE s.process = %s
"""
_WENT_ON = """
SELECT NOT EXISTS (SELECT FROM workflows_work WHERE instance_id = %s::uuid AND step = %s AND direction = %s)
    OR EXISTS (SELECT FROM workflows_event WHERE seq > %s AND instance_id = %s::uuid AND step = %s
               AND type <> 'AttemptLost')
"""


#: what a browser and a client ask for
PAGES = ("/healthz", "/readyz", "/", "/work/", "/api/v1/instances?page_size=20")


@dataclass
class Console:
    """Asks the console like a person who signed in, and the API like a client; notes how long each answer took."""

    client: httpx.Client
    took: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    degraded: int = 0

    def look(self) -> None:
        for path in PAGES:
            began = time.monotonic()
            try:
                answer = self.client.get(path)
            except httpx.HTTPError as error:
                self.wrong.append(f"{path} broke off: {type(error).__name__}")
                continue
            self.took.append(time.monotonic() - began)
            if answer.status_code != 200:
                self.wrong.append(f"{path} answered {answer.status_code}")
            elif path == "/readyz":
                self.degraded += bool(answer.json()["degraded"])


@contextmanager
def signed_in(installation: Installation) -> Iterator[httpx.Client]:
    """A browser's session and an API token at once."""
    with installation.client("operator", seconds=GIVE_UP) as client:
        client.get("/signin/").raise_for_status()
        form = {"username": "operator", "password": "operator-demo"}
        form["csrfmiddlewaretoken"] = client.cookies["csrftoken"]
        answer = client.post("/signin/", data=form, headers={"Referer": installation.url})
        assert answer.status_code == 302, f"signing in answered {answer.status_code}"
        yield client
