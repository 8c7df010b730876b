"""Counts calls over the last while: a sliding window in parts, and tallies that processes hand in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import floor

#: A window is kept in this many parts; the oldest one leaves as a whole.
PARTS = 6


@dataclass(frozen=True, slots=True)
class Tally:
    """What one process saw of calls since it last handed in, in their order.

    `leading` and `trailing` are the failures in a row at the beginning and at the end; both equal `calls` when there
    was no success.
    """

    calls: int = 0
    failures: int = 0
    slow: int = 0
    leading: int = 0
    trailing: int = 0
    #: the longest row of failures inside
    longest: int = 0
    error: str = ""

    def with_call(self, *, failed: bool, slow: bool, error: str = "") -> Tally:
        """The tally after one more call."""
        trailing = self.trailing + 1 if failed else 0
        unbroken = failed and self.leading == self.calls
        return Tally(
            self.calls + 1,
            self.failures + failed,
            self.slow + slow,
            self.leading + 1 if unbroken else self.leading,
            trailing,
            max(self.longest, trailing),
            error if failed else self.error,
        )


@dataclass(frozen=True, slots=True)
class Part:
    """Calls within one part of the window, which began at `start` (epoch seconds)."""

    start: int
    calls: int
    failures: int
    slow: int


@dataclass(frozen=True, slots=True)
class Window:
    """The last `length` of calls, as parts in the order of time."""

    parts: tuple[Part, ...] = ()

    @property
    def calls(self) -> int:
        """How many calls ended within the window."""
        return sum(part.calls for part in self.parts)

    @property
    def failure_share(self) -> float:
        """Technical failures per call, 0 to 1; 0 without calls."""
        return sum(part.failures for part in self.parts) / self.calls if self.calls else 0.0

    @property
    def slow_share(self) -> float:
        """Slow calls per call, 0 to 1; 0 without calls."""
        return sum(part.slow for part in self.parts) / self.calls if self.calls else 0.0

    def at(self, now: datetime, length: timedelta) -> Window:
        """The window without what has grown too old."""
        oldest = now.timestamp() - length.total_seconds()
        size = _size(length)
        return Window(tuple(part for part in self.parts if part.start + size > oldest))

    def add(self, tally: Tally, now: datetime, length: timedelta) -> Window:
        """The window with a tally that was handed in now. Processes whose clocks differ a little share their parts."""
        size = _size(length)
        start = floor(now.timestamp() / size) * size
        kept = {part.start: part for part in self.at(now, length).parts}
        same = kept.get(start, Part(start, 0, 0, 0))
        kept[start] = Part(start, same.calls + tally.calls, same.failures + tally.failures, same.slow + tally.slow)
        return Window(tuple(kept[one] for one in sorted(kept)))

    def rows(self) -> list[list[int]]:
        """As JSON."""
        return [[part.start, part.calls, part.failures, part.slow] for part in self.parts]


def from_rows(rows: Iterable[Iterable[int]]) -> Window:
    """The window that `rows` wrote."""
    return Window(tuple(Part(*row) for row in rows))


def _size(length: timedelta) -> int:
    """Whole seconds that one part covers."""
    return max(1, round(length.total_seconds() / PARTS))
