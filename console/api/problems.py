"""Errors as problem+json (RFC 9457): a stable type, a human sentence, the fields concerned, never a trace."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions

from console.correlation import correlation_id

CONTENT_TYPE = "application/problem+json"
#: where each type is explained; a relative reference, so it holds on every installation
TYPES_AT = "/api/problems/"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Type:
    """One kind of problem. The name is part of its address and never changes."""

    name: str
    status: int
    title: str


INVALID_JSON = Type("invalid-json", 400, "The body is not JSON")
INVALID_HEADER = Type("invalid-header", 400, "A header is malformed")
BAD_REQUEST = Type("bad-request", 400, "The request cannot be understood")
UNAUTHENTICATED = Type("unauthenticated", 401, "A valid token or session is needed")
FORBIDDEN = Type("forbidden", 403, "The right to do this is missing")
NOT_FOUND = Type("not-found", 404, "There is no such thing")
METHOD_NOT_ALLOWED = Type("method-not-allowed", 405, "This address does not answer that method")
KEY_CONFLICT = Type("key-conflict", 409, "The key belongs to another instance")
STALE = Type("stale", 409, "It has moved meanwhile")
IMPOSSIBLE = Type("impossible", 409, "It makes no sense now")
ALREADY_DECIDED = Type("already-decided", 409, "Somebody has decided it already")
STILL_RUNNING = Type("still-running", 409, "The first request with this key has not been answered yet")
TOO_LARGE = Type("too-large", 413, "The body is too large")
WRONG_MEDIA_TYPE = Type("unsupported-media-type", 415, "The body has to be JSON")
INVALID = Type("invalid-request", 422, "Fields are missing, unknown or wrong")
KEY_REUSED = Type("idempotency-key-reused", 422, "The Idempotency-Key was used for another request")
INTERNAL = Type("internal-error", 500, "Something went wrong on our side")
UNAVAILABLE = Type("unavailable", 503, "The database does not answer")
INTAKE_PAUSED = Type("intake-paused", 503, "New instances are not taken in for now")

#: Seconds after which another try may go well, unless more is known.
_PASSING = {UNAVAILABLE: 2, INTAKE_PAUSED: 60}

TYPES = {
    kind.name: kind
    for kind in (
        INVALID_JSON, INVALID_HEADER, BAD_REQUEST, UNAUTHENTICATED, FORBIDDEN, NOT_FOUND, METHOD_NOT_ALLOWED,
        KEY_CONFLICT, STALE, IMPOSSIBLE, ALREADY_DECIDED, STILL_RUNNING, TOO_LARGE, WRONG_MEDIA_TYPE, INVALID,
        KEY_REUSED, INTERNAL, UNAVAILABLE, INTAKE_PAUSED,
    )
}  # fmt: skip


class ProblemError(Exception):
    """Ends the request with this problem.

    `errors` are (field, message) pairs, `extra` further members, `retry_after` the seconds after which it may go well.
    """

    def __init__(
        self,
        kind: Type,
        detail: str,
        *,
        errors: Sequence[tuple[str, str]] = (),
        extra: dict[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind, self.detail = kind, detail
        self.errors, self.extra = tuple(errors), extra or {}
        self.retry_after = retry_after or _PASSING.get(kind)


def invalid(field: str, message: str) -> ProblemError:
    """The problem of one wrong field."""
    return several([(field, message)])


def several(errors: Sequence[tuple[str, str]]) -> ProblemError:
    """The problem of wrong fields; the sentence names the first."""
    field, message = errors[0]
    rest = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return ProblemError(INVALID, f"{field}: {message}{rest}", errors=errors)


def answer(problem: ProblemError, request: HttpRequest) -> HttpResponse:
    """The problem as a response."""
    body: dict[str, Any] = {
        "type": TYPES_AT + problem.kind.name,
        "title": problem.kind.title,
        "status": problem.kind.status,
        "detail": problem.detail,
        "correlation_id": correlation_id(request),
        **problem.extra,
    }
    if problem.errors:
        body["errors"] = [{"field": field, "message": message} for field, message in problem.errors]
    response = HttpResponse(json.dumps(body), content_type=CONTENT_TYPE, status=problem.kind.status)
    if problem.kind is UNAUTHENTICATED:
        response["WWW-Authenticate"] = 'Bearer realm="api"'
    if problem.retry_after is not None:
        response["Retry-After"] = str(problem.retry_after)
    return response


def handle(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """Django REST framework's exception handler: every error becomes a problem."""
    request = context["request"]
    problem = _problem_of(error)
    if problem.kind is INTERNAL:
        log.error("api.crashed", path=request.path, exc_info=error)
    response = answer(problem, getattr(request, "_request", request))
    if isinstance(error, exceptions.MethodNotAllowed):
        allowed = context["view"].allowed_methods
        response["Allow"] = ", ".join(allowed)
    return response


def _problem_of(error: Exception) -> ProblemError:
    match error:
        case ProblemError():
            return error
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return ProblemError(UNAUTHENTICATED, str(error.detail))
        case exceptions.PermissionDenied():
            return ProblemError(FORBIDDEN, str(error.detail))
        case PermissionDenied():
            return ProblemError(FORBIDDEN, str(error) or "You may not do this.")
        case exceptions.MethodNotAllowed():
            return ProblemError(METHOD_NOT_ALLOWED, str(error.detail))
        case exceptions.UnsupportedMediaType():
            return ProblemError(WRONG_MEDIA_TYPE, str(error.detail))
        case Http404() | exceptions.NotFound():
            return ProblemError(NOT_FOUND, "There is nothing at this address.")
        case OperationalError() | InterfaceError():
            return ProblemError(UNAVAILABLE, "The database does not answer; try again in a moment.")
        case SuspiciousOperation() | exceptions.APIException():
            return ProblemError(BAD_REQUEST, "The request cannot be understood.")
        case _:
            return ProblemError(INTERNAL, "Something went wrong on our side; the correlation id finds it in our logs.")
