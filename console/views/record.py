"""The record: who did what, what was published, and the ledger of idempotency keys; the audit can be taken away."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from console.correlation import correlation_id
from console.people import person
from console.presenters.record import acts, announced, asked, exports, keys
from console.presenters.record.asked import Asked
from console.streaming import streamed
from console.views.access import reader
from workflows import interventions
from workflows.engine import clock
from workflows.interventions import disclosure
from workflows.queries import board, ledger, published, record
from workflows.queries.pages import BadCursor, Page
from workflows.queries.visibility import Viewer

SIZE = 100
#: entries are counted up to here
MOST = 1000

Shown = dict[str, Any]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def the_record(request: HttpRequest) -> HttpResponseBase:
    """One tab of the record, narrowed as the address says; a POST takes the audit away as a file."""
    given, refused = _given(request.GET), ""
    wanted = asked.read(given | {"tab": "audit"} if request.method == "POST" else given)
    if request.method == "POST" and not wanted.problems:
        try:
            return _export(request, wanted)
        except interventions.Forbidden as refusal:
            raise PermissionDenied(str(refusal)) from None
        except interventions.InterventionError as refusal:
            refused = str(refusal)
    viewer = interventions.viewer(reader(request, "audit"), "audit")
    tell = {"audit": _audit, "events": _events, "ledger": _ledger}[wanted.tab]
    try:
        shown = tell(viewer, wanted)
    except BadCursor:
        return HttpResponseRedirect(wanted.url())
    shown |= {"now": clock.now(), "asked": wanted, "tabs": asked.tabs(wanted), "refused": refused}
    return render(request, "console/record.html", shown, status=422 if wanted.problems or refused else 200)


def _given(query: QueryDict) -> dict[str, str]:
    """What the address says, as far as a database can be asked it."""
    return {name: str(query.get(name, "")).replace("\x00", "").strip()[:2000] for name in query}


def _export(request: HttpRequest, wanted: Asked) -> HttpResponseBase:
    """The whole audit as it is narrowed, up to this moment. Who takes it away is on record first."""
    principal, form = person(request), request.POST.get("form", "")
    number = disclosure.export(
        principal,
        form,
        wanted.audit,
        named=wanted.chosen,
        reason=request.POST.get("reason", ""),
        correlation_id=correlation_id(request),
    )
    rows = record.batches(interventions.viewer(principal, "audit"), wanted.audit, below=number)
    name = f"audit-{clock.now():%Y-%m-%d-%H%M}.{form}"
    return streamed(request, exports.lines(rows, form), name=name, content_type=exports.CONTENT_TYPES[form])


def _audit(viewer: Viewer, wanted: Asked) -> Shown:
    page: Page[record.AuditRow] = Page([], None, None)
    if not wanted.problems:
        page = record.page(viewer, wanted.audit, size=SIZE, cursor=wanted.cursor)
    processes, lately = board.processes(viewer), record.lately(viewer)
    whole = page.next is None and page.previous is None
    count = len(page.rows) if whole else record.count(viewer, wanted.audit, stop_at=MOST + 1)
    return {
        "lines": acts.lines(page.rows, processes, wanted),
        "selects": acts.selects(wanted, processes, lately),
        "people": lately.actors,
        "terms": asked.terms(wanted),
        "total": acts.total(count, MOST),
        "next": wanted.url(cursor=page.next) if page.next else "",
        "previous": wanted.url(cursor=page.previous) if page.previous else "",
    }


def _events(viewer: Viewer, wanted: Asked) -> Shown:
    """Newest first; the cursor is the id of the last event of the page before."""
    try:
        before = UUID(wanted.cursor) if wanted.cursor else None
    except ValueError as error:
        raise BadCursor(wanted.cursor) from error
    rows = published.recent(viewer, wanted.events, size=SIZE + 1, before=before)
    if rows is None:
        raise BadCursor(wanted.cursor)
    processes = board.processes(viewer)
    return {
        "lines": announced.lines(rows[:SIZE], processes, wanted),
        "selects": announced.selects(wanted, processes),
        "next": wanted.url(cursor=str(rows[SIZE - 1].event.id)) if len(rows) > SIZE else "",
        "previous": wanted.url() if wanted.cursor else "",
    }


def _ledger(viewer: Viewer, wanted: Asked) -> Shown:
    page = ledger.page(viewer, wanted.ledger, size=SIZE, cursor=wanted.cursor)
    processes = board.processes(viewer)
    return {
        "lines": keys.lines(page.rows, processes),
        "selects": keys.selects(wanted, processes),
        "next": wanted.url(cursor=page.next) if page.next else "",
        "previous": wanted.url() if wanted.cursor else "",
    }
