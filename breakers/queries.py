"""Reads breakers for people and for the engine: how each stands, its rates, and how it got there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from breakers.machine import Hold, Policy, State
from breakers.models import Breaker, Transition
from breakers.operations import policy_of, stand_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One breaker as it stands. Shares are 0 to 1 within the policy's window."""

    name: str
    state: State
    generation: int
    since: datetime
    failure_share: float
    slow_share: float
    calls: int
    consecutive: int
    #: calls that were not made since it opened
    refused: int
    next_probe_at: datetime | None
    last_error: str
    hold: Hold | None
    policy: Policy
    #: parts of the rule that an operator changed
    tuned: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One transition. `actor` and `reason` are empty for what the breaker did by itself."""

    id: int
    breaker: str
    generation: int
    at: datetime
    was: str
    became: str
    cause: str
    actor: str
    reason: str


def standings(names: Collection[str] | None, now: datetime) -> list[Standing]:
    """How these breakers stand, by name; all of them without names. One query."""
    rows = Breaker.objects.order_by("name")
    return [_standing(row, now) for row in (rows if names is None else rows.filter(name__in=names))]


def standing(name: str, now: datetime) -> Standing | None:
    """How one stands."""
    return next(iter(standings([name], now)), None)


def moves(name: str, *, limit: int = 50) -> list[Move]:
    """The newest transitions of one breaker, newest first."""
    return [move(row) for row in Transition.objects.filter(breaker=name).order_by("-generation")[:limit]]


def move(row: Transition) -> Move:
    """A row as people read it."""
    return Move(
        id=row.pk, breaker=row.breaker, generation=row.generation, at=row.at, was=row.was, became=row.became,
        cause=row.cause, actor=row.actor, reason=row.reason,
    )  # fmt: skip


def _standing(row: Breaker, now: datetime) -> Standing:
    stand, policy = stand_of(row), policy_of(row)
    window = stand.window.at(now, policy.window)
    return Standing(
        name=row.name, state=stand.state, generation=stand.generation, since=row.since,
        failure_share=window.failure_share, slow_share=window.slow_share, calls=window.calls,
        consecutive=stand.consecutive, refused=row.refused, next_probe_at=stand.next_probe_at,
        last_error=row.last_error, hold=stand.hold, policy=policy, tuned=tuple(row.tuned),
    )  # fmt: skip
