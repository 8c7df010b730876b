"""Who calls: a Bearer token or a session, and the principal that acts in their name."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request

from console.api.problems import FORBIDDEN, ProblemError
from workflows import interventions
from workflows.interventions import Principal, tokens
from workflows.interventions.tokens import Bearer
from workflows.queries.visibility import Viewer


class BearerToken(BaseAuthentication):
    """`Authorization: Bearer TOKEN`. A wrong token is refused even if a session would do."""

    def authenticate(self, request: Request) -> tuple[Any, Bearer] | None:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return None
        bearer = tokens.bearer(text.strip()) if scheme.casefold() == "bearer" and text.strip() else None
        if bearer is None:
            raise AuthenticationFailed("The token is not valid (any more).")
        return bearer.account, bearer

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class AlwaysJson(BaseContentNegotiation):
    """There is one representation, whatever the caller says it would like."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


def principal(request: Request) -> Principal:
    """The caller as a principal, with no more than their token allows. Read once per request."""
    known: Principal | None = getattr(request._request, "principal", None)
    if known is None:
        limits = request.auth.limits if isinstance(request.auth, Bearer) else tokens.limits()
        known = interventions.user(request.user, "api", limits)
        request._request.principal = known  # type: ignore[attr-defined]
    return known


def viewer(request: Request, action: str = "read") -> Viewer:
    """What the caller sees, who must have the right to this in at least one workflow. Raises the problem if not."""
    caller = principal(request)
    verdict = interventions.may_somewhere(caller, action)
    if not verdict.allowed:
        raise ProblemError(FORBIDDEN, verdict.reason)
    return interventions.viewer(caller, action)


def holder(request: Request, action: str) -> Principal:
    """The caller, who must have the right to this everywhere. Raises the problem if not."""
    caller = principal(request)
    verdict = interventions.may(caller, action)
    if not verdict.allowed:
        raise ProblemError(FORBIDDEN, verdict.reason)
    return caller
