"""Times that came: due timers are rows, found by the pump, each told to its instance in a transaction of its own.

A vote that came in time and is kept for somebody with the code (`interventions.kept`) goes before them.
"""

from __future__ import annotations

from uuid import UUID

from workflows import registry
from workflows.core.facts import TimeCame
from workflows.engine import apply, clock, failpoints, isolation, store
from workflows.engine.apply import Change
from workflows.engine.store import Lease, Row


def fire_due(limit: int = 500) -> int:
    """Tell every instance whose time has come. Returns how many timers were told."""
    return isolation.each("timer", store.run(_DUE, (limit, list(registry.capabilities()))), fire)


def fire(instance_id: UUID, name: str) -> None:
    """Tell one instance, unless the timer moved or went meanwhile (then somebody else was faster)."""

    def make(row: Row, leases: list[Lease]) -> Change | None:
        failpoints.at("g", row.id)
        still = store.run(_STILL, (row.id, name))
        return Change(TimeCame(name=name)) if still and still[0][0] <= clock.read() else None

    apply.change(instance_id, make)


_DUE = """
SELECT t.instance_id, t.name FROM workflows_timer t JOIN workflows_instance i ON i.id = t.instance_id
WHERE t.fire_at <= clock_timestamp() AND NOT t.held AND i.workflow || '/' || i.version = ANY($2)
  AND NOT EXISTS (SELECT FROM approvals_keptvote k JOIN approvals_approval a ON a.id = k.approval_id
                  WHERE a.subject = t.instance_id)
ORDER BY t.fire_at LIMIT $1
"""
_STILL = "SELECT fire_at FROM workflows_timer WHERE instance_id = $1 AND name = $2 AND NOT held FOR UPDATE"
