"""How long somebody stays signed in: until they do nothing for a while, and never longer than a working day.

A page that re-reads itself does not count as somebody doing something: an open browser alone keeps nobody signed in.
The end is in the session's row, so that pages, API and sockets agree about it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_only_middleware

from workflows.engine import clock

BEGAN, SEEN = "began_at", "seen_at"
#: what somebody does is noted at most this often
NOTED = timedelta(minutes=1)


@sync_only_middleware
def middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Move the end of the session of whoever did something."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.session.accessed and SESSION_KEY in request.session:
            _prolong(request)
        return response

    return respond


def _prolong(request: HttpRequest) -> None:
    session, now = request.session, clock.now()
    began = _time(session.get(BEGAN))
    seen = _time(session.get(SEEN))
    if began is None:
        began = now
        session[BEGAN] = now.isoformat()
    elif seen is not None and (now - seen < NOTED or _by_itself(request)):
        return
    session[SEEN] = now.isoformat()
    idle, absolute = timedelta(minutes=settings.SESSION_IDLE_MINUTES), timedelta(seconds=settings.SESSION_COOKIE_AGE)
    session.set_expiry(min(now + idle, began + absolute))


def _by_itself(request: HttpRequest) -> bool:
    """Whether the page asked, not the person."""
    return request.method == "GET" and request.headers.get("HX-Request") == "true"


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
