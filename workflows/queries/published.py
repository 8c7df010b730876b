"""Published events in the order every subscriber gets them, and who subscribed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.db.models.expressions import RawSQL

from workflows import registry
from workflows.dsl.definition import Node
from workflows.events import Published
from workflows.models import Delivery, OutboxEvent, Subscription
from workflows.queries import redaction
from workflows.queries.keys import called
from workflows.queries.visibility import Viewer, visible_to

_COLUMNS = ("id", "workflow", "type", "schema_version", "subject", "at", "data", "correlation_id", "traceparent")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionRow:
    """One subscriber and how far it is. The secret is not part of it."""

    id: int
    name: str
    url: str
    types: tuple[str, ...]
    active: bool
    created_at: datetime
    pending: int
    delivered: int
    dead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A published event on its way to one subscriber. `state` is pending, delivered or dead."""

    subscriber: str
    state: str
    attempts: int
    next_at: datetime
    delivered_at: datetime | None
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRow:
    """One published event, masked as the viewer's rights demand, and who has received it."""

    event: Published
    instance_id: UUID
    #: dense per instance, from 1
    number: int
    parcels: tuple[Parcel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilters:
    """What the published events are narrowed to; empty fields do not narrow."""

    workflow: str = ""
    type: str = ""
    #: the number of a case, in any case of letters, or its id
    number: str = ""


def recent(
    viewer: Viewer, filters: EventFilters, *, size: int = 50, before: UUID | None = None
) -> list[PublishedRow] | None:
    """Events published before `before`, the newest first; None when `before` names no event of this viewer's.

    Two queries, however many subscribers there are.
    """
    mine = found = visible_to(viewer, OutboxEvent.objects.all())
    for name in ("workflow", "type"):
        if getattr(filters, name):
            found = found.filter(**{name: getattr(filters, name)})
    if filters.number:
        found = found.filter(instance_id__in=called(filters.number))
    if before is not None:
        if not mine.filter(id=before).exists():
            return None
        behind = RawSQL("(xid, id) < (SELECT xid, id FROM workflows_outboxevent WHERE id = %s)", (before,))
        found = found.annotate(behind=behind).filter(behind=True)
    rows = list(found.order_by("-xid", "-id").values("instance_id", "number", *_COLUMNS)[:size])
    parcels = _parcels([row["id"] for row in rows])
    return [
        PublishedRow(
            event=_masked(viewer, Published(**{name: row[name] for name in _COLUMNS})),
            instance_id=row["instance_id"],
            number=row["number"],
            parcels=tuple(parcels.get(row["id"], ())),
        )
        for row in rows
    ]


def _parcels(ids: list[UUID]) -> dict[UUID, list[Parcel]]:
    columns = ("event_id", "subscription__name", "state", "attempts", "next_at", "delivered_at", "error")
    found: dict[UUID, list[Parcel]] = {}
    rows = Delivery.objects.filter(event_id__in=ids).order_by("subscription__name")
    for event_id, name, state, attempts, next_at, delivered_at, error in rows.values_list(*columns):
        parcel = Parcel(
            subscriber=name, state=state, attempts=attempts, next_at=next_at, delivered_at=delivered_at, error=error
        )
        found.setdefault(event_id, []).append(parcel)
    return found


def _masked(viewer: Viewer, event: Published) -> Published:
    return event if viewer.may_unmask(event.workflow) else redacted(event)


def events(
    viewer: Viewer,
    *,
    types: tuple[str, ...] = (),
    after: UUID | None = None,
    instance_id: UUID | None = None,
    size: int = 100,
) -> list[Published] | None:
    """Events behind `after` in publishing order; None when `after` names no event of this viewer's.

    Only events that no running transaction can still overtake are told, so a reader who follows `after` misses none.
    """
    mine = visible_to(viewer, OutboxEvent.objects.all())
    found = mine.annotate(settled=RawSQL("xid < pg_snapshot_xmin(pg_current_snapshot())", ()))
    found = found.filter(settled=True)
    if after is not None:
        if not mine.filter(id=after).exists():
            return None
        behind = RawSQL("(xid, id) > (SELECT xid, id FROM workflows_outboxevent WHERE id = %s)", (after,))
        found = found.annotate(behind=behind).filter(behind=True)
    if types:
        found = found.filter(type__in=types)
    if instance_id is not None:
        found = found.filter(instance_id=instance_id)
    events = [Published(**values) for values in found.order_by("xid", "id").values(*_COLUMNS)[:size]]
    return [_masked(viewer, event) for event in events]


def redacted(event: Published) -> Published:
    """The event without personal fields, by its contract and by where its fields come from."""
    nodes = _nodes(event)
    if not nodes:
        return replace(event, data=dict.fromkeys(event.data, redaction.MASK))
    data: Mapping[str, Any] = event.data
    for personal, node in nodes:
        data = redaction.masked(redaction.of_contract(data, node.event), personal)
    return replace(event, data=data)


def _nodes(event: Published) -> list[tuple[set[str], Node]]:
    return [
        ({name for name, ref in node.fields if redaction.is_personal(definition, ref)}, node)
        for definition in registry.definitions().values()
        for node in definition.nodes
        if definition.name == event.workflow and node.event is not None and node.event.__name__ == event.type
    ]


def subscriptions() -> list[SubscriptionRow]:
    """Every subscription with its deliveries counted, by name."""
    return _read(Subscription.objects.order_by("name"))


def subscription(subscription_id: int) -> SubscriptionRow | None:
    """One subscription."""
    return next(iter(_read(Subscription.objects.filter(id=subscription_id))), None)


def _read(found: QuerySet[Subscription]) -> list[SubscriptionRow]:
    counts = {state: Count("delivery", filter=Q(delivery__state=state)) for state in ("pending", "delivered", "dead")}
    rows = found.annotate(**counts).values("id", "name", "url", "types", "active", "created_at", *counts)
    return [SubscriptionRow(**{**row, "types": tuple(row["types"])}) for row in rows]
