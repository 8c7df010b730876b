"""Repair: causes of trouble, who is needed, what is being corrected, stray callbacks, and what was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.views.decorators.http import require_http_methods

from console.presenters.repair import causes, corrections, done, people, strays, tabs
from console.presenters.repair.tabs import Asked
from console.views import regions
from console.views.access import reader
from workflows import interventions
from workflows.dsl.status import COMPENSATING
from workflows.engine import clock
from workflows.interventions import Principal, repairing
from workflows.interventions import strays as stray_acts
from workflows.queries import asked, callbacks, failures, instances, notes, operations, proposals, trouble
from workflows.queries import corrections as ways
from workflows.queries.callbacks import MOST
from workflows.queries.instances import Filters
from workflows.queries.pages import BadCursor
from workflows.queries.visibility import Viewer

SIZE = 50
#: messages with their proposals are long; fewer of them make a page
MESSAGES = 25


@dataclass(frozen=True)
class Answer:
    """Why a form was not carried out, with what was sent, to be shown where it was sent from."""

    error: str
    status: int
    form: QueryDict

    def sent(self, name: str) -> str:
        return str(self.form.get(name, ""))


@dataclass(frozen=True)
class Look:
    """Who looks at which part of the page, when, and what came of the form they sent."""

    principal: Principal
    viewer: Viewer
    here: Asked
    now: datetime
    answer: Answer | None


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def repair(request: HttpRequest) -> HttpResponse:
    """One part of the page, chosen by `?tab=`; a POST acts and comes back to it."""
    principal = reader(request)
    here = tabs.asked({name: str(request.GET[name]) for name in request.GET})
    answer = _act(request, principal) if request.method == "POST" else None
    if isinstance(answer, HttpResponse):
        return answer
    look = Look(principal, interventions.viewer(principal), here, clock.now(), answer)
    try:
        part = _PARTS[here.tab](look)
    except BadCursor:
        return HttpResponseRedirect(here.url())
    shown = {
        "now": look.now,
        "here": here,
        "tabs": tabs.tabs(here, _counts(look.viewer)),
        "verdict": interventions.may_somewhere(principal, "repair"),
        "refused": answer.error if answer else "",
        **part,
    }
    return regions.answer(request, "repair", "repair/live", shown, status=answer.status if answer else 200)


def _counts(viewer: Viewer) -> dict[str, str]:
    """What the tabs say before they are opened."""
    needed = instances.count(viewer, Filters(needs_person=True), stop_at=MOST + 1)
    lying = callbacks.counts(viewer)
    open_ones = sum(lying.get(state, 0) for state in strays.OPEN)
    return {"people": tabs.bounded(needed, MOST), "callbacks": tabs.bounded(open_ones, MOST)}


def _causes(look: Look) -> dict[str, Any]:
    only = trouble.parse(look.here.get("cause"))
    found = failures.failures(look.viewer, look.now, only=only, done=look.here.get("show") == "done")
    cards = causes.cards(found, look.principal.name)
    if look.answer:
        cards = causes.reopened(cards, look.answer.sent("cause"), look.answer.sent("note"))
    return {
        "template": "console/repair/causes.html",
        "cards": cards,
        "choices": causes.choices(look.here),
        "only": only,
    }


def _people(look: Look) -> dict[str, Any]:
    cause, troubled = look.here.get("cause"), failures.troubled(look.viewer)
    filters = Filters(needs_person=True, cause=(cause,) if cause else (), trouble=people.narrowed(look.here))
    page = instances.page(look.viewer, filters, size=SIZE, cursor=look.here.cursor, oldest_first=True)
    requests = asked.requests(look.viewer, page.rows)
    held = notes.about({people.cause_of_row(row, requests.get(row.id)) for row in page.rows})
    return {
        "template": "console/repair/people.html",
        "tasks": people.tasks(page.rows, requests, held),
        "choices": people.choices(look.here, troubled),
        "together": people.together(troubled) if not look.here.narrowed else "",
        **_neighbours(look.here, page.next, page.previous),
    }


def _corrections(look: Look) -> dict[str, Any]:
    filters = Filters(status=(COMPENSATING,), alive=True)
    page = instances.page(look.viewer, filters, size=SIZE, cursor=look.here.cursor, oldest_first=True)
    tallies = ways.tallies(look.viewer)
    return {
        "template": "console/repair/corrections.html",
        "columns": [corrections.COLUMNS[phase] for phase in corrections.columns(tallies)],
        "board": corrections.board(tallies),
        "ended": corrections.ended(ways.ended(look.viewer, look.now)),
        "ways": corrections.ways(page.rows, ways.plans([row.id for row in page.rows])),
        **_neighbours(look.here, page.next, page.previous),
    }


def _callbacks(look: Look) -> dict[str, Any]:
    here = look.here
    page = callbacks.page(
        look.viewer,
        state=strays.states(here),
        source=here.get("source"),
        kind=here.get("type"),
        key=here.get("key"),
        size=MESSAGES,
        cursor=here.cursor,
    )
    found = strays.strays(page.rows, proposals.proposals(look.viewer, [row.id for row in page.rows]))
    if look.answer:
        sent = look.answer.sent
        found = strays.reopened(
            found, sent("message"), action=sent("action"), typed=sent("reason"), other=sent("other"),
            error=look.answer.error,
        )  # fmt: skip
    return {
        "template": "console/repair/callbacks.html",
        "strays": found,
        "choices": strays.choices(here, callbacks.counts(look.viewer)),
        **_neighbours(here, page.next, page.previous),
    }


def _operations(look: Look) -> dict[str, Any]:
    here = look.here
    page = operations.page(
        look.viewer,
        state=done.NARROWED.get(here.get("state"), ()),
        actor=here.get("actor"),
        size=SIZE,
        cursor=here.cursor,
    )
    rows = instances.some(look.viewer, [one.instance_id for one in page.rows])
    return {
        "template": "console/repair/operations.html",
        "lines": done.lines(page.rows, rows),
        "choices": done.choices(here, look.principal.name),
        **_neighbours(here, page.next, page.previous),
    }


_PARTS: dict[str, Callable[[Look], dict[str, Any]]] = {
    "causes": _causes,
    "people": _people,
    "corrections": _corrections,
    "callbacks": _callbacks,
    "operations": _operations,
}


def _neighbours(here: Asked, following: str | None, previous: str | None) -> dict[str, str]:
    return {
        "next": here.url(cursor=following) if following else "",
        "previous": here.url(cursor=previous) if previous else "",
    }


def _act(request: HttpRequest, principal: Principal) -> HttpResponse | Answer:
    """Carry out the form that was sent. Leads back to the page, so that a reload repeats nothing."""
    form = request.POST
    try:
        anchor = _done(principal, form)
    except interventions.ReasonMissing as error:
        return Answer(str(error), 422, form)
    except interventions.Forbidden as error:
        return Answer(str(error), 403, form)
    except (interventions.Stale, interventions.Impossible) as error:
        return Answer(str(error), 409, form)
    except interventions.Unknown as error:
        return Answer(str(error), 400, form)
    return HttpResponseRedirect(f"{request.get_full_path()}{anchor}")


def _done(principal: Principal, form: QueryDict) -> str:
    """Do what the form asks for. Returns the part of the page that shows what came of it."""
    cause, reason = form.get("cause", ""), form.get("reason", "")
    match form.get("action"):
        case "take":
            repairing.take(principal, cause, instead_of=form.get("instead_of", ""))
        case "note":
            repairing.note(principal, cause, form.get("note", ""))
        case "mark":
            repairing.mark(principal, cause, form.get("state", ""))
        case "apply":
            chosen = _identity(str(form["instance"])) if form.get("instance") else None
            number = form.get("other", "").strip().lstrip("#")
            message = _identity(form.get("message", ""))
            stray_acts.apply(principal, message, reason=reason, instance_id=chosen, key=number)
            return "#callbacks"
        case "ignore":
            stray_acts.ignore(principal, _identity(form.get("message", "")), reason=reason)
            return "#callbacks"
        case action:
            raise interventions.Unknown(f"There is no action {action!r}.")
    return f"#{causes.anchor(cause)}"


def _identity(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise interventions.Unknown("There is no such message.") from None
