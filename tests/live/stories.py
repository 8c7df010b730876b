"""Rows as the engine leaves them, as far as live updates look at them."""

from __future__ import annotations

from uuid import UUID

from django.db.models import F

from workflows.engine import clock, ids
from workflows.models import Event, Instance


def an_instance(key: str) -> str:
    """The id of a new running instance."""
    now = clock.now()
    found = Instance.objects.create(
        id=ids.new_id(), workflow="order", version=1, key=key, lifecycle="running", status="Received", stage="Checking",
        since=now, initiator_kind="user", initiator="vera", correlation_id=key, input_hash="", state={}, seq=1,
        head_hash=b"", started_at=now, updated_at=now,
    )  # fmt: skip
    return str(found.id)


def moved(instance_id: str) -> None:
    """One more revision and one more event, told to nobody."""
    now = clock.now()
    Instance.objects.filter(id=instance_id).update(revision=F("revision") + 1, updated_at=now)
    Event.objects.create(
        instance_id=UUID(instance_id), seq=2, at=now, type="StageEntered", hash=b"", data={"stage": 0}
    )  # fmt: skip
