"""A card for each system: how its breaker stands, its rates, what it holds up, and what is known about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from breakers.machine import State
from breakers.queries import Move
from console.presenters.dependencies import telling
from console.presenters.dependencies.switch import Switch, switch
from console.presenters.names import step_name
from console.presenters.sparkline import Sparkline, sparkline
from console.statuswords import capital, words
from workflows.dsl.dependency import Dependency
from workflows.queries.board import Traffic
from workflows.queries.dependencies import DependencyRow
from workflows.queries.lags import MOST, Lag


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a card. `url` leads to what was counted."""

    label: str
    value: str
    note: str = ""
    bad: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is known about a system; several texts are a list."""

    label: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One system. `next_at` is the next probe, `until` the end of a hold."""

    name: str
    title: str
    url: str
    switch: Switch
    words: SafeString
    since: datetime | None
    next_at: datetime | None
    until: datetime | None
    figures: list[Figure]
    line: Sparkline | None
    facts: list[Fact]
    #: what people click to read what it is about; changes tint the card
    revision: int
    #: it takes its place as it should
    calm: bool


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One subscriber of published events, in words."""

    name: str
    tone: str
    words: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The whole page; those that are not as they should be come first."""

    lead: str
    cards: list[Card]
    subscribers: list[Subscriber]


def dependencies(
    rows: Sequence[DependencyRow],
    outages: Mapping[str, Move],
    traffic: Sequence[Traffic],
    lags: Sequence[Lag],
    nouns: Mapping[str, str],
) -> Dependencies:
    """The page in words."""
    calls = {one.dependency: one for one in traffic}
    cards = [card(row, outages.get(row.name), calls.get(row.name), nouns) for row in sorted(rows, key=_urgency)]
    return Dependencies(_lead(rows), cards, [_subscriber(lag) for lag in lags])


def card(row: DependencyRow, outage: Move | None, calls: Traffic | None, nouns: Mapping[str, str]) -> Card:
    """One system as a card. `outage` began when calls last stopped to pass."""
    breaker = row.breaker
    away = outage if breaker and telling.unavailable(breaker) else None
    return Card(
        name=row.name,
        title=capital(words(row.name)),
        url=reverse("dependency", args=[row.name]),
        switch=switch(breaker),
        words=telling.state_words(row, away.cause if away else "", nouns),
        since=away.at if away else breaker.since if breaker and breaker.state is not State.CLOSED else None,
        next_at=breaker.next_probe_at if breaker else None,
        until=breaker.hold.until if breaker and breaker.hold else None,
        figures=_figures(row),
        line=sparkline(calls.minutes) if calls else None,
        facts=facts(row),
        revision=breaker.generation if breaker else 0,
        calm=breaker is None or (breaker.state is State.CLOSED and not row.held_up),
    )


def held_up_url(name: str) -> str:
    """The list of what waits for this system."""
    return f"{reverse('work')}?{urlencode({'held_up_by': name})}"


def _urgency(row: DependencyRow) -> tuple[int, int, str]:
    state = row.breaker.state if row.breaker else State.CLOSED
    order = (State.OPEN, State.HELD_OPEN, State.HALF_OPEN, State.HELD_CLOSED, State.CLOSED)
    return order.index(state), -row.held_up, row.name


def _lead(rows: Sequence[DependencyRow]) -> str:
    away = [capital(words(row.name)) for row in rows if row.breaker and telling.unavailable(row.breaker)]
    forced = [capital(words(row.name)) for row in rows if row.breaker and row.breaker.state is State.HELD_CLOSED]
    if away:
        return _("Calls are kept away from: %(names)s.") % {"names": ", ".join(away)}
    if forced:
        return _("Calls pass everywhere; somebody sees to that at: %(names)s.") % {"names": ", ".join(forced)}
    return _("Calls pass everywhere.") if rows else _("The processes here call nobody.")


def _figures(row: DependencyRow) -> list[Figure]:
    breaker = row.breaker
    if breaker is None:
        return []
    policy = breaker.policy
    some = breaker.calls > 0
    figures = [
        Figure(_("Failed"), telling.percent(breaker.failure_share) if some else "–", bad=breaker.failure_share >= 0.1),
        Figure(
            _("Slow"), telling.percent(breaker.slow_share) if some else "–",
            _("over %(span)s") % {"span": telling.span(policy.slow_after)},
        ),
        Figure(_("Calls"), f"{breaker.calls:,}", _("within %(span)s") % {"span": telling.span(policy.window)}),
    ]  # fmt: skip
    if breaker.state is not State.CLOSED or row.held_up:
        figures += [
            Figure(_("Refused"), f"{breaker.refused:,}", _("since it opened") if breaker.refused else ""),
            Figure(_("Held up"), f"{row.held_up:,}", url=held_up_url(row.name) if row.held_up else ""),
        ]
    return figures


def facts(row: DependencyRow) -> list[Fact]:
    """Limits, rule, ownership, failure modes, contact and use, as far as they are known."""
    found = []
    if row.declared is not None:
        found += [
            Fact(_("Owns"), tuple(row.declared.owns)),
            Fact(_("Fails by"), tuple(row.declared.failure_modes)),
            Fact(_("Call"), (row.declared.contact,) if row.declared.contact else ()),
        ]
    found.append(Fact(_("Used by"), _uses(row)))
    if row.breaker is not None:
        policy = row.breaker.policy
        found += [
            Fact(_("Opens"), (telling.opens(policy),)),
            Fact(_("Tries again"), (telling.tries(policy),)),
            Fact(_("Drains"), (telling.drains(policy),)),
        ]
    if row.declared is not None:
        found.append(Fact(_("Limits"), _limits(row.declared)))
    return [fact for fact in found if fact.texts]


def _uses(row: DependencyRow) -> tuple[str, ...]:
    if not row.uses:
        return (_("no process any more"),)
    return tuple(
        f"{capital(use.definition.noun)}: {', '.join(step_name(use.definition, node.name) for node in use.steps)}"
        for use in row.uses
    )


def _limits(declared: Dependency) -> tuple[str, ...]:
    repeats = {
        "by_key": _("the same key gets the stored outcome again"),
        "natural": _("a call may be repeated without harm"),
        "unsafe": _("a call must not be repeated blindly"),
    }
    most = declared.concurrency
    return (
        _("a call takes at most %(span)s") % {"span": telling.span(declared.timeout)},
        _("at most %(n)d at a time per worker") % {"n": most} if most else _("at most half of a worker's threads"),
        _("up to %(n)d attempts") % {"n": declared.retry.attempts},
        repeats[declared.repeats],
    )


def _subscriber(lag: Lag) -> Subscriber:
    waiting = f"{lag.waiting:,}+" if lag.waiting >= MOST else f"{lag.waiting:,}"
    parts = [_("%(n)s waiting") % {"n": waiting} if lag.waiting else _("nothing waits")]
    if lag.dead:
        parts.append(_("%(n)s given up") % {"n": f"{lag.dead:,}"})
    if not lag.active:
        parts.append(_("switched off"))
    tone = "held" if lag.dead or not lag.active else "wait" if lag.waiting else "ok"
    return Subscriber(lag.name, tone, " · ".join(parts), lag.since)
