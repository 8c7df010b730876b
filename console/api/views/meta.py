"""What is said about the API itself: the meaning of problem types, and the answer to addresses that do not exist."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse

from console.api.problems import NOT_FOUND, TYPES, TYPES_AT, ProblemError, answer
from workflows.queries import definitions


def event_schema(request: HttpRequest, name: str, version: int) -> HttpResponse:
    """The JSON Schema of a published event's data: where `dataschema` leads."""
    schema = definitions.event_schema(name, version)
    return missing(request) if schema is None else JsonResponse(schema, content_type="application/schema+json")


def missing(request: HttpRequest, rest: str = "") -> HttpResponse:
    """A problem instead of a page for every unknown address below `/api/`."""
    return answer(ProblemError(NOT_FOUND, "There is nothing at this address."), request)


def problem_type(request: HttpRequest, name: str) -> HttpResponse:
    """What a problem type means."""
    kind = TYPES.get(name)
    if kind is None:
        return missing(request)
    return JsonResponse({"type": TYPES_AT + kind.name, "title": kind.title, "status": kind.status})
