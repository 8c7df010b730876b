"""The systems the processes call: which ones do not answer well, and how much is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.presenters.sparkline import Sparkline, sparkline
from console.presenters.watch.news import News, by_dependency, counted
from console.statuswords import capital, words
from workflows.queries.board import Group, Traffic

#: a system is in trouble when at least this share of at least so many calls failed
BAD_SHARE, FEW_CALLS = 0.1, 5


@dataclass(frozen=True, slots=True)
class System:
    """A system the processes call: how it does, in words, with its calls per minute."""

    name: str
    words: str
    line: Sparkline | None


def troubled(one: Traffic) -> bool:
    return one.attempts >= FEW_CALLS and one.failure_share >= BAD_SHARE


def held(news: News, dependency: str) -> list[Group]:
    return by_dependency(news).get(dependency, [])


def system_words(one: Traffic, held: Sequence[Group], news: News) -> System:
    calls = ngettext("%(n)s call in 15 min", "%(n)s calls in 15 min", one.attempts) % {"n": f"{one.attempts:,}"}
    parts = [calls if one.attempts else _("no calls in 15 min")]
    if one.failures:
        parts.append(_("%(percent)d %% failed") % {"percent": round(one.failure_share * 100)})
    if held:
        parts.append(_("%(cases)s tried again") % {"cases": counted(held, news)})
    return System(capital(words(one.dependency)), " · ".join(parts), sparkline(one.minutes))
