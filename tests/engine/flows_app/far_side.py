"""The systems the test processes call: every call is noted, and behaves as the test has scripted it."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from workflows.dsl import Call

#: What a call does instead of going well: raise this, or run this and use what it returns.
Behaviour = BaseException | Callable[[], Any]


@dataclass(frozen=True)
class Seen:
    """One call as the far side saw it."""

    name: str
    key: str
    attempt: int
    forward_key: str
    reason: str


@dataclass
class FarSide:
    """All of them together."""

    seen: list[Seen] = field(default_factory=list)
    scripts: dict[str, deque[Behaviour]] = field(default_factory=lambda: defaultdict(deque))
    guard: threading.Lock = field(default_factory=threading.Lock)

    def will(self, name: str, *behaviours: Behaviour) -> None:
        """Script the next calls of this name; after that they go well again."""
        self.scripts[name].extend(behaviours)

    def call(self, name: str, call: Call, default: Any = None) -> Any:
        """A call arrives."""
        with self.guard:
            self.seen.append(Seen(name, call.key, call.attempt, call.forward_key, call.reason))
            behaviour = self.scripts[name].popleft() if self.scripts[name] else None
        if isinstance(behaviour, BaseException):
            raise behaviour
        return behaviour() if behaviour is not None else default

    def names(self) -> list[str]:
        """Which calls arrived, oldest first."""
        return [seen.name for seen in self.seen]

    def keys(self, name: str) -> list[str]:
        """The keys with which a call arrived."""
        return [seen.key for seen in self.seen if seen.name == name]

    def forget(self) -> None:
        """Begin anew."""
        self.seen.clear()
        self.scripts.clear()


class Gate:
    """A call that stays inside until it is let out: `far.will("left", gate)`."""

    def __init__(self, outcome: Any = None) -> None:
        self.entered, self.opened, self.outcome = threading.Event(), threading.Event(), outcome

    def __call__(self) -> Any:
        self.entered.set()
        assert self.opened.wait(30), "nobody opened the gate"
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


#: the far side of this process
far = FarSide()
