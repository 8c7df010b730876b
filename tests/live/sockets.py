"""People in front of a browser, reduced to their websocket."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect


def session_of(account: User) -> str:
    """The session key of a fresh sign-in."""
    client = Client()
    client.force_login(account)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@dataclass
class Page:
    """An open websocket and what it has heard."""

    connection: ClientConnection
    heard: list[dict[str, Any]] = field(default_factory=list)

    def ask(self, **wanted: Any) -> None:
        """Subscribe."""
        self.connection.send(json.dumps(wanted))

    def hears(self, topic: str, about: str = "", *, at_least: int = 0, seconds: float = 10) -> dict[str, Any]:
        """The first frame about this that has not been asked for yet."""
        for frame in self.frames(seconds):
            if frame["topic"] == topic and (not about or frame["id"] == about) and frame["revision"] >= at_least:
                return frame
        raise AssertionError(f"no {topic} {about} within {seconds} s")

    def frames(self, seconds: float) -> Iterator[dict[str, Any]]:
        """What comes in, one frame at a time, for so many seconds."""
        end = time.monotonic() + seconds
        while True:
            try:
                message = json.loads(self.connection.recv(timeout=max(0, end - time.monotonic())))
            except TimeoutError:
                return
            self.heard.extend(message)
            yield from message

    def closed_with(self, seconds: float = 10) -> int:
        """The code the server closed with."""
        try:
            while True:
                self.connection.recv(timeout=seconds)
        except ConnectionClosed:
            return self.connection.close_code or 0


@contextmanager
def page(base: str, session: str = "", origin: str | None = "same") -> Iterator[Page]:
    """A websocket as a browser opens it: with the session cookie and the origin of the page."""
    headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}"} if session else {}
    address = base.replace("http://", "ws://") + "/ws/live/"
    with connect(address, origin=base if origin == "same" else origin, additional_headers=headers) as connection:  # type: ignore[arg-type]
        yield Page(connection)
