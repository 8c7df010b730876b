"""The Idempotency-Key header (IETF draft): a repeated request gets the first answer, and nothing happens twice.

Keys belong to the caller. Another body under the same key is refused with 422, a request still running with 409. An
answer given under other rights is not told again: it may say more than the caller may see now.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from console.api import bodies
from console.api.caller import principal
from console.api.problems import CONTENT_TYPE, INVALID_HEADER, KEY_REUSED, STILL_RUNNING, ProblemError, answer
from workflows.interventions import Principal, idempotency
from workflows.interventions.idempotency import Different, Fresh, Replay, Running

HEADER = "Idempotency-Key"
#: a structured-field string as the draft has it, or the bare word most clients send
_KEY = re.compile(r'"([ !#-\[\]-~]{1,255})"|([!#-~]{1,255})', re.ASCII)

View = Callable[..., HttpResponse]


def idempotent(view: View) -> View:
    """Let a POST view honour the header. Refusals for missing rights and our own failures are not kept."""

    @wraps(view)
    def wrapper(request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        offered = request.headers.get(HEADER)
        if offered is None:
            return view(request, *args, **kwargs)
        caller = principal(request)
        scope = f"{caller.kind}:{caller.name}"
        asked = f"{request.method} {request.path}"[:500]
        match idempotency.begin(scope, _key(offered), _fingerprint(request, caller), request=asked):
            case Fresh() as fresh:
                return _first(fresh, view, request, *args, **kwargs)
            case Replay(status, body):
                kind = CONTENT_TYPE if status >= 400 else "application/json"
                return HttpResponse(body, content_type=kind, status=status, headers={"Idempotency-Replayed": "true"})
            case Running():
                raise ProblemError(STILL_RUNNING, "The first request with this Idempotency-Key is still running.")
            case Different():
                raise ProblemError(
                    KEY_REUSED, "This Idempotency-Key was used with another method, address or body, or other rights."
                )

    return wrapper


def _first(fresh: Fresh, view: View, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
    try:
        response = _answered(view, request, *args, **kwargs)
    except BaseException:
        idempotency.give_up(fresh)
        raise
    if response.status_code in (401, 403) or response.status_code >= 500:
        idempotency.give_up(fresh)
    else:
        body = response.content.decode()
        about = _subject(body) or kwargs.get("instance_id")
        idempotency.finish(fresh, response.status_code, body, instance_id=about)
    return response


def _subject(body: str) -> UUID | None:
    """The instance that an answer tells, or is about: an operation on one, a problem that names one."""
    told = json.loads(body)
    found = told.get("instance") or told.get("instance_id") or (told.get("id") if "lifecycle" in told else "")
    try:
        return UUID(found)
    except (ValueError, TypeError, AttributeError):
        return None


def _answered(view: View, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
    """The view's answer, a refusal included."""
    try:
        return view(request, *args, **kwargs)
    except ProblemError as problem:
        return answer(problem, request._request)


def _key(offered: str) -> str:
    found = _KEY.fullmatch(offered.strip())
    if found is None:
        message = "Idempotency-Key has to be 1 to 255 visible ASCII characters, in double quotes or bare."
        raise ProblemError(INVALID_HEADER, message, errors=[(HEADER, "is malformed")])
    return found[1] or found[2]


def _fingerprint(request: Request, caller: Principal) -> str:
    rights = f"{sorted(caller.capabilities)} {sorted(caller.scoped)}"
    head = f"{request.method} {request.path}\n{rights}\n".encode()
    return sha256(head + bodies.raw_body(request._request)).hexdigest()
