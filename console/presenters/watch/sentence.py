"""The state of everything in one or a few sentences."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.presenters.dependencies.telling import unavailable, waiting
from console.presenters.watch.news import News, by_dependency, counted, guarded
from console.statuswords import capital, system
from console.templatetags.chart import time_element
from workflows.queries.board import Group
from workflows.queries.dependencies import DependencyRow


def sentence(news: News, causes: int) -> SafeString:
    told = [_about_people(causes)] if causes else []
    away = [row for row in guarded(news) if row.breaker and unavailable(row.breaker)]
    told += [_about_breaker(row, news) for row in away[:2]]
    held = sorted(by_dependency(news).items(), key=lambda pair: -sum(g.count for g in pair[1]))
    told += [_about_system(name, found, news) for name, found in held[: 2 - len(away[:2])]]
    moving = [group for group in news.groups if group.kind not in ("person", "held", "parked")]
    told.append(_about_rest(moving, news, alone=not told))
    return format_html_join(" ", "{}", ((one,) for one in told if one))


def _about_people(causes: int) -> SafeString:
    template = ngettext("<b>{n} cause</b> needs a person.", "<b>{n} causes</b> need a person.", causes)
    return format_html(template, n=causes)


def _about_breaker(row: DependencyRow, news: News) -> SafeString:
    assert row.breaker is not None, "only systems with a breaker are unavailable"
    outage = news.outages.get(row.name)
    since = outage.at if outage else row.breaker.since
    about = {"system": capital(system(row.name)), "since": time_element(since, "clock", now=news.now)}
    if not row.held_up:
        return format_html(_("<b>{system}</b> is unavailable since {since}."), **about)
    template = ngettext(
        "<b>{system}</b> is unavailable since {since}; <b>{cases}</b> waits.",
        "<b>{system}</b> is unavailable since {since}; <b>{cases}</b> wait.",
        row.held_up,
    )
    return format_html(template, cases=waiting(row, news.nouns), **about)


def _about_system(name: str, found: Sequence[Group], news: News) -> SafeString:
    count = sum(group.count for group in found)
    template = ngettext(
        "<b>{system}</b> does not answer well: <b>{cases}</b> is tried again by itself.",
        "<b>{system}</b> does not answer well: <b>{cases}</b> are tried again by themselves.",
        count,
    )
    return format_html(template, system=capital(system(name)), cases=counted(found, news))


def _about_rest(moving: Sequence[Group], news: News, *, alone: bool) -> SafeString:
    count = sum(group.count for group in moving)
    if not news.crew.workers and (count or news.crew.ready):
        return SafeString(_("Nothing moves, because no worker is alive."))
    if not count:
        return SafeString(_("Nothing is under way.") if alone else _("Nothing else is under way."))
    cases = counted(moving, news)
    if alone:
        template = ngettext(
            "Everything flows: <b>{cases}</b> is under way.", "Everything flows: <b>{cases}</b> are under way.", count
        )
    else:
        template = ngettext("Everything else flows (<b>{cases}</b>).", "Everything else flows (<b>{cases}</b>).", count)
    return format_html(template, cases=cases)
