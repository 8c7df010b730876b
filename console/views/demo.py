"""The demonstration's controls: how each simulated system misbehaves, and how far the orders were played."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from workflows.engine import clock


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def demo(request: HttpRequest) -> HttpResponse:
    """The page of the fault dials."""
    return render(request, "console/demo.html", {"now": clock.now()})
