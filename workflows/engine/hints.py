"""Wake-up messages through the broker: "look at this". They may be lost, doubled or late; the rows are the truth.

A hint is skipped while enough are outstanding, because every woken worker goes on until the pool is empty. A thread of
its own sends them, so that nobody who starts, approves or commits ever waits for the broker; one that is down is
noticed, remembered for a second, and its hints are dropped: the sweeper makes new ones from the rows.
"""

from __future__ import annotations

import atexit
import os
import queue
import threading
import time
from functools import cache
from typing import Any
from uuid import UUID

import redis
import structlog
from celery import current_app
from django.conf import settings
from kombu.exceptions import KombuError

#: More outstanding wake-ups than this per pool change nothing.
ENOUGH = 8
#: After a failed publish the broker is left alone for this long, in seconds.
_REST = 1.0
#: A queue that was found long enough is not measured again for this long, in seconds.
_FULL = 0.02
#: Hints that wait to be sent; more are dropped.
_ROOM = 1000

log = structlog.get_logger(__name__)


def wake(pool: str, instance_id: UUID | None = None) -> None:
    """Ask a worker of this pool to look for work, at this instance first. Returns at once and never raises."""
    _mailbox().put("workflows.look", pool, {"pool": pool, "instance_id": str(instance_id) if instance_id else None})


def deliver(message_id: UUID) -> None:
    """Ask a worker to hand a stored message to its instance. Returns at once and never raises."""
    _mailbox().put("workflows.deliver", "default", {"message_id": str(message_id)})


class _Mailbox:
    """A bounded queue and the thread that empties it into the broker."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.waiting: queue.Queue[tuple[str, str, dict[str, Any]] | None] = queue.Queue(_ROOM)
        self.quiet_until = 0.0
        self.full_until: dict[str, float] = {}
        self.thread = threading.Thread(target=self._send_all, name="hints", daemon=True)
        self.thread.start()
        atexit.register(self._finish)

    def put(self, task: str, pool: str, arguments: dict[str, Any]) -> None:
        if not settings.REDIS_URL:
            return
        try:
            self.waiting.put_nowait((task, pool, arguments))
        except queue.Full:
            return  # enough are on their way to wake everybody

    def _send_all(self) -> None:
        while (hint := self.waiting.get()) is not None:
            if time.monotonic() >= self.quiet_until:
                self._send(*hint)

    def _send(self, task: str, pool: str, arguments: dict[str, Any]) -> None:
        try:
            if task == "workflows.look" and self._enough(pool):
                return
            current_app.send_task(task, kwargs=arguments, queue=pool, ignore_result=True, retry=False)
        except (redis.RedisError, KombuError, OSError) as error:
            self.quiet_until = time.monotonic() + _REST
            log.warning("broker.unreachable", error=str(error))

    def _enough(self, pool: str) -> bool:
        """Whether so many wake-ups are outstanding that one more would change nothing."""
        if time.monotonic() < self.full_until.get(pool, 0.0):
            return True
        full = _client().llen(pool) >= ENOUGH
        if full:
            self.full_until[pool] = time.monotonic() + _FULL
        return full

    def _finish(self) -> None:
        """A command that ends sends its last hints, but waits no longer than a second for that."""
        if self.process == os.getpid() and self.waiting.qsize() < _ROOM:
            self.waiting.put(None)
            self.thread.join(timeout=1)


_box: _Mailbox | None = None
_opening = threading.Lock()


def _mailbox() -> _Mailbox:
    global _box
    if _box is None or _box.process != os.getpid():
        with _opening:
            if _box is None or _box.process != os.getpid():
                _box = _Mailbox()
    return _box


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
