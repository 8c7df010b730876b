"""Shows every component in every state on one page, for the eyes of whoever changes the looks. Only with DEBUG."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from workflows.engine import clock


def styleguide(request: HttpRequest) -> HttpResponse:
    """The page of components."""
    return render(request, "styleguide.html", {"now": clock.now()})
