"""Rows as the engine leaves them, for tests that look at pages and news but run no work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group, User
from django.db.models import F

from workflows.engine import clock, ids
from workflows.models import Event, Instance, Session


def person(name: str, role: str = "support") -> User:
    """A user with one role; an empty one gives none."""
    account = User.objects.create_user(name, password="secret")
    if role:
        account.groups.add(Group.objects.get_or_create(name=role)[0])
    return account


def an_instance(key: str, **said: Any) -> str:
    """The id of a new instance: a running order, unless more is said."""
    now = clock.now()
    values: dict[str, Any] = {
        "workflow": "order", "version": 1, "lifecycle": "running", "status": "StockCheckPending", "stage": "Checking",
        "since": now, "initiator_kind": "user", "initiator": "vera", "correlation_id": key, "input_hash": "",
        "state": {}, "seq": 1, "head_hash": b"", "started_at": now, "updated_at": now, "owner": "order-desk",
    }  # fmt: skip
    return str(Instance.objects.create(id=ids.new_id(), key=key, **(values | said)).id)


def stuck(key: str, **said: Any) -> str:
    """An order whose payment needs a person."""
    values = {
        "lifecycle": "waiting", "needs_person": True, "status": "PaymentFailed", "stage": "Payment", "step": "charge",
        "dependency": "payments", "waiting_kind": "person", "owner": "payments-team", "reason": "payments failed (500)",
    }  # fmt: skip
    return an_instance(key, **(values | said))


def retrying(key: str, **said: Any) -> str:
    """An order whose payment is tried again by itself."""
    values = {
        "lifecycle": "waiting", "status": "PaymentRetrying", "stage": "Payment", "step": "charge",
        "dependency": "payments", "waiting_kind": "retry", "waiting_name": "payments", "next_what": "attempt",
        "next_at": clock.now(),
    }  # fmt: skip
    return an_instance(key, **(values | said))


def ended(key: str, lifecycle: str = "completed", status: str = "Delivered", **said: Any) -> str:
    """An order that is over."""
    values = {"lifecycle": lifecycle, "status": status, "stage": "Delivery", "ended_at": clock.now()}
    return an_instance(key, **(values | said))


def moved(instance_id: str) -> None:
    """One more revision and one more event, told to nobody."""
    now = clock.now()
    Instance.objects.filter(id=instance_id).update(revision=F("revision") + 1, updated_at=now)
    Event.objects.create(
        instance_id=UUID(instance_id), seq=2, at=now, type="StageEntered", hash=b"", data={"stage": 0}
    )  # fmt: skip


def alive(*kinds: str) -> None:
    """Processes of these kinds (worker, pump) that live for a minute."""
    now = clock.now()
    for kind in kinds:
        Session.objects.create(
            id=ids.new_id(), kind=kind, host="here", process=1, started_at=now, alive_until=now + timedelta(minutes=1)
        )
