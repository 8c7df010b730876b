"""Wake-up messages through the broker: "look at this". They may be lost, doubled or late; the rows are the truth.

A hint is skipped while enough are outstanding, because every woken worker goes on until the pool is empty.
A broker that is down is noticed here, remembered for a second, and nobody waits for it.
"""

from __future__ import annotations

import time
from functools import cache
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

log = structlog.get_logger(__name__)
_quiet_until = 0.0


def wake(pool: str, instance_id: UUID | None = None) -> None:
    """Ask a worker of this pool to look for work, at this instance first."""
    if _resting():
        return
    try:
        if _client().llen(pool) >= ENOUGH:  # type: ignore[operator]
            return
        arguments = {"pool": pool, "instance_id": str(instance_id) if instance_id else None}
        current_app.send_task("workflows.look", kwargs=arguments, queue=pool, ignore_result=True, retry=False)
    except (redis.RedisError, KombuError, OSError) as error:
        _rest(error)


def deliver(message_id: UUID) -> None:
    """Ask a worker to hand a stored message to its instance."""
    if _resting():
        return
    try:
        arguments = {"message_id": str(message_id)}
        current_app.send_task("workflows.deliver", kwargs=arguments, queue="default", ignore_result=True, retry=False)
    except (redis.RedisError, KombuError, OSError) as error:
        _rest(error)


def _resting() -> bool:
    return not settings.REDIS_URL or time.monotonic() < _quiet_until


def _rest(error: Exception) -> None:
    global _quiet_until
    _quiet_until = time.monotonic() + _REST
    log.warning("broker.unreachable", error=str(error))


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
