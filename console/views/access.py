"""Who is looking: pages open for signed-in people who may read; everybody else learns why not."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from workflows import interventions
from workflows.interventions import Principal


def reader(request: HttpRequest) -> Principal:
    """The signed-in person. Raises PermissionDenied with a sentence when they may not read."""
    principal = interventions.user(request.user)
    verdict = interventions.may(principal, "read")
    if not verdict.allowed:
        raise PermissionDenied(verdict.reason)
    return principal
