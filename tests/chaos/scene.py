"""What a fault is, and what it acts on and notes down while it strikes one installation."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.installation import Installation
from tests.chaos.intake import Acknowledged
from tests.chaos.records import Choice, Record, mixed
from tests.demo.order_classes import Ending

Say = Callable[[str], None]


@dataclass
class Scene:
    """One installation under one fault. Times in seconds."""

    installation: Installation
    records: list[Record]
    luck: random.Random
    say: Say
    #: how long the fault strikes
    seconds: float
    #: how many times longer than promised something may take, on a machine that has other things to do
    slack: float = 1
    known: Acknowledged = field(default_factory=Acknowledged)
    #: the fault's time is over, or the run is broken off
    over: threading.Event = field(default_factory=threading.Event)
    #: how every instance must stand in the end, by business key
    expected: dict[str, Ending] = field(default_factory=dict)
    #: about which steps of which instances a person may be asked
    askable: set[tuple[str, str]] = field(default_factory=set)
    injected: Counter[str] = field(default_factory=Counter)
    measured: dict[str, list[float]] = field(default_factory=dict)
    offenders: list[str] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)
    #: what a fault remembers for its own judgement
    notes: dict[str, Any] = field(default_factory=dict)

    def struck(self, what: str, times: int = 1) -> None:
        """Count something that was really injected. Safe from any thread."""
        with self.guard:
            self.injected[what] += times

    def measure(self, what: str, seconds: float, bound: float = 0) -> None:
        """Note how long something took; longer than a bound breaks a promise."""
        self.measured.setdefault(what, []).append(round(seconds, 1))
        if bound and seconds > bound * self.slack:
            self.broken(f"{what} took {seconds:.1f} s, {bound * self.slack:g} s are allowed")

    def broken(self, text: str) -> None:
        """A promise was not kept."""
        self.offenders.append(text)

    def pause(self, seconds: float) -> bool:
        """Let time pass. True when the fault's time is over."""
        return self.over.wait(max(seconds, 0))


def nothing(scene: Scene) -> None:
    """Nothing more than what is done for every fault."""


@dataclass(frozen=True)
class Fault:
    """One row of the catalogue in docs/chaos.md."""

    name: str
    what: str
    phases: str
    #: what is promised, in words
    bound: str
    #: strikes until the scene is over; the scene is over when it returns
    strike: Callable[[Scene], None]
    #: with less than one of each of these, nothing was proved
    needs: tuple[str, ...]
    #: what people do after everything was healed
    heal: Callable[[Scene], None] = nothing
    #: what must hold besides the promises that every run is judged by
    judge: Callable[[Scene], None] = nothing
    failpoints: str = ""
    dials: Mapping[str, Any] = field(default_factory=dict)
    orders: int = 60
    choice: Choice = mixed
    seconds: float = 40
    workers: int = 2
    pace: int = 60
    apps: str = ""
    #: people approve whatever is asked
    decided: bool = True
