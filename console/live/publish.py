"""Tells every web process that instances changed, without ever making the engine wait.

The caller only notes what changed. One thread per process sends it: the first change at once, then at most one message
per 50 ms. A nudge may get lost; viewers notice within a heartbeat, because that reads PostgreSQL.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence

import redis
import structlog
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

CHANNEL = "watchkeeper:live"
#: seconds between two messages of one process, and the rest after a failed one
PAUSE, REST = 0.05, 1.0
#: pairs per message, and how many changes may wait before the oldest news is given up
BATCH, CAPACITY = 500, 20_000

log = structlog.get_logger(__name__)


def changed(pairs: Sequence[tuple[str, int]]) -> None:
    """Note that these (instance id, revision) pairs are committed. Never blocks, never raises."""
    if settings.REDIS_URL:
        _publisher().note(pairs)


class Publisher:
    """The sending thread of one process and what it has still to say. Only the newest revision of an id is kept."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(
            url, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0)
        )  # fmt: skip
        self._pending: dict[str, int] = {}
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-publisher", daemon=True)
        self._thread.start()

    def note(self, pairs: Sequence[tuple[str, int]]) -> None:
        """Remember the pairs for the next message."""
        with self._lock:
            for instance_id, revision in pairs:
                if revision > self._pending.get(instance_id, -1):
                    self._pending[instance_id] = revision
            if len(self._pending) > CAPACITY:
                self._pending.clear()
        self._news.set()

    def close(self) -> None:
        """Send what is pending, once, and end the thread."""
        self._closed.set()
        self._news.set()
        self._thread.join(timeout=3)
        self._client.close()

    def _run(self) -> None:
        while not self._closed.is_set():
            self._news.wait()
            self._news.clear()
            self._closed.wait(PAUSE if self._send() else REST)
        self._send()

    def _send(self) -> bool:
        with self._lock:
            told, self._pending = list(self._pending.items()), {}
        try:
            for start in range(0, len(told), BATCH):
                self._client.publish(CHANNEL, json.dumps(told[start : start + BATCH]))
        except (redis.RedisError, OSError) as error:
            log.info("live.unheard", changes=len(told), error=str(error))
            return False
        return True


_made: dict[int, Publisher] = {}
_making = threading.Lock()


def _publisher() -> Publisher:
    """The publisher of this process; a forked child gets its own, because threads do not survive a fork."""
    process = os.getpid()
    found = _made.get(process)
    if found is not None:
        return found
    with _making:
        if process not in _made:
            _made.clear()
            _made[process] = Publisher(settings.REDIS_URL)
        return _made[process]


def _renew_lock() -> None:
    global _making
    _making = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)
