"""Sends a file piece by piece, as it is made: however long it becomes, little of it is in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

from console import exports


def streamed(request: HttpRequest, pieces: Iterator[str], *, name: str, content_type: str) -> StreamingHttpResponse:
    """The pieces as a file to be saved under this name; each is asked for when the one before was sent.

    An ordinary iterator would be read to its end first where requests are served asynchronously.
    """
    body = _later(pieces) if isinstance(request, ASGIRequest) else pieces
    answer = StreamingHttpResponse(body, content_type=content_type)
    answer["Content-Disposition"] = f'attachment; filename="{exports.filename(name)}"'
    answer["Cache-Control"] = "no-store"
    return answer


async def _later(pieces: Iterator[str]) -> AsyncIterator[str]:
    """The same pieces, made in the request's own thread, where its database connection is."""

    def ask() -> str | None:
        return next(pieces, None)

    while (piece := await sync_to_async(ask, thread_sensitive=True)()) is not None:
        yield piece
