"""The record of who did what, refused attempts included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from workflows.models import AuditEntry
from workflows.queries.pages import Page, keyset
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
    actor_kind: str = ""
    action: str = ""
    workflow: str = ""
    instance_id: UUID | None = None
    target: str = ""
    through: str = ""
    correlation_id: str = ""
    allowed: bool | None = None
    at_after: datetime | None = None
    at_before: datetime | None = None


def page(viewer: Viewer, filters: AuditFilters, *, size: int = 50, cursor: str = "") -> Page[AuditRow]:
    """One page, newest first. What concerns no workflow is for those who see all of them. Raises `pages.BadCursor`."""
    found = visible_to(viewer, AuditEntry.objects.all())
    for name in ("actor", "actor_kind", "action", "workflow", "instance_id", "target", "through", "correlation_id"):
        if getattr(filters, name):
            found = found.filter(**{name: getattr(filters, name)})
    if filters.allowed is not None:
        found = found.filter(allowed=filters.allowed)
    if filters.at_after:
        found = found.filter(at__gte=filters.at_after)
    if filters.at_before:
        found = found.filter(at__lt=filters.at_before)
    return keyset(found, _read, size=size, cursor=cursor, descending=True, position=lambda row: row.id)


def _read(found: QuerySet[AuditEntry]) -> list[AuditRow]:
    return [AuditRow(**values) for values in found.values(*_COLUMNS)]
