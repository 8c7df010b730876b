"""What people are asked: the queue, and one question on a card with everything a decision needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from approvals.rules import APPROVE, REJECT, State
from console.presenters.decide import card as cards
from console.presenters.decide import queue as presenter
from console.presenters.decide.card import DecisionPage
from console.presenters.decide.queue import ALL, TABS, Wish
from console.views import regions
from console.views.access import reader
from workflows import interventions
from workflows.engine import clock
from workflows.interventions import Principal, authority, deciding
from workflows.queries import approvals
from workflows.queries.approvals import Card, Filters
from workflows.queries.pages import BadCursor

SIZE = 50


@dataclass(frozen=True)
class Answer:
    """Why a form was not carried out, to be shown where it was sent from."""

    typed: str
    error: str
    status: int


@login_required
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """The list; a page that re-reads itself gets only the list, and its number in the bar only that."""
    principal, now = reader(request), clock.now()
    wish = _wish(request.GET, principal)
    try:
        page = approvals.page(
            interventions.viewer(principal, APPROVE if wish.tab == "mine" else "read"),
            wish.filters(principal.name), by_due=wish.by_due, size=SIZE, cursor=wish.cursor,
        )  # fmt: skip
    except BadCursor:
        return HttpResponseRedirect(wish.url())
    waiting = approvals.waiting(interventions.viewer(principal), now)
    shown = {
        "now": now,
        "wish": wish,
        "lines": presenter.lines(page.rows),
        "tabs": presenter.tabs(wish, {"mine": deciding.waiting_for(principal), "all": waiting.count}),
        "options": presenter.options(wish),
        "next": wish.url(cursor=page.next) if page.next else "",
        "previous": wish.url(cursor=page.previous) if page.previous else "",
        "verdict": interventions.may_somewhere(principal, APPROVE),
        "teams": presenter.teams(deciding.voter(principal.name).groups, authority.ROLES) if not page.rows else "",
        "done": _done(request, principal),
    }
    return regions.answer(request, "decide", "decide/list", shown)


@login_required
@require_safe
def badge(request: HttpRequest) -> HttpResponse:
    """How many questions wait for this person, for the bar of a page that is open."""
    return render(request, "console/decide/badge.html", {"count": deciding.waiting_for(reader(request))})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def decision(request: HttpRequest, approval_id: UUID) -> HttpResponse:
    """One question; a POST votes and leads to the next one. Looking at it changes nothing, whoever looks."""
    principal, now = reader(request), clock.now()
    answer = _decide(request, principal, approval_id) if request.method == "POST" else None
    if isinstance(answer, HttpResponse):
        return answer
    card = approvals.card(interventions.viewer(principal), approval_id)
    if card is None:
        raise Http404
    page = _page(principal, card, everything="all" in request.GET, now=now)
    shown: dict[str, object] = {
        "now": now,
        "page": page.answered(answer.typed, answer.error) if answer else page,
        "payload": interventions.may(principal, "payload", card.asked.approval.scope),
        "done": _done(request, principal),
    }
    return regions.answer(request, "decision", "decide/live", shown, status=answer.status if answer else 200)


def _wish(query: QueryDict, principal: Principal) -> Wish:
    usual = "mine" if interventions.may_somewhere(principal, APPROVE).allowed else "all"
    tab, state = query.get("tab", ""), query.get("state", "")
    known = {ALL, *State}
    return Wish(
        tab if tab in TABS else usual,
        state if state in known else State.OPEN,
        query.get("cursor", "").replace("\x00", ""),
    )


def _page(principal: Principal, card: Card, *, everything: bool, now: datetime) -> DecisionPage:
    row = card.asked.approval
    viewer, filters = interventions.viewer(principal, APPROVE), Filters(mine=principal.name)
    verdict = deciding.may_decide(principal, [row])[row.id]
    return cards.page(
        card,
        verdict,
        waiting=deciding.waiting_for(principal) - (row.open and verdict.allowed),
        following=approvals.after(viewer, filters, row),
        everything=everything,
        now=now,
    )


def _decide(request: HttpRequest, principal: Principal, approval_id: UUID) -> HttpResponse | Answer:
    """Carry out the form that was sent. Leads to the next question, so that a reload repeats nothing."""
    form = request.POST
    comment = form.get("comment", "")

    def refuse(error: object, status: int) -> Answer:
        return Answer(comment, str(error), status)

    if form.get("verdict") not in (APPROVE, REJECT):
        return refuse(_("There is nothing to choose but Approve and Reject."), 400)
    seen = form.get("subject_hash", "")
    try:
        deciding.decide(principal, form["verdict"], approval_id, comment=comment, subject_hash=seen)
    except interventions.Forbidden as error:
        return refuse(error, 403)
    except (interventions.Stale, interventions.Impossible) as error:
        return refuse(error, 409)
    except interventions.Unknown as error:
        raise Http404 from error
    return HttpResponseRedirect(f"{_next(principal, approval_id)}?{urlencode({'after': approval_id})}")


def _next(principal: Principal, approval_id: UUID) -> str:
    """The address of the question that is due next, or of the empty queue."""
    decided = approvals.one(interventions.viewer(principal), approval_id)
    viewer, filters = interventions.viewer(principal, APPROVE), Filters(mine=principal.name)
    following = approvals.after(viewer, filters, decided.approval) if decided else None
    return reverse("decision", args=[following]) if following else reverse("decide")


def _done(request: HttpRequest, principal: Principal) -> presenter.Line | None:
    """The question that was decided a moment ago, as it stands now."""
    try:
        asked = approvals.one(interventions.viewer(principal), UUID(request.GET.get("after", "")))
    except ValueError:
        return None
    return presenter.lines([asked])[0] if asked else None
