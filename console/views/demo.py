"""The demonstration's controls: how each simulated system misbehaves, and how far the orders were played."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from console.presenters import demo as presenter
from console.views.access import reader
from workflows import interventions
from workflows.demo import dials, queries
from workflows.demo.simulators.faults import Faults, FaultsRefused
from workflows.engine import clock
from workflows.interventions import Principal


@dataclass(frozen=True)
class Answer:
    """Why a form was not carried out. `system` names its form, empty for a preset."""

    system: str
    error: str
    status: int


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def demo(request: HttpRequest) -> HttpResponse:
    """The page of the fault dials; a POST turns them and comes back here."""
    principal = reader(request)
    answer = _turn(request, principal) if request.method == "POST" else None
    if isinstance(answer, HttpResponse):
        return answer
    faults = _present()
    shown: dict[str, Any] = {"now": clock.now(), **_progress(faults), "reachable": faults is not None}
    if getattr(request, "htmx", False):
        return render(request, "console/demo/playback.html", shown)
    wrong = (answer.system, answer.error) if answer else None
    shown |= {
        "presets": presenter.presets(faults),
        "systems": presenter.systems(faults, wrong) if faults else [],
        "refused": answer.error if answer and not answer.system else "",
        "verdict": interventions.may(principal, "faults"),
        "workers": queries.workers(),
    }
    return render(request, "console/demo.html", shown, status=answer.status if answer else 200)


def _present() -> Faults | None:
    try:
        return dials.read()
    except dials.Unreachable:
        return None


def _progress(faults: Faults | None) -> dict[str, Any]:
    played = queries.played()
    busy = faults is not None and faults != Faults()
    return {"played": played, "next_at": played.next_at(busy=busy)}


def _turn(request: HttpRequest, principal: Principal) -> HttpResponse | Answer:
    """Carry out the form that was sent. Leads back to the page, so that a reload repeats nothing."""
    system, preset = request.POST.get("system", ""), request.POST.get("preset", "")
    try:
        if preset:
            patch, reason = presenter.PATCHES[preset], preset
        else:
            patch, reason = presenter.patch(system, request.POST), ""
        dials.turn(principal, patch, reason=reason)
    except KeyError:
        return Answer("", _("There is no such preset or system."), 400)
    except presenter.NotANumber as error:
        return Answer(system, str(error), 422)
    except FaultsRefused as error:
        return Answer(system, str(error), 422)
    except interventions.Forbidden as error:
        return Answer("", str(error), 403)
    except dials.Unreachable as error:
        return Answer("", str(error), 503)
    return HttpResponseRedirect(f"{request.path}#{system or 'presets'}")
