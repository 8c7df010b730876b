"""One instance: where it is and why, what is true outside, and what may be done about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from console.presenters import instance as presenter
from console.presenters.arrivals import Arrivals
from console.presenters.instance import TABS, InstancePage, Wish
from console.views import acts, regions
from console.views.access import reader
from workflows import interventions
from workflows.engine import clock
from workflows.interventions import AllowedAction, Principal
from workflows.queries import approvals, callbacks, details, instances, keys, late, operations
from workflows.queries.details import Detail
from workflows.queries.instances import Filters
from workflows.queries.surroundings import Surroundings
from workflows.queries.visibility import Viewer

#: what people asked for: the newest so many are on the page
ACTS = 8
#: messages from outside on the technical tab
MESSAGES = 20
#: more instances with the same trouble than this are said to be "more than"
MANY = 1000


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def instance(request: HttpRequest, workflow: str, key: str) -> HttpResponse:
    """The page of the latest run for a business key, or of `?run=`; a POST acts on it and comes back here."""
    principal, now, wish = reader(request), clock.now(), _wish(request.GET)
    viewer = interventions.viewer(principal)
    runs = keys.runs(viewer, workflow, key)
    chosen = next((run for run in runs if not wish.run or run.run == wish.run), None)
    if chosen is None:
        return _absent(request, viewer, workflow, key, now)
    detail = details.detail(viewer, chosen.id)
    if detail is None:
        raise Http404
    verdicts = interventions.allowed_actions(principal, detail.state, now)
    answer = acts.act(request, principal, detail, verdicts, now) if request.method == "POST" else None
    if isinstance(answer, HttpResponse):
        return answer
    page, refused = _page(principal, detail, verdicts, runs, wish, now), ""
    if answer is not None:
        refused = "" if page.deeds.meant(answer) else answer.error
        page = replace(page, deeds=page.deeds.answered(answer))
    payload = interventions.may(principal, "payload", workflow)
    questions = approvals.open_about(viewer, chosen.id) if detail.row.ended_at is None else []
    shown = {"now": now, "page": page, "refused": refused, "payload": payload, "questions": questions}
    return regions.answer(request, "instance", "instance/live", shown, status=answer.status if answer else 200)


@login_required
@require_safe
def by_id(request: HttpRequest, instance_id: UUID) -> HttpResponse:
    """The address of an instance whose id is all one has."""
    row = instances.one(interventions.viewer(reader(request)), instance_id)
    if row is None:
        raise Http404
    return HttpResponseRedirect(reverse("instance", args=[row.workflow, row.key]) + Wish(run=row.run).url())


def _wish(query: QueryDict) -> Wish:
    tab = query.get("tab", "")
    return Wish(
        run=_number(query.get("run", "")),
        tab=tab if tab in TABS else TABS[0],
        everything="all" in query,
        before=_number(query.get("before", "")),
    )


def _number(text: str) -> int:
    """A small whole number, 0 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _page(
    principal: Principal,
    detail: Detail,
    verdicts: list[AllowedAction],
    runs: list[keys.Run],
    wish: Wish,
    now: datetime,
) -> InstancePage:
    viewer = interventions.viewer(principal)
    return presenter.page(
        detail,
        runs=runs,
        verdicts=verdicts,
        operations=operations.page(viewer, instance_id=detail.row.id, size=ACTS).rows,
        same_cause=_same_cause(viewer, detail),
        arrivals=_arrivals(viewer, detail) if wish.tab == "technical" else None,
        around=Surroundings(now).of(detail.row),
        wish=wish,
        now=now,
    )


def _arrivals(viewer: Viewer, detail: Detail) -> Arrivals:
    """What came from outside or too late; only the technical tab asks for it."""
    messages = callbacks.page(viewer, instance_id=detail.row.id, size=MESSAGES).rows
    return Arrivals(messages, late.results(viewer, detail.row.id), detail.definition)


def _same_cause(viewer: Viewer, detail: Detail) -> int:
    """How many others are in the same trouble; not counted while there is none."""
    row = detail.row
    if row.ended_at is not None or not (row.needs_person or row.waiting_kind in ("retry", "breaker")):
        return 0
    same = Filters(workflow=(row.workflow,), status=(row.status,), needs_person=row.needs_person)
    return max(0, instances.count(viewer, same, stop_at=MANY + 1) - 1)


def _absent(request: HttpRequest, viewer: Viewer, workflow: str, key: str, now: datetime) -> HttpResponse:
    """Nothing is there: lead to the right spelling, or say why, and what comes close."""
    spelled = keys.spelled_otherwise(viewer, workflow, key)
    if spelled and request.method != "POST":
        return HttpResponseRedirect(reverse("instance", args=[workflow, spelled]))
    shown = {"now": now, "workflow": workflow, "key": key, "absent": keys.absent(viewer, workflow, key)}
    return render(request, "console/instance/absent.html", shown, status=404)
