"""Serves style sheets, scripts and icons from their source folders, in both worlds of Django.

WhiteNoise's own middleware streams files synchronously, which the ASGI handler can only do with a warning and a detour.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

Handler = Callable[[HttpRequest], Any]


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    """WhiteNoise with whole answers; our files are small."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Handler) -> None:
        super().__init__(get_response)
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        path = request.path_info
        found = self.find_file(path) if self.autorefresh else self.files.get(path)
        if found is None:
            return self.get_response(request)
        return _soon(_answer(found, request)) if self._is_async else _answer(found, request)


def _answer(found: StaticFile, request: HttpRequest) -> HttpResponse:
    prepared = found.get_response(request.method, request.META)
    content = b""
    if prepared.file is not None:
        with prepared.file as file:
            content = file.read()
    answer = HttpResponse(content, status=int(prepared.status))
    del answer["content-type"]
    for name, value in prepared.headers:
        answer[name] = value
    return answer


async def _soon(answer: HttpResponse) -> HttpResponse:
    return answer
