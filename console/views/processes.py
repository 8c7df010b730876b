"""The processes: which versions new instances take, where those under way are, and what people decide about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from console.correlation import correlation_id
from console.presenters import processes as presenter
from console.presenters.processes import Process, ProcessPage
from console.presenters.processes.deeds import LASTS, USUALLY
from console.statuswords import capital
from console.views import regions
from console.views.access import reader
from workflows import interventions
from workflows.dsl.definition import Definition
from workflows.engine import clock
from workflows.interventions import Principal, governing
from workflows.queries import board, governance, processes
from workflows.queries.visibility import Viewer, declared_to


@dataclass(frozen=True)
class Answer:
    """Why a form was not carried out, to be shown where it was sent from. `part` is the field to blame."""

    action: str
    error: str
    status: int
    part: str = ""


class Unreadable(ValueError):
    """A field holds what cannot be read; `part` names it."""

    def __init__(self, part: str, message: str) -> None:
        super().__init__(message)
        self.part = part


@login_required
@require_safe
def every(request: HttpRequest) -> HttpResponse:
    """A row each; a page that re-reads itself gets only its changing part."""
    viewer, now = interventions.viewer(reader(request)), clock.now()
    rows = presenter.rows(declared_to(viewer), governance.decided(viewer, now), board.groups(viewer, now))
    return regions.answer(request, "processes", "processes/live", {"now": now, "rows": rows})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def one(request: HttpRequest, name: str) -> HttpResponse:
    """One process; a POST decides about it and comes back here."""
    principal, now = reader(request), clock.now()
    answer = _act(request, principal, name) if request.method == "POST" else None
    if isinstance(answer, HttpResponse):
        return answer
    page = _page(principal, name, now, request.GET.get("version", ""))
    refused = ""
    if answer is not None and page.deeds.offers(answer.action):
        page = page.answered(page.deeds.answered(answer.action, request.POST, answer.error, answer.part))
    elif answer is not None:
        refused = answer.error
    shown = {"now": now, "page": page, "refused": refused}
    return regions.answer(request, "process", "process/live", shown, status=answer.status if answer else 200)


def _page(principal: Principal, name: str, now: datetime, version: str) -> ProcessPage:
    """The page; raises Http404 for what is no process to this person."""
    viewer = interventions.viewer(principal)
    installed = processes.versions(viewer, name)
    if not installed:
        raise Http404
    process = _read(viewer, installed, now, version)
    verdicts = governing.allowed_actions(principal, name, paused=process.decided.pause is not None)
    return presenter.page(process, verdicts, most=processes.MOST)


def _read(viewer: Viewer, installed: list[Definition], now: datetime, version: str) -> Process:
    name = installed[0].name
    decided = governance.decided(viewer, now)[name]
    by_number = {str(one.version): one for one in installed}
    stable = presenter.stable(decided.share, [one.version for one in installed])
    return Process(
        now=now,
        versions=installed,
        decided=decided,
        here=processes.here(viewer, name),
        comparison=processes.compared(viewer, name, now),
        drawn=by_number.get(version) or by_number[str(stable)],
    )


def _act(request: HttpRequest, principal: Principal, name: str) -> HttpResponse | Answer:
    """Carry out the form that was sent. Leads back to the page, so that a reload repeats nothing."""
    action = request.POST.get("action", "")
    try:
        _decide(request, principal, action, name)
    except Unreadable as error:
        return Answer(action, str(error), 422, error.part)
    except interventions.Odd as error:
        return Answer(action, capital(str(error)), 422, error.field)
    except interventions.ReasonMissing as error:
        return Answer(action, str(error), 422, "reason")
    except interventions.Forbidden as error:
        return Answer(action, str(error), 403)
    except interventions.Impossible as error:
        return Answer(action, str(error), 409)
    except interventions.Unknown:
        raise Http404 from None
    return HttpResponseRedirect(request.path)


def _decide(request: HttpRequest, principal: Principal, action: str, name: str) -> None:
    form, by = request.POST, correlation_id(request)
    reason = form.get("reason", "")
    match action:
        case "rollout":
            stable, candidate, percent = _share(form, allowed=interventions.may(principal, "rollout", name).allowed)
            governing.roll_out(
                principal, name, stable=stable, candidate=candidate, percent=percent, reason=reason, correlation_id=by
            )
        case "pause":
            until = _until(form, allowed=interventions.may(principal, "intake", name).allowed)
            governing.pause_intake(principal, name, reason=reason, until=until, correlation_id=by)
        case "resume":
            governing.resume_intake(principal, name, reason=reason, correlation_id=by)
        case _:
            raise Unreadable("action", _("There is no such action."))


def _share(form: Mapping[str, str], *, allowed: bool) -> tuple[int, int | None, int]:
    """What a form asks for. What cannot be read matters only to those who may; others are refused anyway."""
    try:
        return (
            _number("stable", form.get("stable", ""), _("Please choose the stable version.")),
            _number("candidate", text, _("Please choose a version, or none."))
            if (text := form.get("candidate"))
            else None,
            _number("percent", form.get("percent", "") or "0", _("Please enter a whole number from 0 to 100.")),
        )
    except Unreadable:
        if allowed:
            raise
        return 0, None, 0


def _number(part: str, text: str, wanted: str) -> int:
    text = text.strip().removesuffix("%").strip()
    if not (text.isascii() and text.removeprefix("-").isdecimal() and len(text) <= 6):
        raise Unreadable(part, wanted)
    return int(text)


def _until(form: Mapping[str, str], *, allowed: bool) -> datetime:
    """When a pause ends: at the time that was named, otherwise after one of the lengths that are offered."""
    named, lasts = form.get("until", "").strip(), form.get("lasts", "")
    if named:
        try:
            found = datetime.fromisoformat(named)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
        except ValueError:
            if allowed:
                raise Unreadable("until", _("Please enter a date and a time.")) from None
    minutes = int(lasts) if lasts in {str(one) for one in LASTS} else USUALLY
    return clock.now() + timedelta(minutes=minutes)
