"""Lists of instances: rows with everything a line or a sentence needs, narrowed by filters, page by page.

Ids are time-ordered, so a page is a keyset on the id: newest first, no row twice, none missed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from workflows import registry
from workflows.models import Instance, Work
from workflows.models.instance import ALIVE
from workflows.queries import redaction, trouble
from workflows.queries.pages import Page, keyset
from workflows.queries.search import by_attribute, matching
from workflows.queries.visibility import Viewer, visible_to

PRIORITIES = {0: "high", 1: "normal", 2: "low"}


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRow:
    """One instance as lists show it. `waiting_*` and `next_*` are the words of `core.face.Face`."""

    id: UUID
    workflow: str
    version: int
    key: str
    run: int
    generation: int
    priority: int
    lifecycle: str
    status: str
    stage: str
    since: datetime
    needs_person: bool
    step: str
    dependency: str
    waiting_kind: str
    waiting_name: str
    waiting_until: datetime | None
    next_what: str
    next_at: datetime | None
    owner: str
    reason: str
    deadline_at: datetime | None
    #: empty, near or passed
    deadline_state: str
    initiator_kind: str
    initiator: str
    correlation_id: str
    #: masked as the viewer's rights demand
    attributes: Mapping[str, Any]
    revision: int
    seq: int
    started_at: datetime
    updated_at: datetime
    ended_at: datetime | None


#: The columns of a row; the state and payloads of an instance are never read for a list.
COLUMNS = tuple(one.name for one in fields(InstanceRow))


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list is narrowed to; empty fields do not narrow. Several values of one field mean any of them."""

    workflow: tuple[str, ...] = ()
    version: int | None = None
    lifecycle: tuple[str, ...] = ()
    #: True: has not ended; False: has
    alive: bool | None = None
    waiting_kind: tuple[str, ...] = ()
    stage: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    correlation_id: str = ""
    dependency: tuple[str, ...] = ()
    owner: tuple[str, ...] = ()
    started_after: datetime | None = None
    started_before: datetime | None = None
    overdue: bool | None = None
    needs_person: bool | None = None
    step: tuple[str, ...] = ()
    #: keys of causes of trouble (queries.trouble); one that is no such key matches nothing
    cause: tuple[str, ...] = ()
    #: kind of trouble, as causes know it
    trouble: str = ""
    #: systems whose breaker holds the instance's work up
    held_up_by: tuple[str, ...] = ()
    #: the one search box: numbers, customers, references, keys, ids
    q: str = ""
    #: attribute name to value, as text
    attributes: Mapping[str, str] = field(default_factory=dict)


def one(viewer: Viewer, instance_id: UUID) -> InstanceRow | None:
    """The row of one instance; None if there is none for this viewer."""
    return next(iter(some(viewer, [instance_id])), None)


def some(viewer: Viewer, instance_ids: list[UUID]) -> list[InstanceRow]:
    """The rows of these instances, newest first; ids nobody knows, or the viewer may not see, are left out."""
    found = visible_to(viewer, Instance.objects.filter(id__in=instance_ids))
    return _rows(viewer, found.order_by("-id"))


def page(
    viewer: Viewer, filters: Filters, *, size: int = 50, cursor: str = "", oldest_first: bool = False
) -> Page[InstanceRow]:
    """One page, newest first unless asked otherwise. Raises `pages.BadCursor`."""
    return keyset(
        _matching(viewer, filters),
        partial(_rows, viewer),
        size=size,
        cursor=cursor,
        descending=not oldest_first,
        position=lambda row: row.id,
    )


def count(viewer: Viewer, filters: Filters, *, stop_at: int = 10_000) -> int:
    """How many match, counted up to `stop_at`."""
    return _matching(viewer, filters).values("id")[:stop_at].count()


def visible(viewer: Viewer, instance_ids: Collection[UUID]) -> set[UUID]:
    """Those of the ids that exist for this viewer."""
    return set(visible_to(viewer, Instance.objects.filter(id__in=instance_ids)).values_list("id", flat=True))


def workflows_of(instance_ids: Collection[UUID]) -> set[str]:
    """The workflows these instances belong to, for sorting news before anybody is told."""
    return set(Instance.objects.filter(id__in=instance_ids).values_list("workflow", flat=True).distinct())


def _rows(viewer: Viewer, found: QuerySet[Instance]) -> list[InstanceRow]:
    rows = [InstanceRow(**values) for values in found.values(*COLUMNS)]
    return [row if viewer.may_unmask(row.workflow) else _masked(row) for row in rows]


def _masked(row: InstanceRow) -> InstanceRow:
    """The row without personal attributes; without code for its version all are masked."""
    definition = registry.definitions().get((row.workflow, row.version))
    return replace(row, attributes=redaction.attributes(definition, row.attributes))


def _matching(viewer: Viewer, filters: Filters) -> QuerySet[Instance]:
    wanted = _columns(filters)
    if filters.overdue is not None:
        late = Q(ended_at__isnull=True, deadline_at__lte=Now())
        wanted &= (
            late if filters.overdue else Q(ended_at__isnull=False) | Q(deadline_at=None) | Q(deadline_at__gt=Now())
        )
    for name, text in filters.attributes.items():
        wanted &= by_attribute(viewer, name, text)
    if filters.cause:
        wanted &= trouble.any_of(filters.cause)
    if filters.trouble:
        wanted &= trouble.of_kind(filters.trouble)
    if filters.held_up_by:
        parked = Work.objects.filter(parked=True, dependency__in=filters.held_up_by)
        wanted &= Q(id__in=parked.values("instance_id"))
    if filters.q.strip():
        wanted &= matching(viewer, filters.q)
    return visible_to(viewer, Instance.objects.filter(wanted))


def _columns(filters: Filters) -> Q:
    every: dict[str, object] = {
        f"{name}__in": getattr(filters, name) or None
        for name in ("workflow", "lifecycle", "waiting_kind", "stage", "status", "key", "dependency", "owner", "step")
    }
    # What only the living can have is asked of the living: the partial indexes hold nobody else.
    living = filters.needs_person or filters.cause or (filters.lifecycle and set(filters.lifecycle) <= set(ALIVE))
    every |= {
        "version": filters.version,
        "ended_at__isnull": True if living and filters.alive is None else filters.alive,
        "correlation_id": filters.correlation_id or None,
        "started_at__gte": filters.started_after,
        "started_at__lt": filters.started_before,
        "needs_person": filters.needs_person,
    }
    return Q(**{lookup: value for lookup, value in every.items() if value is not None})
