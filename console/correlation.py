"""Gives every request a correlation id, the caller's if it is fit to be one; answers and log lines carry it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import structlog
from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

HEADER = "X-Correlation-ID"
#: visible ASCII only: nothing that could break a log line or a header
_FIT = re.compile(r"[!-~]{1,128}", re.ASCII)

GetResponse = Callable[[HttpRequest], Any]


def correlation_id(request: HttpRequest) -> str:
    """The id of this request, 1 to 128 visible ASCII characters. The same for the whole request."""
    known: str | None = getattr(request, "correlation_id", None)
    if known is None:
        offered = request.headers.get(HEADER, "")
        known = offered if _FIT.fullmatch(offered) else str(uuid4())
        request.correlation_id = known  # type: ignore[attr-defined]
    return known


@sync_and_async_middleware
def middleware(get_response: GetResponse) -> Callable[[HttpRequest], Any]:
    """Bind the id to everything logged during the request and return it in the answer."""
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> HttpResponse:
            with structlog.contextvars.bound_contextvars(correlation_id=correlation_id(request)):
                waiting: Awaitable[HttpResponse] = get_response(request)
                return _marked(await waiting, request)

        return later

    def at_once(request: HttpRequest) -> HttpResponse:
        with structlog.contextvars.bound_contextvars(correlation_id=correlation_id(request)):
            return _marked(get_response(request), request)

    return at_once


def _marked(response: HttpResponse, request: HttpRequest) -> HttpResponse:
    response[HEADER] = correlation_id(request)
    return response
