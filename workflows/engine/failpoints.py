"""Deliberate failures at named points of an attempt's life: `FAILPOINT=d:kill9`, only with CHAOS=1. Off by default.

    a  before a claim               b  claimed, not begun            c  in the effect of a step
    d  effect done, not committed   e  committed, nobody told yet    f  in the effect of a compensation
    g  a timer or message ends      h  a person decides              i  a breaker probes
       a wait, not committed

Actions: kill9; stop:SECONDS (the process stands still, heartbeat and all, then goes on); sleep:SECONDS (this thread);
raise; exec_then_raise (what has an effect has it first). `@N` after the action strikes the Nth passage only, `/N` every
Nth; without either, each. Several points are separated by commas: `b:kill9/40,e:raise@3`.

Passages are counted over all processes and restarts: DATA_DIR/failpoints/LETTER.passed has a byte for each, and
strikes.jsonl a line for each strike, written before it strikes.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

_GRAMMAR = re.compile(
    r"(?P<letter>[a-i]):(?P<action>kill9|raise|exec_then_raise|(?:stop|sleep):(?P<seconds>\d+(?:\.\d+)?))"
    r"(?:@(?P<only>[1-9]\d*)|/(?P<every>[1-9]\d*))?"
)
FOLDER = "failpoints"
STRIKES = "strikes.jsonl"


class Struck(Exception):
    """A failpoint raised, as it was told to."""


@dataclass(frozen=True, slots=True)
class Point:
    """What happens at one letter, and at which passages."""

    letter: str
    action: str
    seconds: float
    only: int
    every: int

    def strikes(self, passage: int) -> bool:
        return passage == self.only if self.only else passage % self.every == 0

    def comes_after(self, passage: int) -> bool:
        """Whether an effect happens first. What ends or stops the process comes before and after it in turn."""
        if self.action in ("kill9", "stop"):
            return (passage // self.every) % 2 == 0
        return self.action == "exec_then_raise"


def read(text: str) -> dict[str, Point]:
    """The points of a FAILPOINT value. Raises ValueError with what is wrong."""
    points: dict[str, Point] = {}
    for word in filter(None, (part.strip() for part in text.split(","))):
        found = _GRAMMAR.fullmatch(word)
        if found is None or found["letter"] in points:
            raise ValueError(
                "must be a letter a-i, each once, and kill9, stop:SECONDS, raise, sleep:SECONDS or exec_then_raise, "
                "then perhaps @N or /N."
            )
        action = found["action"].partition(":")[0]
        seconds, only, every = float(found["seconds"] or 0), int(found["only"] or 0), int(found["every"] or 1)
        points[found["letter"]] = Point(found["letter"], action, seconds, only, every)
    return points


_armed: dict[str, Point] = {}
_folder = Path()
_nothing: AbstractContextManager[None] = nullcontext()


def arm(text: str, data_dir: Path) -> None:
    """Let these points strike in this process from now on; an empty text: none."""
    global _armed, _folder
    _armed, _folder = read(text), data_dir / FOLDER
    if _armed:
        _folder.mkdir(parents=True, exist_ok=True)


def at(letter: str, subject: object = "") -> None:
    """The process passes a point. `subject` is written down with a strike: an instance's id."""
    if not _armed:
        return
    point = _armed.get(letter)
    if point is not None and point.strikes(passage := _passed(letter)):
        _strike(point, passage, subject)


def around(letter: str, subject: object = "") -> AbstractContextManager[None]:
    """The same for a block that has an effect, which some actions let happen first."""
    return _around(letter, subject) if letter in _armed else _nothing


@contextmanager
def _around(letter: str, subject: object) -> Iterator[None]:
    point, passage = _armed[letter], _passed(letter)
    strikes, after = point.strikes(passage), point.comes_after(passage)
    if strikes and not after:
        _strike(point, passage, subject)
    yield
    if strikes and after:
        _strike(point, passage, subject)


def _passed(letter: str) -> int:
    """Count a passage. The byte is added by the kernel at the end, so no two processes get the same number."""
    file = os.open(_folder / f"{letter}.passed", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, b".")
        return os.lseek(file, 0, os.SEEK_CUR)
    finally:
        os.close(file)


def _strike(point: Point, passage: int, subject: object) -> None:
    said = {"letter": point.letter, "action": point.action, "passage": passage, "process": os.getpid()}
    with (_folder / STRIKES).open("a") as file:
        file.write(json.dumps({**said, "subject": str(subject)}) + "\n")
    match point.action:
        case "kill9":
            os.kill(os.getpid(), signal.SIGKILL)
        case "stop":
            _stand_still(point.seconds)
        case "sleep":
            time.sleep(point.seconds)
        case _:
            raise Struck(f"failpoint {point.letter}")


def _stand_still(seconds: float) -> None:
    """Somebody outside has to wake a process that has stopped."""
    words = ("/bin/sh", "-c", f"sleep {seconds:g}; kill -CONT {os.getpid()}")
    waker = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
    os.kill(os.getpid(), signal.SIGSTOP)
    waker.wait()
