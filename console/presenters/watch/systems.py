"""The systems the processes call: whose breaker is not closed, which do not answer well, and how much is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.presenters.dependencies.cards import held_up_url
from console.presenters.dependencies.switch import Switch, switch
from console.presenters.dependencies.telling import percent, waiting
from console.presenters.sparkline import Sparkline, sparkline
from console.presenters.watch.news import News, by_dependency, counted
from console.statuswords import capital, words
from workflows.queries.board import Group, Traffic
from workflows.queries.dependencies import DependencyRow

#: a system is in trouble when at least this share of at least so many calls failed
BAD_SHARE, FEW_CALLS = 0.1, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A system the processes call: its switch, how it does, in words, and its calls per minute.

    `waiting` says what it holds up, `next_at` when it is tried again, `until` when a hold on it ends.
    """

    name: str
    url: str
    switch: Switch
    words: str
    waiting: str
    waiting_url: str
    next_at: datetime | None
    until: datetime | None
    line: Sparkline | None


def troubled(one: Traffic) -> bool:
    return one.attempts >= FEW_CALLS and one.failure_share >= BAD_SHARE


def held(news: News, dependency: str) -> list[Group]:
    return by_dependency(news).get(dependency, [])


def system_words(one: Traffic, row: DependencyRow | None, held: Sequence[Group], news: News) -> System:
    breaker = row.breaker if row else None
    calls = ngettext("%(n)s call in 15 min", "%(n)s calls in 15 min", one.attempts) % {"n": f"{one.attempts:,}"}
    parts = [calls if one.attempts else _("no calls in 15 min")]
    if one.failures:
        parts.append(_("%(percent)s failed") % {"percent": percent(one.failure_share)})
    if held:
        parts.append(_("%(cases)s tried again") % {"cases": counted(held, news)})
    drawn = switch(breaker)
    if breaker and breaker.state != "closed":
        parts.insert(0, drawn.word)
    return System(
        name=capital(words(one.dependency)),
        url=reverse("dependency", args=[one.dependency]),
        switch=drawn,
        words=" · ".join(parts),
        waiting=waiting(row, news.nouns) if row and row.held_up else "",
        waiting_url=held_up_url(one.dependency),
        next_at=breaker.next_probe_at if breaker else None,
        until=breaker.hold.until if breaker and breaker.hold else None,
        line=sparkline(one.minutes),
    )
