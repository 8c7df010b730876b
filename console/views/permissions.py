"""My permissions: what the signed-in person may do, and for the rest why not and who may."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from console.statuswords import capital
from workflows import interventions
from workflows.engine import clock


@login_required
@require_safe
def permissions(request: HttpRequest) -> HttpResponse:
    """Every capability in words, with the verdict. Open to everybody who is signed in."""
    principal = interventions.user(request.user)
    verdicts = [
        (capital(_(meaning)), interventions.may(principal, name))
        for name, meaning in interventions.CAPABILITIES.items()
    ]
    roles = ", ".join(sorted(group.name for group in request.user.groups.all()))
    shown = {"now": clock.now(), "verdicts": verdicts, "roles": roles}
    return render(request, "console/permissions.html", shown)
