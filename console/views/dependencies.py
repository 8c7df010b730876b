"""The systems the processes call: how the breaker of each stands, and what people may do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from breakers import queries as breakers
from breakers.queries import Standing
from console.presenters import dependencies as presenter
from console.presenters.dependencies import DependencyPage
from console.presenters.dependencies.deeds import LASTS, USUALLY
from console.presenters.dependencies.tuning import NotANumber, wanted
from console.views import regions
from console.views.access import reader
from workflows import interventions
from workflows.engine import clock
from workflows.interventions import Principal, breaking
from workflows.queries import board, dependencies, lags
from workflows.queries.dependencies import DependencyRow
from workflows.queries.pages import BadCursor
from workflows.queries.visibility import Viewer

#: transitions on a page of them
SIZE = 20


@dataclass(frozen=True)
class Answer:
    """Why a form was not carried out, to be shown where it was sent from. `part` is the field of a tuning to blame."""

    action: str
    error: str
    status: int
    part: str = ""


@login_required
@require_safe
def every(request: HttpRequest) -> HttpResponse:
    """A card each; a page that re-reads itself gets only its changing part."""
    principal = reader(request)
    viewer, now = interventions.viewer(principal), clock.now()
    rows = dependencies.every(viewer, now)
    shown = {
        "now": now,
        "page": presenter.dependencies(
            rows,
            breakers.outages([row.name for row in rows]),
            board.traffic(viewer, now),
            # Events are published by every workflow, so their subscribers concern whoever may see all of them.
            lags.lags() if viewer.sees is None else [],
            _nouns(viewer),
        ),
        "all": viewer.sees is None,
    }
    return regions.answer(request, "dependencies", "dependencies/live", shown)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def one(request: HttpRequest, name: str) -> HttpResponse:
    """One system; a POST acts on its breaker and comes back here."""
    principal, now = reader(request), clock.now()
    viewer = interventions.viewer(principal)
    row = dependencies.one(viewer, name, now)
    if row is None:
        raise Http404
    answer = _act(request, principal, row) if request.method == "POST" else None
    if isinstance(answer, HttpResponse):
        return answer
    try:
        page = _page(principal, viewer, row, request.GET.get("before", ""))
    except BadCursor:
        return HttpResponseRedirect(request.path)
    refused = ""
    if answer is not None:
        page, refused = _answered(page, answer, request.POST)
    shown = {"now": now, "page": page, "refused": refused}
    return regions.answer(request, "dependency", "dependency/live", shown, status=answer.status if answer else 200)


def _nouns(viewer: Viewer) -> dict[str, str]:
    return {one.name: one.noun for one in board.processes(viewer)}


def _page(principal: Principal, viewer: Viewer, row: DependencyRow, cursor: str) -> DependencyPage:
    moves = dependencies.transitions(row.name, size=SIZE, cursor=cursor)
    calls = [one for one in board.traffic(viewer, clock.now()) if one.dependency == row.name]
    return presenter.page(
        row,
        moves.rows,
        f"?before={moves.next}#history" if moves.next else "",
        calls[0] if calls else None,
        breaking.allowed_actions(principal, row.breaker.state) if row.breaker else [],
        _nouns(viewer),
        breakers.outages([row.name]).get(row.name),
    )


def _answered(page: DependencyPage, answer: Answer, form: Mapping[str, str]) -> tuple[DependencyPage, str]:
    """The page with the form that was sent open again; a refusal without a form stands on its own."""
    typed = form.get("reason", "")
    if page.tuning is not None and answer.action == "tune" and not page.tuning.refusal:
        return replace(page, tuning=page.tuning.answered(form, answer.part, answer.error)), ""
    if page.deeds is not None and page.deeds.offers(answer.action):
        return replace(page, deeds=page.deeds.answered(answer.action, typed, _minutes(form), answer.error)), ""
    return page, answer.error


def _act(request: HttpRequest, principal: Principal, row: DependencyRow) -> HttpResponse | Answer:
    """Carry out the form that was sent. Leads back to the page, so that a reload repeats nothing."""
    form = request.POST
    action, reason = form.get("action", ""), form.get("reason", "")
    refuse = partial(Answer, action)
    try:
        if action == "tune" and row.breaker is not None:
            _tune(principal, row.breaker, form, reason)
        else:
            until = clock.now() + timedelta(minutes=_minutes(form)) if action in breaking.HOLDS else None
            breaking.act(principal, action, row.name, reason=reason, until=until)
    except NotANumber as error:
        return refuse(str(error), 422, error.part)
    except interventions.Odd as error:
        text = _("must be above 0 % and at most 100 %") if error.field == "failure_share" else error.message
        return refuse(text, 422, error.field)
    except interventions.ReasonMissing as error:
        return refuse(str(error), 422)
    except interventions.Forbidden as error:
        return refuse(str(error), 403)
    except interventions.Impossible as error:
        return refuse(str(error), 409)
    except interventions.Unknown as error:
        return refuse(str(error), 400)
    return HttpResponseRedirect(f"{request.path}#history")


def _tune(principal: Principal, standing: Standing, form: Mapping[str, str], reason: str) -> None:
    """Numbers that cannot be read matter only to those who may tune; for others the refusal is what counts."""
    try:
        changes = wanted(form, standing)
    except NotANumber:
        if interventions.may(principal, "tune").allowed:
            raise
        changes = {}
    breaking.tune(principal, standing.name, changes, reason=reason)


def _minutes(form: Mapping[str, str]) -> int:
    """How long a hold was asked for; something else than what the form offers is the usual length."""
    text = form.get("minutes", "")
    return int(text) if text in {str(minutes) for minutes in LASTS} else USUALLY
