"""Stops request bodies that are far too long while they arrive, before anything reads or stores them.

Django's ASGI handler takes a body in completely, on disk if it must, before a view can say how long it may be.
"""

from __future__ import annotations

import json
from typing import Any

from asgiref.typing import (
    ASGI3Application,
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    ASGISendEvent,
    HTTPScope,
    Scope,
)

from console.api.problems import CONTENT_TYPE, TOO_LARGE, TYPES_AT

#: bytes; views set narrower limits
LIMIT = 2 * 1024 * 1024


class BodyLimit:
    """Answers 413 for a body beyond `limit` bytes, declared or counted; everything else passes untouched."""

    def __init__(self, application: ASGI3Application, limit: int = LIMIT) -> None:
        self._application, self._limit = application, limit

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        if _declared(scope) > self._limit:
            await self._refuse(send)
            return
        taken, refused, answered = 0, False, False

        async def counted() -> ASGIReceiveEvent:
            nonlocal taken, refused
            event = await receive()
            if event["type"] == "http.request":
                taken += len(event["body"])
            if taken <= self._limit:
                return event
            refused = True
            return {"type": "http.disconnect"}  # the handler lets go of what it has taken in so far

        async def noted(event: ASGISendEvent) -> None:
            nonlocal answered
            answered = True
            await send(event)

        await self._application(scope, counted, noted)
        if refused and not answered:
            await self._refuse(send)

    async def _refuse(self, send: ASGISendCallable) -> None:
        problem: dict[str, Any] = {
            "type": TYPES_AT + TOO_LARGE.name,
            "title": TOO_LARGE.title,
            "status": TOO_LARGE.status,
            "detail": f"The body may have at most {self._limit:,} bytes.",
        }
        body = json.dumps(problem).encode()
        headers = [
            (b"content-type", CONTENT_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": TOO_LARGE.status, "headers": headers, "trailers": False})
        await send({"type": "http.response.body", "body": body, "more_body": False})


def _declared(scope: HTTPScope) -> int:
    text = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(text) if text.isdigit() else 0
