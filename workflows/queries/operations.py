"""What people asked for and what came of it: accepted, running, verified by evidence, or failed again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from workflows.models import Instance, Operation
from workflows.queries.pages import Page, keyset
from workflows.queries.visibility import Viewer, through_instance


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRow:
    """One act. `evidence` names the history seq that decided it."""

    id: UUID
    action: str
    instance_id: UUID
    actor_kind: str
    actor: str
    reason: str
    state: str
    accepted_at: datetime
    accepted_seq: int
    decided_at: datetime | None
    evidence: Mapping[str, Any]
    error: str


_COLUMNS = tuple(one.name for one in fields(OperationRow))
#: how far an operation in this state is; it only ever grows
STAGES = {"accepted": 1, "running": 2, "verified": 3, "failed": 3}


def one(viewer: Viewer, operation_id: UUID) -> OperationRow | None:
    """One operation; None if there is none for this viewer."""
    return next(iter(_read(through_instance(viewer, Operation.objects.filter(id=operation_id)))), None)


def page(
    viewer: Viewer,
    *,
    instance_id: UUID | None = None,
    state: tuple[str, ...] = (),
    actor: str = "",
    size: int = 50,
    cursor: str = "",
) -> Page[OperationRow]:
    """One page, newest first. Raises `pages.BadCursor`."""
    found = through_instance(viewer, Operation.objects.all())
    if instance_id:
        found = found.filter(instance_id=instance_id)
    if state:
        found = found.filter(state__in=state)
    if actor:
        found = found.filter(actor=actor)
    return keyset(found, _read, size=size, cursor=cursor, descending=True, position=lambda row: row.id)


def in_the_news(viewer: Viewer, ids: Collection[UUID]) -> set[UUID]:
    """Those of the ids that are of operations the viewer may see."""
    return set(through_instance(viewer, Operation.objects.filter(id__in=ids)).values_list("id", flat=True))


def heads(ids: Collection[UUID]) -> dict[UUID, int]:
    """How far those of the ids are that are of operations."""
    found = Operation.objects.filter(id__in=ids).values_list("id", "state")
    return {operation_id: STAGES[state] for operation_id, state in found}


def workflows_of(ids: Collection[UUID]) -> set[str]:
    """The workflows that the operations among the ids are about, for sorting news before anybody is told."""
    about = Operation.objects.filter(id__in=ids).values("instance_id")
    return set(Instance.objects.filter(id__in=about).values_list("workflow", flat=True).distinct())


def _read(found: QuerySet[Operation]) -> list[OperationRow]:
    return [OperationRow(**values) for values in found.values(*_COLUMNS)]
