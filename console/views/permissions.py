"""My permissions: what the signed-in person may do, in which processes, and for the rest why not and who may."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from console.people import person
from console.presenters.permissions import permissions as presented
from workflows import interventions
from workflows.engine import clock
from workflows.queries import board


@login_required
@require_safe
def permissions(request: HttpRequest) -> HttpResponse:
    """Every capability in words, with the verdict. Open to everybody who is signed in."""
    principal = person(request)
    seen = [one.name for one in board.processes(interventions.viewer(principal))]
    shown = {
        "now": clock.now(),
        "rights": presented(principal, seen),
        "roles": ", ".join(interventions.roles(request.user)),
    }
    return render(request, "console/permissions.html", shown)
