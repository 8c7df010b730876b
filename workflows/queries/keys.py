"""What belongs to a business key: its runs, or why there is none, and which keys come close."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from workflows.models import Instance, RefusedStart, Tombstone
from workflows.queries.visibility import Viewer, visible_to

#: neighbours and refusals that are worth showing
FEW = 6


@dataclass(frozen=True, slots=True)
class Run:
    """One run for a key."""

    id: UUID
    run: int
    lifecycle: str
    status: str
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A start under this key that was not accepted, and why: pairs of field and message."""

    at: datetime
    actor: str
    problems: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Near:
    """An instance whose key looks like the one that was asked for."""

    workflow: str
    key: str
    status: str


@dataclass(frozen=True, slots=True)
class Absent:
    """Why there is nothing under a key: refused at intake, archived, or never received (both empty)."""

    refused: list[Refused]
    archived_at: datetime | None
    near: list[Near]


def runs(viewer: Viewer, workflow: str, key: str) -> list[Run]:
    """All runs, newest first."""
    found = visible_to(viewer, Instance.objects.filter(workflow=workflow, key=key)).order_by("-run")
    return [Run(*values) for values in found.values_list("id", "run", "lifecycle", "status", "started_at", "ended_at")]


def spelled_otherwise(viewer: Viewer, workflow: str, key: str) -> str:
    """The existing key that differs only in case or surrounding spaces; empty if there is none or more than one."""
    spellings = {key.strip(), key.strip().upper(), key.strip().lower()} - {key}
    spelled = visible_to(viewer, Instance.objects.filter(workflow=workflow, key__in=spellings))
    found = spelled.values_list("key", flat=True).distinct()[:2]
    return found[0] if len(found) == 1 else ""


def called(number: str) -> set[UUID]:
    """The ids of all instances with this business key, whichever process, in any case of letters; archived ones, too.

    Not narrowed to a viewer: for conditions of queries that are.
    """
    spellings = {number, number.upper(), number.lower()}
    ids = set(Instance.objects.filter(key__in=spellings).values_list("id", flat=True))
    ids |= set(Tombstone.objects.filter(key__in=spellings).values_list("instance_id", flat=True))
    with suppress(ValueError):
        ids.add(UUID(number))
    return ids


def absent(viewer: Viewer, workflow: str, key: str) -> Absent:
    """Why nothing is there, as far as the viewer may know. Four queries."""
    refused = visible_to(viewer, RefusedStart.objects.filter(workflow=workflow, key__iexact=key)).order_by("-at")[:FEW]
    tombstone = visible_to(viewer, Tombstone.objects.filter(workflow=workflow, key=key)).order_by("-run").first()
    return Absent(
        [Refused(row.at, row.actor, [(field, message) for field, message in row.problems]) for row in refused],
        tombstone.ended_at if tombstone else None,
        _near(visible_to(viewer, Instance.objects.all()), workflow, key),
    )


def _near(known: QuerySet[Instance], workflow: str, key: str) -> list[Near]:
    """The same key elsewhere first, then keys with the same beginning, shortened until something is found."""
    same = list(_some(known.filter(key=key).exclude(workflow=workflow)))
    for length in dict.fromkeys((len(key) - 1, max(len(key) // 2, 2))):
        if length >= 2:
            beginning = known.filter(key__startswith=key[:length]).exclude(key=key).order_by("key", "-run")
            found = list(_some(beginning))
            if found:
                return [*same, *found][:FEW]
    return same


def _some(found: Any) -> list[Near]:
    return [Near(*values) for values in found.values_list("workflow", "key", "status")[:FEW]]
