"""Reads breakers for people and for the engine: how each stands, its rates, and how it got there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from django.db.models import Count, Max
from django.db.models.functions import Now

from breakers import policies
from breakers.machine import PASSING, Hold, Policy, State
from breakers.models import Breaker, Permit, Transition
from breakers.operations import policy_of, stand_of

_NEWS = UUID("b0a1c1f2-58b7-4b0e-9a53-2f6f0a4f7d35")


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
    #: calls that were not made since it opened, and ever
    refused: int
    refused_total: int
    next_probe_at: datetime | None
    #: probes of this generation that succeeded, and those that are under way
    probed: int
    probing: int
    last_error: str
    hold: Hold | None
    #: the rule in force, and what the dependency declares
    policy: Policy
    declared: Policy

    @property
    def tuned(self) -> tuple[str, ...]:
        """Parts of the rule that an operator changed."""
        return tuple(part for part in policies.NAMES if getattr(self.policy, part) != getattr(self.declared, part))


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
    """How these breakers stand, by name; all of them without names. Two queries."""
    rows = Breaker.objects.order_by("name")
    probing = Counter(Permit.objects.filter(expires_at__gt=now).values_list("breaker", flat=True))
    return [_standing(row, now, probing[row.name]) for row in (rows if names is None else rows.filter(name__in=names))]


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


def outages(names: Collection[str]) -> dict[str, Move]:
    """For each of these breakers the newest transition that ended the passing of calls: since when, and why. One query.

    It says something only about a breaker that does not let calls pass now.
    """
    ended = Transition.objects.filter(breaker__in=list(names), was__in=PASSING).exclude(became__in=PASSING)
    found = ended.order_by("breaker", "-generation").distinct("breaker")
    return {row.breaker: move(row) for row in found}


def news_id(name: str) -> UUID:
    """The id under which news of a breaker goes to open pages: always the same for the same dependency."""
    return uuid5(_NEWS, name)


def generations() -> dict[str, int]:
    """The present generation of every breaker."""
    return dict(Breaker.objects.values_list("name", "generation"))


def moved_lately(length: timedelta) -> dict[str, int]:
    """The generation of every breaker that moved within the last `length`."""
    found = Transition.objects.filter(at__gt=Now() - length).values_list("breaker").order_by()
    return dict(found.annotate(newest=Max("generation")))


def refusals() -> list[tuple[str, str, int]]:
    """Name, state and how many calls were ever refused, of every breaker by name."""
    return list(Breaker.objects.order_by("name").values_list("name", "state", "refused_total"))


def arrivals() -> dict[tuple[str, str], int]:
    """How often each breaker came into each state, by its name and the state."""
    counted = Transition.objects.values_list("breaker", "became").annotate(times=Count("id")).order_by()
    return {(name, became): times for name, became, times in counted}


def _standing(row: Breaker, now: datetime, probing: int) -> Standing:
    stand, policy = stand_of(row), policy_of(row)
    window = stand.window.at(now, policy.window)
    return Standing(
        name=row.name, state=stand.state, generation=stand.generation, since=row.since,
        failure_share=window.failure_share, slow_share=window.slow_share, calls=window.calls,
        consecutive=stand.consecutive, refused=row.refused, refused_total=row.refused_total,
        next_probe_at=stand.next_probe_at, probed=stand.probed, probing=probing, last_error=row.last_error,
        hold=stand.hold, policy=policy, declared=policies.in_force(row.declared, {}),
    )  # fmt: skip
