"""Who is looking at this request, and what they may do: read once, for the page and the frame around it."""

from __future__ import annotations

from django.http import HttpRequest

from workflows import interventions
from workflows.interventions import Principal


def person(request: HttpRequest) -> Principal:
    """The signed-in person and their present rights."""
    known: Principal | None = getattr(request, "principal", None)
    if known is None:
        known = interventions.user(request.user)
        request.principal = known  # type: ignore[attr-defined]
    return known
