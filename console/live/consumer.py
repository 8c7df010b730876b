"""One open page's websocket: it says what it wants to hear about, and hears only that something changed.

A socket that may not be here is accepted and then closed with 4401, because a browser retries for ever when a socket
is closed before it was accepted. Nothing a socket sends changes anything.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import DatabaseError

from console.live import rights
from console.live.frames import BadMessage, read, write
from console.live.hub import hub
from workflows.queries.visibility import NOBODY

REFUSED, CONFUSED, TOO_MUCH, TRY_LATER, START_AGAIN = 4401, 4400, 4429, 1013, 1012
#: messages a browser may send within so many seconds
MOST_MESSAGES, PERIOD = 30, 10.0


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Joins the process's hub for as long as origin, session and right allow."""

    session_key = ""
    checked_at = 0.0
    viewer = NOBODY

    async def connect(self) -> None:
        self._pending: dict[tuple[str, str], int] = {}
        self._news = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None
        self._arrivals: deque[float] = deque(maxlen=MOST_MESSAGES)
        await self.accept()
        self.session_key = self.scope.get("cookies", {}).get(settings.SESSION_COOKIE_NAME, "")
        if not rights.same_origin(dict(self.scope["headers"])):
            await self.close(REFUSED)
        elif await self._welcome():
            self._sending = asyncio.create_task(self._send_news())
            hub().join(self)

    async def disconnect(self, code: int) -> None:
        if self._sending:
            self._sending.cancel()
            self._sending = None
            await hub().leave(self)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._sending is None:
            return
        now = asyncio.get_running_loop().time()
        if len(self._arrivals) == MOST_MESSAGES and now - self._arrivals[0] < PERIOD:
            await self.close(TOO_MUCH)
            return
        self._arrivals.append(now)
        try:
            wanted = read(text_data)
        except BadMessage:
            await self.close(CONFUSED)
            return
        if await self._welcome():
            seen = await database_sync_to_async(rights.visible)(self.viewer, wanted.watch)
            hub().subscribe(self, replace(wanted, watch=seen))

    def note(self, topic: str, about: str, revision: int) -> None:
        """Remember a frame for this page; a newer one about the same thing replaces it."""
        self._pending[topic, about] = revision
        self._news.set()

    async def refuse(self) -> None:
        """End the socket for good: the browser does not come back by itself."""
        await self.close(REFUSED)

    async def start_again(self) -> None:
        """End the socket because its person's rights changed: the browser comes back and reads everything again."""
        await self.close(START_AGAIN)

    async def _welcome(self) -> bool:
        """Whether the person behind the socket may look, and at what; closes it otherwise."""
        try:
            found = await database_sync_to_async(rights.viewers)({self.session_key}) if self.session_key else {}
        except DatabaseError:
            await self.close(TRY_LATER)
            return False
        viewer = found.get(self.session_key)
        if viewer is None:
            await self.close(REFUSED)
            return False
        self.viewer = viewer
        return True

    async def _send_news(self) -> None:
        """Send what is pending as one message, then wait for more. A slow reader delays only itself."""
        while True:
            await self._news.wait()
            self._news.clear()
            told, self._pending = self._pending, {}
            await self.send(text_data=write((*key, revision) for key, revision in told.items()))
