"""What happened to one instance: its events in order, with the payloads they refer to where somebody asks for them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from workflows import registry
from workflows.dsl.definition import Definition
from workflows.models import Event, Payload
from workflows.queries import redaction
from workflows.queries.instances import InstanceRow
from workflows.queries.pages import Page, keyset
from workflows.queries.visibility import Viewer, through_instance


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEvent:
    """One event. `type` is the name of a class in `core.events`, `data` its fields as they were stored."""

    seq: int
    generation: int
    at: datetime
    type: str
    schema: int
    actor_kind: str
    actor: str
    step: str
    data: Mapping[str, Any]
    correlation_id: str


COLUMNS = ("seq", "generation", "at", "type", "schema", "actor_kind", "actor", "step", "data", "correlation_id")


def events(instance_id: UUID, *, after: int = 0) -> list[HistoryEvent]:
    """All events behind seq `after`, in order, unmasked: for folding, and for viewers one has asked about."""
    return _read(Event.objects.filter(instance_id=instance_id, seq__gt=after).order_by("seq"))


def page(viewer: Viewer, row: InstanceRow, *, size: int = 100, cursor: str = "") -> Page[HistoryEvent]:
    """One page of what happened to an instance the viewer was shown, in order of seq. Raises `pages.BadCursor`."""
    found = through_instance(viewer, Event.objects.filter(instance_id=row.id))
    definition = registry.definitions().get((row.workflow, row.version))

    def read(some: QuerySet[Event]) -> list[HistoryEvent]:
        events = _read(some)
        return events if viewer.may_unmask(row.workflow) else [redacted(event, definition) for event in events]

    return keyset(found, read, size=size, cursor=cursor, descending=False, position=lambda event: event.seq, by="seq")


def _read(found: QuerySet[Event]) -> list[HistoryEvent]:
    return [HistoryEvent(**values) for values in found.values(*COLUMNS)]


def payloads(instance_id: UUID, seqs: Iterable[int]) -> dict[int, Any]:
    """Payload bodies as JSON data by the seq of their event; None where redaction removed one."""
    found = Payload.objects.filter(instance_id=instance_id, seq__in=list(seqs)).values_list("seq", "body")
    return {seq: json.loads(body) if body is not None else None for seq, body in found}


def redacted(event: HistoryEvent, definition: Definition | None) -> HistoryEvent:
    """The event without personal values; without code for the workflow no values at all."""
    data = dict(event.data)
    if definition is None:
        hidden: dict[str, Any] = {
            name: redaction.MASK for name in ("values", "data", "match", "evidence", "key", "rule") if name in data
        }
        return replace(event, data={**data, **hidden})
    node = definition.by_name.get(event.step)
    if "rule" in data:
        data["rule"] = redaction.rule(definition, node, data["rule"])
    if event.type == "PersonAsked" and "evidence" in data:  # no contract describes it
        data["evidence"] = dict.fromkeys(data["evidence"], redaction.MASK)
    if "values" in data:
        data["values"] = redaction.extracted(definition, event.step or definition.given, data["values"])
    for name, ref in (("match", node.match), ("key", node.idempotent_by)) if node is not None else ():
        if name in data and redaction.is_personal(definition, ref):
            data[name] = redaction.MASK
    if node is not None and event.type == "EventPublished" and "data" in data:
        personal = {name for name, ref in node.fields if redaction.is_personal(definition, ref)}
        data["data"] = redaction.masked(redaction.of_contract(data["data"], node.event), personal)
    return replace(event, data=data)
