"""The callback inbox: every message from outside and what became of it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Coalesce

from workflows import registry
from workflows.models import Instance, Message
from workflows.queries import redaction
from workflows.queries.pages import Page, keyset
from workflows.queries.search import searchable_types
from workflows.queries.visibility import Viewer, message_types, of_visible_instance

#: counts end here
MOST = 1000
#: what can become of a message, besides being applied
DISPOSITIONS = ("pending", "late", "duplicate", "conflicting", "invalid", "ignored")


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
    #: the instance's; empty while it belongs to none
    workflow: str
    step: str
    note: str
    disposed_at: datetime | None
    correlation_id: str


_COLUMNS = (
    "id", "source", "webhook_id", "type", "key", "received_at", "state", "instance_id", "step", "note", "disposed_at",
    "correlation_id",
)  # fmt: skip


def page(
    viewer: Viewer,
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
    found = visible(viewer, Message.objects.all())
    if key and viewer.unmasked is not None:  # a hit would confirm a guess
        found = found.filter(type__in=searchable_types(viewer))
    if state:
        found = found.filter(state__in=state)
    for name, value in (("source", source), ("type", kind), ("key", key), ("instance_id", instance_id)):
        if value:
            found = found.filter(**{name: value})
    return keyset(found, partial(_read, viewer), size=size, cursor=cursor, descending=True, position=lambda row: row.id)


def one(viewer: Viewer, message_id: UUID) -> CallbackRow | None:
    """One message; None if there is none for this viewer."""
    return next(iter(_read(viewer, visible(viewer, Message.objects.filter(id=message_id)))), None)


def counts(viewer: Viewer) -> dict[str, int]:
    """How many messages lie in the inbox, by state, each counted up to MOST + 1. What was applied is not counted."""
    found = visible(viewer, Message.objects.exclude(state="applied"))
    few = [found.filter(state=state).order_by().values("state")[: MOST + 1] for state in DISPOSITIONS]
    seen = few[0].union(*few[1:], all=True)
    return dict(Counter(row["state"] for row in seen))


def visible(viewer: Viewer, found: QuerySet[Message]) -> QuerySet[Message]:
    """Messages for instances the viewer may see, and those for nobody (yet) of a type that such an instance awaits."""
    if viewer.sees is None:
        return found
    unmatched = Q(instance_id__isnull=True, type__in=message_types(viewer))
    return found.filter(unmatched | Q(of_visible_instance(viewer)))


def _masked(viewer: Viewer, row: CallbackRow) -> CallbackRow:
    """The message without what is personal to anybody who may await it; of a type nobody declares, no data at all."""
    awaiting = [
        (definition, node)
        for definition in registry.definitions().values()
        for node in definition.nodes
        if node.message == row.type and row.workflow in ("", definition.name)
    ]
    hidden = [(definition, node) for definition, node in awaiting if not viewer.may_unmask(definition.name)]
    if not awaiting:
        return row if viewer.unmasked is None else replace(row, data=redaction.MASK, key=redaction.MASK)
    data = row.data
    for _, node in hidden:
        data = redaction.of_message(data, node.output)
    personal = any(redaction.is_personal(definition, node.match) for definition, node in hidden)
    return replace(row, data=data, key=redaction.MASK if personal else row.key)


def _read(viewer: Viewer, found: QuerySet[Message]) -> list[CallbackRow]:
    workflow = Instance.objects.filter(id=OuterRef("instance_id")).values("workflow")
    rows = found.annotate(workflow=Coalesce(Subquery(workflow), Value(""), output_field=TextField())).values(
        *_COLUMNS, "workflow", "body"
    )
    read = [CallbackRow(data=json.loads(row.pop("body")), **row) for row in rows]
    return [_masked(viewer, row) for row in read]
