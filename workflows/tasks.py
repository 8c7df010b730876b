"""Celery tasks: wake-up messages. Each is safe to run twice, late or never."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task

from workflows.engine import executor, inbox


@shared_task(name="workflows.look", ignore_result=True)
def look(*, pool: str, instance_id: str | None = None, **kwargs: Any) -> None:
    """Look for work in a pool, at this instance first."""
    executor.look(pool, UUID(instance_id) if instance_id else None)


@shared_task(name="workflows.deliver", ignore_result=True)
def deliver(*, message_id: str, **kwargs: Any) -> None:
    """Hand a stored message to its instance."""
    inbox.deliver(UUID(message_id))
