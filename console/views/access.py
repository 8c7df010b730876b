"""Who is looking: pages open for signed-in people with the right to what is there; everybody else learns why not."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from console.people import person
from workflows import interventions
from workflows.interventions import Principal


def reader(request: HttpRequest, action: str = "read") -> Principal:
    """The signed-in person, who may do this in at least one workflow. Raises PermissionDenied with a sentence if not.

    What they are shown is narrowed by `interventions.viewer`, which every query takes.
    """
    principal = person(request)
    verdict = interventions.may_somewhere(principal, action)
    if not verdict.allowed:
        raise PermissionDenied(verdict.reason)
    return principal
