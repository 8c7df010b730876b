"""One per web process: hears what changed, once, and tells every socket that wants to know.

News comes two ways. Redis is fast and may lose something or be down; a heartbeat every three seconds reads PostgreSQL,
finds what was missed, and checks that the people behind the sockets may still look.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol
from weakref import WeakKeyDictionary

import redis.asyncio
import structlog
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import DatabaseError
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from console.live import heads, rights
from console.live.boards import Boards
from console.live.frames import Subscription, read_news
from console.live.heads import Heads
from console.live.publish import CHANNEL
from workflows.queries.visibility import Viewer

#: seconds: between heartbeats, between checks of one session
BEAT, RECHECK = 3.0, 2.5
#: seconds a new hub waits for Redis before it calls news slow
PATIENCE = 1.0
#: seconds: a silent Redis is asked after LISTEN, given up after DEAF, tried again after REST
LISTEN, DEAF, REST = 3.0, 9.0, 1.0

log = structlog.get_logger(__name__)


class Socket(Protocol):
    """One open page, as the hub sees it. `note` returns at once; sending is the socket's own business."""

    session_key: str
    checked_at: float
    viewer: Viewer

    def note(self, topic: str, about: str, revision: int) -> None: ...

    async def refuse(self) -> None: ...

    async def start_again(self) -> None: ...


class Hub:
    """Who listens to what. Runs only while somebody does."""

    def __init__(self) -> None:
        self._subscriptions: dict[Socket, Subscription] = {}
        self._watchers: defaultdict[str, set[Socket]] = defaultdict(set)
        self._boards = Boards()
        self._tasks: list[asyncio.Task[None]] = []
        self._told: dict[str, int] = {}
        self._head = Heads()
        self._beats = 0
        #: whether changes arrive at once; without Redis they arrive with the next heartbeat
        self.quick = False
        self._heard = asyncio.Event()

    def join(self, socket: Socket) -> None:
        """Count the socket in; the first one starts the listening."""
        self._subscriptions[socket] = Subscription()
        socket.checked_at = _time()
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._beat())]

    def subscribe(self, socket: Socket, wanted: Subscription) -> None:
        """Replace what the socket wants to hear about, and tell it what it may have missed while it was asking.

        It may see the instances it names: whoever calls has made sure.
        """
        self._forget(socket)
        self._subscriptions[socket] = wanted
        for about in wanted.watch:
            self._watchers[about].add(socket)
            if about in self._told:
                socket.note("instance", about, self._told[about])
        if wanted.board:
            self._boards.add(socket)

    async def leave(self, socket: Socket) -> None:
        """Count the socket out; the last one ends the listening."""
        self._forget(socket)
        self._subscriptions.pop(socket, None)
        if self._subscriptions:
            return
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._boards.close()
        self.quick = False
        self._heard.clear()

    def _forget(self, socket: Socket) -> None:
        for about in self._subscriptions.get(socket, Subscription()).watch:
            self._watchers[about].discard(socket)
            if not self._watchers[about]:
                del self._watchers[about]
                self._told.pop(about, None)
        self._boards.discard(socket)

    def tell(self, news: Mapping[str, int]) -> None:
        """Pass changed instances on to whoever watches them; older revisions than already told are dropped."""
        for about, revision in news.items():
            if about in self._watchers and revision > self._told.get(about, 0):
                self._told[about] = revision
                for socket in self._watchers[about]:
                    socket.note("instance", about, revision)
        if news:
            self._boards.changed(news)

    async def _listen(self) -> None:
        """Hear what other processes publish, for as long as Redis lives; then try again."""
        while settings.REDIS_URL:
            try:
                await self._hear()
            except (redis.RedisError, OSError) as error:
                if self.quick:
                    log.warning("live.deaf", error=str(error))
            self.quick = False
            await asyncio.sleep(REST)

    async def _hear(self) -> None:
        client = redis.asyncio.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0), decode_responses=True
        )
        async with client, client.pubsub() as ear:
            await ear.subscribe(CHANNEL)
            heard = _time()
            while True:
                message = await ear.get_message(timeout=LISTEN)
                if message is None:
                    if _time() - heard > DEAF:
                        raise redis.ConnectionError("no answer to a ping")
                    await ear.ping()
                    continue
                heard, self.quick = _time(), True
                self._heard.set()
                if message["type"] == "message":
                    self.tell(read_news(message["data"]))

    async def _beat(self) -> None:
        """Every three seconds: find what was missed, tell every socket how things are, check who may stay."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._heard.wait(), PATIENCE)
        while True:
            with suppress(DatabaseError):  # silence tells the pages more honestly than a frame could
                await self._catch_up()
                await self._check()
                self._beats += 1
                for socket in self._subscriptions:
                    socket.note("heartbeat", "live" if self.quick else "slow", self._beats)
            await asyncio.sleep(BEAT)

    async def _catch_up(self) -> None:
        narrowed = self._boards.narrowed
        found = await database_sync_to_async(heads.read)(list(self._watchers), per_workflow=narrowed)
        missed = {about: rev for about, rev in found.revisions.items() if rev > self._told.get(about, 0)}
        before, self._head = self._head, found
        self.tell(missed)
        if found.board != before.board and not missed:
            self._boards.changed(())
        moved = {name for name, head in found.boards.items() if head != before.boards.get(name)}
        if moved:
            self._boards.changed_in(moved)

    async def _check(self) -> None:
        due = [socket for socket in self._subscriptions if _time() - socket.checked_at >= RECHECK]
        if not due:
            return
        viewers = await database_sync_to_async(rights.viewers)({socket.session_key for socket in due})
        for socket in due:
            socket.checked_at = _time()
            viewer = viewers.get(socket.session_key)
            if viewer is None:
                await socket.refuse()
            elif viewer != socket.viewer:
                await socket.start_again()


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of this process (of the running event loop)."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())


def _time() -> float:
    return asyncio.get_running_loop().time()
