"""What a circuit breaker does, as arithmetic: when it opens, whom it lets probe, when it closes again.

              too many failures                next_probe_at reached, or reset
    closed ─────────────────────────► open ───────────────────────────────────► half_open
       ▲                               ▲                                         │   │
       │                               └──────────── a probe failed ─────────────┘   │
       └──────────────────────────── enough probes succeeded ────────────────────────┘
    any ── hold open ───► held_open ─── released, or its time is over ──► half_open
    any ── hold closed ─► held_closed ─ released, or its time is over ──► closed

Every transition begins a new generation; what was seen under an older one no longer counts. Semantics follow the
Circuit Breaker pattern (Nygard, *Release It!*) and resilience4j, shared by all processes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from breakers.window import Tally, Window


class State(StrEnum):
    """How a breaker stands."""

    #: calls pass and are counted
    CLOSED = "closed"
    #: calls are refused until the next probe
    OPEN = "open"
    #: a few calls may find out whether the dependency is back
    HALF_OPEN = "half_open"
    #: somebody keeps calls away
    HELD_OPEN = "held_open"
    #: somebody lets every call pass, whatever happens
    HELD_CLOSED = "held_closed"


#: Whence to where; `verify` checks stored transitions against it.
LEGAL: dict[State, frozenset[State]] = {
    State.CLOSED: frozenset({State.OPEN, State.HELD_OPEN, State.HELD_CLOSED}),
    State.OPEN: frozenset({State.HALF_OPEN, State.HELD_OPEN, State.HELD_CLOSED}),
    State.HALF_OPEN: frozenset({State.OPEN, State.CLOSED, State.HELD_OPEN, State.HELD_CLOSED}),
    State.HELD_OPEN: frozenset({State.HALF_OPEN, State.HELD_OPEN, State.HELD_CLOSED}),
    State.HELD_CLOSED: frozenset({State.CLOSED, State.HELD_OPEN, State.HELD_CLOSED}),
}
PASSING = frozenset({State.CLOSED, State.HELD_CLOSED})
HELD = frozenset({State.HELD_OPEN, State.HELD_CLOSED})


class BadPolicy(ValueError):
    """A breaker's rule makes no sense; `field` names the part, the message says why."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field} {message}")
        self.field, self.message = field, message


@dataclass(frozen=True, kw_only=True)
class Policy:
    """When a breaker opens and how it comes back. Raises BadPolicy for odd values.

    It opens after `consecutive` technical failures in a row, or when at least `minimum_calls` ended within `window` and
    `failure_share` of them failed. It stays open for `open_for`, doubled after every failed probe up to `open_cap`.
    Then `probes` calls at a time may try; `successes` of them close it. What was held up comes back at
    `drain_per_second`. A call that takes longer than `slow_after` counts as slow, which people see.
    """

    consecutive: int = 5
    failure_share: float = 0.5
    minimum_calls: int = 10
    window: timedelta = timedelta(seconds=30)
    open_for: timedelta = timedelta(seconds=10)
    open_cap: timedelta = timedelta(minutes=2)
    probes: int = 2
    successes: int = 2
    drain_per_second: float = 5.0
    slow_after: timedelta = timedelta(seconds=1)

    def __post_init__(self) -> None:
        for name in ("consecutive", "minimum_calls", "probes", "successes"):
            if not 1 <= getattr(self, name) <= 10_000:
                raise BadPolicy(name, "must be a whole number from 1 to 10,000")
        if not 0 < self.failure_share <= 1:
            raise BadPolicy("failure_share", "must be above 0 and at most 1")
        if not 0.01 <= self.drain_per_second <= 10_000:
            raise BadPolicy("drain_per_second", "must be between 0.01 and 10,000")
        for name in ("open_for", "open_cap", "slow_after"):
            if not timedelta(milliseconds=10) <= getattr(self, name) <= timedelta(days=1):
                raise BadPolicy(name, "must be between 0.01 seconds and a day")
        if not timedelta(seconds=1) <= self.window <= timedelta(days=1):
            raise BadPolicy("window", "must be between a second and a day")
        if self.open_cap < self.open_for:
            raise BadPolicy("open_cap", "must not be shorter than open_for")


@dataclass(frozen=True, slots=True)
class Hold:
    """Somebody keeps the breaker where it is."""

    by: str
    reason: str
    #: holds always end by themselves
    until: datetime


@dataclass(frozen=True, slots=True)
class Stand:
    """Everything a breaker remembers."""

    state: State = State.CLOSED
    generation: int = 1
    consecutive: int = 0
    window: Window = field(default_factory=Window)
    #: probes that failed in a row: the next pause is longer
    reopened: int = 0
    #: probes of this generation that succeeded
    probed: int = 0
    next_probe_at: datetime | None = None
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What follows: where the breaker stands now, and in words why it moved (empty: it did not)."""

    stand: Stand
    cause: str = ""


class NotNow(Exception):
    """What was asked of the breaker makes no sense as it stands; the message says why."""


def seen(stand: Stand, policy: Policy, tally: Tally, generation: int, now: datetime) -> Change:
    """Calls ended. Those that began under an older generation say nothing about this one."""
    if generation != stand.generation or stand.state not in PASSING:
        return Change(stand)
    before = stand.consecutive
    broken = tally.calls > tally.trailing
    run = max(before + tally.leading, tally.longest)
    after = tally.trailing if broken else before + tally.calls
    counted = replace(stand, consecutive=after, window=stand.window.add(tally, now, policy.window))
    if stand.state is State.HELD_CLOSED:
        return Change(counted)
    if run >= policy.consecutive:
        return _open(counted, policy, now, f"{run} calls in a row failed")
    share, calls = counted.window.failure_share, counted.window.calls
    if calls >= policy.minimum_calls and share >= policy.failure_share:
        seconds = f"{policy.window.total_seconds():g}"
        return _open(counted, policy, now, f"{share:.0%} of {calls} calls within {seconds} s failed")
    return Change(counted)


def probed(stand: Stand, policy: Policy, generation: int, now: datetime, *, failed: bool) -> Change:
    """A probe ended."""
    if generation != stand.generation or stand.state is not State.HALF_OPEN:
        return Change(stand)
    if failed:
        return _open(replace(stand, reopened=stand.reopened + 1), policy, now, "a probe failed")
    done = stand.probed + 1
    if done < policy.successes:
        return Change(replace(stand, probed=done))
    return _closed(stand, f"{done} of {policy.successes} probes succeeded")


def passed(stand: Stand, now: datetime) -> Change:
    """Time passed: an open breaker tries again, a hold may have run out."""
    if stand.state is State.OPEN and stand.next_probe_at is not None and stand.next_probe_at <= now:
        return _half_open(stand, "its pause is over")
    if stand.hold is not None and stand.hold.until <= now:
        return _let_go(stand, "the hold has run out")
    return Change(stand)


def reset(stand: Stand) -> Change:
    """Somebody wants it to try now. Probes go first; nobody's hold ends by this. Raises NotNow."""
    if stand.hold is not None:
        raise NotNow(f"{stand.hold.by} holds it; a hold ends by being released")
    if stand.state is not State.OPEN:
        raise NotNow(f"it is {WORDS[stand.state]}, so there is nothing to reset")
    return _half_open(replace(stand, reopened=0), "somebody reset it")


def hold(stand: Stand, state: State, by: Hold) -> Change:
    """Somebody keeps it open or closed. Holding anew replaces the hold before."""
    assert state in HELD, f"nobody can hold a breaker {state}"
    return _moved(replace(stand, hold=by, next_probe_at=None, probed=0), state, "somebody holds it")


def release(stand: Stand) -> Change:
    """The hold ends; from held open probes go first. Raises NotNow."""
    if stand.hold is None:
        raise NotNow(f"nobody holds it; it is {WORDS[stand.state]}")
    return _let_go(stand, "somebody released it")


def pause(policy: Policy, reopened: int) -> timedelta:
    """How long it stays open after that many failed probes in a row."""
    doubled: timedelta = policy.open_for * 2 ** min(reopened, 16)
    return min(doubled, policy.open_cap)


#: How a breaker stands, in the middle of a sentence.
WORDS = {
    State.CLOSED: "closed",
    State.OPEN: "open",
    State.HALF_OPEN: "trying",
    State.HELD_OPEN: "held open",
    State.HELD_CLOSED: "held closed",
}


def _open(stand: Stand, policy: Policy, now: datetime, cause: str) -> Change:
    waiting = replace(stand, next_probe_at=now + pause(policy, stand.reopened), probed=0)
    return _moved(waiting, State.OPEN, cause)


def _half_open(stand: Stand, cause: str) -> Change:
    return _moved(replace(stand, next_probe_at=None, probed=0, hold=None), State.HALF_OPEN, cause)


def _let_go(stand: Stand, cause: str) -> Change:
    if stand.state is State.HELD_OPEN:
        return _half_open(stand, cause)
    return _closed(stand, cause)


def _closed(stand: Stand, cause: str) -> Change:
    """Everything it remembered is forgotten."""
    return _moved(Stand(state=stand.state, generation=stand.generation), State.CLOSED, cause)


def _moved(stand: Stand, state: State, cause: str) -> Change:
    assert state in LEGAL[stand.state], f"{stand.state} does not become {state}"
    return Change(replace(stand, state=state, generation=stand.generation + 1), cause)
