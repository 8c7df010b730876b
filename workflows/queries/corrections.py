"""The way back of everything that is being corrected: how many effects stand where, and the plan of each instance."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Sum

from workflows.dsl.status import COMPENSATING
from workflows.models import Rollup
from workflows.queries.visibility import Viewer, visible_to

#: how far back what was corrected is counted
LATELY = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many corrections of one step stand in one place.

    `phase` is stuck (only a person can go on), retrying, ready, awaiting (the outcome of its attempt), planned, done,
    dropped (nothing had happened) or waived (somebody left it as it is).
    """

    workflow: str
    version: int
    step: str
    phase: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanItem:
    """One effect of one instance; `phase` as in Tally."""

    step: str
    phase: str
    attempts: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Why an instance is corrected, and its plan in the order in which it was made."""

    reason: str
    items: tuple[PlanItem, ...]
    irreversible: tuple[str, ...]


_PHASE = """CASE WHEN item ->> 1 = 'ready' AND coalesce((item -> 2 ->> 1)::int, 0) > 0 THEN 'retrying'
    WHEN item ->> 1 = 'dropped' AND state -> 'correction' -> 'waived' ? (item ->> 0) THEN 'waived'
    ELSE item ->> 1 END"""
_TALLIES = f"""
SELECT workflow, max(version), item ->> 0, {_PHASE}, count(*)
FROM workflows_instance CROSS JOIN LATERAL jsonb_array_elements(state -> 'correction' -> 'items') AS item
WHERE ended_at IS NULL AND status = '{COMPENSATING}' AND (%(sees)s::text[] IS NULL OR workflow = ANY(%(sees)s::text[]))
GROUP BY 1, 3, 4 ORDER BY 1, 3, 4
"""  # noqa: S608 - made of constants
_PLANS = f"""
SELECT id, state #>> '{{correction,reason}}', state #> '{{correction,irreversible}}', item ->> 0, {_PHASE},
       coalesce((item -> 2 ->> 0)::int, 0), coalesce(item -> 2 ->> 5, '')
FROM workflows_instance
CROSS JOIN LATERAL jsonb_array_elements(state -> 'correction' -> 'items') WITH ORDINALITY AS items(item, nth)
WHERE id = ANY(%(ids)s::uuid[]) ORDER BY id, nth
"""  # noqa: S608


def tallies(viewer: Viewer) -> list[Tally]:
    """Every correction that is under way, by process, step and where it stands. One query over the living."""
    with connection.cursor() as cursor:
        cursor.execute(_TALLIES, {"sees": viewer.named})
        rows = cursor.fetchall()
    return [
        Tally(workflow=workflow, version=version, step=step, phase=phase, count=count)
        for workflow, version, step, phase, count in rows
    ]


def plans(ids: Collection[UUID]) -> dict[UUID, Plan]:
    """The plans of these instances. One query, none without ids."""
    if not ids:
        return {}
    found: dict[UUID, Plan] = {}
    with connection.cursor() as cursor:
        cursor.execute(_PLANS, {"ids": list(ids)})
        for instance_id, reason, irreversible, step, phase, attempts, error in cursor.fetchall():
            before = found.get(instance_id)
            item = PlanItem(step=step, phase=phase, attempts=attempts, error=error)
            items = (*before.items, item) if before else (item,)
            lasting = tuple(json.loads(irreversible or "[]"))
            found[instance_id] = Plan(reason=reason or "", items=items, irreversible=lasting)
    return found


def ended(viewer: Viewer, now: datetime) -> dict[str, int]:
    """How many instances ended corrected or cancelled lately: `compensated` and `cancelled`."""
    found = Rollup.objects.filter(name__in=("compensated", "cancelled"), minute__gte=now - LATELY)
    sums = visible_to(viewer, found, "label").values("name").annotate(total=Sum("count")).values_list("name", "total")
    return dict(sums)
