"""The record of who did what, refused attempts included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from workflows.models import AuditEntry
from workflows.queries.keys import called
from workflows.queries.pages import MAX_SIZE, Page, keyset
from workflows.queries.visibility import Viewer, visible_to


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One act of a person, client, policy or the system. `allowed` False: it was refused, and `refusal` says why."""

    id: int
    act_id: UUID
    at: datetime
    actor_kind: str
    actor: str
    action: str
    workflow: str
    instance_id: UUID | None
    target: str
    allowed: bool
    refusal: str
    reason: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    correlation_id: str
    through: str


_COLUMNS = tuple(one.name for one in fields(AuditRow))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilters:
    """What the record is narrowed to; empty fields do not narrow."""

    actor: str = ""
    #: any of user, client, policy and system
    kinds: tuple[str, ...] = ()
    action: str = ""
    workflow: str = ""
    instance_id: UUID | None = None
    #: the number of a case (any case of letters), an instance id, or whatever else an act was about
    number: str = ""
    target: str = ""
    through: str = ""
    correlation_id: str = ""
    act_id: UUID | None = None
    allowed: bool | None = None
    #: from then on
    after: datetime | None = None
    #: until just before then
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Lately:
    """Names that occur in the newest part of the record."""

    actors: list[str]
    actions: list[str]


#: acts that are looked at for the names that filters offer
LATELY = 2000
#: filters that name a column, and the column
_EXACTLY = {
    "actor": "actor", "kinds": "actor_kind__in", "action": "action", "workflow": "workflow",
    "instance_id": "instance_id", "target": "target", "through": "through", "correlation_id": "correlation_id",
    "act_id": "act_id", "allowed": "allowed", "after": "at__gte", "before": "at__lt",
}  # fmt: skip


def page(viewer: Viewer, filters: AuditFilters, *, size: int = 50, cursor: str = "") -> Page[AuditRow]:
    """One page, newest first. What concerns no workflow is for those who see all of them. Raises `pages.BadCursor`."""
    found = _matching(viewer, filters)
    return keyset(found, _read, size=size, cursor=cursor, descending=True, position=lambda row: row.id)


def count(viewer: Viewer, filters: AuditFilters, *, stop_at: int) -> int:
    """How many match, counted up to `stop_at`."""
    return _matching(viewer, filters).values("id")[:stop_at].count()


def batches(viewer: Viewer, filters: AuditFilters, *, below: int) -> Iterator[list[AuditRow]]:
    """Everything older than row `below`, newest first, a batch in memory at a time."""
    while rows := _read(_matching(viewer, filters).filter(id__lt=below).order_by("-id")[:MAX_SIZE]):
        yield rows
        below = rows[-1].id


def lately(viewer: Viewer) -> Lately:
    """Who did what among the newest acts, accepted starts left out: what filters can offer. One bounded query."""
    newest = visible_to(viewer, AuditEntry.objects.exclude(action="start")).order_by("-id")[:LATELY]
    pairs = set(newest.values_list("actor", "action"))
    return Lately(sorted({actor for actor, _ in pairs}), sorted({action for _, action in pairs}))


def _matching(viewer: Viewer, filters: AuditFilters) -> QuerySet[AuditEntry]:
    asked = {lookup: getattr(filters, name) for name, lookup in _EXACTLY.items()}
    found = visible_to(viewer, AuditEntry.objects.all())
    found = found.filter(**{lookup: value for lookup, value in asked.items() if value not in ("", (), None)})
    return found.filter(_about(filters.number)) if filters.number else found


def _about(number: str) -> Q:
    """Acts on the instances with this number, or on something else that is called so."""
    spellings = {number, number.upper(), number.lower()}
    return Q(instance_id__in=called(number)) | Q(instance_id__isnull=True, target__in=spellings)


def _read(found: QuerySet[AuditEntry]) -> list[AuditRow]:
    return [AuditRow(**values) for values in found.values(*_COLUMNS)]
