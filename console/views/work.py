"""The list of work and the search box: what there is, narrowed by an address that can be shared."""

from __future__ import annotations

import re

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from console.presenters import work as presenter
from console.presenters.work import CHOICES, MOST, TABS, Asked
from console.views import regions
from console.views.access import reader
from workflows import interventions
from workflows.engine import clock
from workflows.queries import board, instances, keys
from workflows.queries import search as pieces
from workflows.queries.instances import Filters, InstanceRow
from workflows.queries.pages import BadCursor

SIZE = 50
#: hits that are looked at to find the one that is meant
MOST_HITS = 20
_VERSION = re.compile(r"[0-9]{1,6}\Z")
_ATTRIBUTE = re.compile(r"attr\.([A-Za-z_][A-Za-z0-9_]{0,99})")


@login_required
@require_safe
def work(request: HttpRequest) -> HttpResponse:
    """The list; a page that re-reads itself gets only the list."""
    viewer = interventions.viewer(reader(request))
    now, asked = clock.now(), _asked(request.GET)
    try:
        page = instances.page(viewer, asked.filters(), size=SIZE, cursor=asked.cursor)
    except BadCursor:
        return HttpResponseRedirect(asked.url())
    shown = {
        "now": now,
        "finding": "find" in request.GET,
        "asked": asked,
        "lines": presenter.lines(page.rows),
        "tabs": presenter.tabs(asked, _counts(asked, board.groups(viewer, now))),
        "total": presenter.total(instances.count(viewer, asked.filters(), stop_at=MOST + 1)),
        "choices": presenter.choices(asked, board.processes(viewer)),
        "terms": presenter.terms(asked),
        "next": asked.url(cursor=page.next) if page.next else "",
        "previous": asked.url(cursor=page.previous) if page.previous else "",
        "live": "board" if not asked.cursor else " ".join(str(row.id) for row in page.rows) or "board",
    }
    return regions.answer(request, "work", "work/list", shown)


@login_required
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Lead to the one instance that is meant, to the list of several, or say why there is none."""
    viewer = interventions.viewer(reader(request))
    text = _text(request.GET, "q")
    if not text:
        return render(request, "console/search.html", {"now": clock.now(), "q": ""})
    rows = instances.page(viewer, Filters(q=text), size=MOST_HITS).rows
    only = _meant(text, rows)
    if only is not None:
        return HttpResponseRedirect(reverse("instance", args=[only.workflow, only.key]))
    if rows:
        return HttpResponseRedirect(Asked("all", {}, text, {}, "").url())
    refused = [
        (one.noun, term, keys.absent(viewer, one.name, term))
        for term in pieces.terms(text)[:3]
        for one in board.processes(viewer)
    ]
    return render(request, "console/search.html", {"now": clock.now(), "q": text, "refused": refused}, status=404)


def _meant(text: str, rows: list[InstanceRow]) -> InstanceRow | None:
    """The one business case all hits belong to, or the one whose key is exactly what was typed."""
    exactly = [row for row in rows if row.key.casefold() == text.lstrip("#").casefold()]
    for hits in (rows, exactly):
        if hits and len({(row.workflow, row.key) for row in hits}) == 1:
            return hits[0]
    return None


def _asked(query: QueryDict) -> Asked:
    named = {name: _text(query, name) for name in query}
    tab = named.get("tab", "")
    return Asked(
        tab if tab in TABS else "all",
        {
            name: named[name]
            for name in CHOICES
            if named.get(name) and (name != "version" or _VERSION.match(named[name]))
        },
        named.get("q", ""),
        {found[1]: value for name, value in named.items() if value and (found := _ATTRIBUTE.fullmatch(name))},
        named.get("cursor", ""),
    )


def _text(query: QueryDict, name: str) -> str:
    """What was asked, as far as a database can be asked it."""
    return str(query.get(name, "")).replace("\x00", "").strip()[:2000]


def _counts(asked: Asked, groups: list[board.Group]) -> dict[str, int]:
    """Live work by tab, for the chosen process; only where nothing else narrows the list."""
    if asked.q or asked.attributes or set(asked.chosen) - {"workflow"}:
        return {}
    mine = [group for group in groups if asked.chosen.get("workflow") in (None, group.workflow)]
    tabs = {"person": ("person",), "held": ("held", "parked"), "undo": ("undo",)}
    kinds = {tab: sum(g.count for g in mine if g.kind in meant) for tab, meant in tabs.items()}
    return {"live": sum(g.count for g in mine), "late": sum(g.late for g in mine), **kinds}
