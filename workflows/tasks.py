"""Celery tasks: wake-up messages. Each is safe to run twice, late or never."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import structlog
from celery import shared_task
from celery.signals import worker_process_init, worker_ready, worker_shutdown, worker_shutting_down
from django.db import connection

from workflows.engine import delivery, executor, gate, sessions, wire
from workflows.engine.patience import AWAY

log = structlog.get_logger(__name__)


@shared_task(name="workflows.look", ignore_result=True)
def look(*, pool: str, instance_id: str | None = None, **kwargs: Any) -> None:
    """Look for work in a pool, at this instance first."""
    with dropped_while_away("look"):
        executor.look(pool, UUID(instance_id) if instance_id else None)


@shared_task(name="workflows.deliver", ignore_result=True)
def deliver(*, message_id: str, **kwargs: Any) -> None:
    """Hand a stored message to its instance."""
    with dropped_while_away("deliver"):
        delivery.deliver(UUID(message_id))


@contextmanager
def dropped_while_away(hint: str) -> Iterator[None]:
    """A hint that finds the database away is dropped: the sweeper makes a new one from the rows."""
    try:
        yield
    except AWAY as error:
        log.warning("hint.database_away", hint=hint, error=str(error).split("\n")[0])
        connection.close()


@worker_ready.connect
def _begin(sender: Any, **kwargs: Any) -> None:
    """A worker with a threads pool executes in this process and shows at once that it is alive."""
    sessions.THREADS = sender.controller.concurrency
    with dropped_while_away("breakers"):
        gate.open_up()
    if sender.controller.pool.__module__.endswith(("thread", "solo")):
        gate.watch()
        wire.keep_plans()
        with dropped_while_away("session"):
            sessions.current()


@worker_process_init.connect
def _begin_child(**kwargs: Any) -> None:
    """A prefork child executes one attempt at a time and has a session of its own."""
    sessions.THREADS = 1
    gate.watch()
    wire.keep_plans()
    sessions.current()


@worker_shutting_down.connect
def _drain(**kwargs: Any) -> None:
    """Take nothing new; what runs may finish."""
    sessions.drain()


@worker_shutdown.connect
def _end(**kwargs: Any) -> None:
    """Give the lease up, so that nothing has to expire."""
    sessions.end()
