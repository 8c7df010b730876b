"""The callback inbox: every message from outside and what became of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from workflows import registry
from workflows.models import Message
from workflows.queries import redaction
from workflows.queries.pages import Page, keyset


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackRow:
    """One inbound message. `state` is pending, applied, late, duplicate, conflicting, invalid or ignored."""

    id: UUID
    source: str
    webhook_id: str
    type: str
    key: str
    #: the message's data as JSON data
    data: Any
    received_at: datetime
    state: str
    instance_id: UUID | None
    step: str
    note: str
    disposed_at: datetime | None
    correlation_id: str


_COLUMNS = (
    "id", "source", "webhook_id", "type", "key", "received_at", "state", "instance_id", "step", "note", "disposed_at",
    "correlation_id",
)  # fmt: skip


def page(
    *,
    state: tuple[str, ...] = (),
    source: str = "",
    kind: str = "",
    key: str = "",
    instance_id: UUID | None = None,
    size: int = 50,
    cursor: str = "",
) -> Page[CallbackRow]:
    """One page, newest first. Raises `pages.BadCursor`."""
    found = Message.objects.all()
    if state:
        found = found.filter(state__in=state)
    for name, value in (("source", source), ("type", kind), ("key", key), ("instance_id", instance_id)):
        if value:
            found = found.filter(**{name: value})
    return keyset(found, _read, size=size, cursor=cursor, descending=True, position=lambda row: row.id)


def one(message_id: UUID) -> CallbackRow | None:
    """One message."""
    return next(iter(_read(Message.objects.filter(id=message_id))), None)


def redacted(row: CallbackRow) -> CallbackRow:
    """The message without personal fields; one of a type nobody declares shows no data at all."""
    contracts = {
        node.output
        for definition in registry.definitions().values()
        for node in definition.nodes
        if node.message == row.type
    }
    data = row.data if contracts else redaction.MASK
    for contract in contracts:
        data = redaction.of_contract(data, contract)
    return replace(row, data=data)


def _read(found: QuerySet[Message]) -> list[CallbackRow]:
    rows = found.values(*_COLUMNS, "body")
    return [CallbackRow(**{name: row[name] for name in _COLUMNS}, data=json.loads(row["body"])) for row in rows]
