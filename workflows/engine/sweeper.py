"""Finds what nobody holds any more: dead sessions, lost attempts, forgotten hints, undelivered messages.

Nothing expires within one lease after PostgreSQL started, because nobody could renew while it was away.
"""

from __future__ import annotations

from uuid import UUID

import structlog

from workflows import registry
from workflows.core.facts import Lost
from workflows.core.state import Direction
from workflows.core.wants import called
from workflows.engine import apply, delivery, gate, hints, isolation, store
from workflows.engine.apply import Change
from workflows.engine.sessions import LEASE_SECONDS
from workflows.engine.store import Lease, Row

log = structlog.get_logger(__name__)

DEAD = "the worker stopped answering"
SLOW = "the attempt took longer than its time-out"


def sweep() -> int:
    """One round. Returns how many attempts were declared lost."""
    for session_id, host, process in store.run(_END_DEAD, (LEASE_SECONDS,)):
        log.warning("session.dead", session=str(session_id), host=host, process=process)
    lost = [
        (instance_id, step, Direction(direction), token, DEAD if dead else SLOW)
        for instance_id, step, direction, token, dead in store.run(_LOST, (LEASE_SECONDS,))
    ]
    return isolation.each("lost attempt", lost, declare_lost)


def declare_lost(instance_id: UUID, step: str, direction: Direction, token: int, why: str) -> None:
    """End an attempt's lease, unless it has reported meanwhile."""
    holders: list[UUID] = []

    def make(row: Row, leases: list[Lease]) -> Change | None:
        holders[:] = [
            lease.session_id
            for lease in leases
            if (lease.step, lease.direction, lease.token) == (step, direction, token) and lease.session_id is not None
        ]
        fact = Lost(step=step, direction=direction, token=token, why=why)
        return Change(fact, token=token, finished=(step, direction)) if holders else None

    applied = apply.change(instance_id, make)
    if applied is not None and why == SLOW:
        definition = registry.find(applied.row.workflow, applied.row.version)
        gate.hung(called(definition.by_name[step], direction), holders[0])
    log.warning("attempt.lost", instance=str(instance_id), step=step, why=why)


def wake_ready() -> None:
    """Send a hint for every pool in which work is ready and unclaimed: hints may have been lost."""
    for (pool,) in store.run(_READY_POOLS, ()):
        hints.wake(pool)


def deliver_pending() -> int:
    """Hand over messages whose hint was lost. Returns how many were looked at."""
    return isolation.each("message", [(message_id,) for message_id in delivery.undelivered()], delivery.deliver)


_END_DEAD = """
UPDATE workflows_session SET ended_at = now()
WHERE ended_at IS NULL AND alive_until < now() AND now() > pg_postmaster_start_time() + make_interval(secs => $1)
RETURNING id, host, process
"""
_LOST = """
SELECT w.instance_id, w.step, w.direction, w.token, s.id IS NULL OR s.ended_at IS NOT NULL
FROM workflows_work w LEFT JOIN workflows_session s ON s.id = w.session_id
WHERE w.session_id IS NOT NULL AND (s.id IS NULL OR s.ended_at IS NOT NULL OR w.deadline_at < now())
  AND now() > pg_postmaster_start_time() + make_interval(secs => $1)
LIMIT 500
"""
#: One look into the index per pool, however much is ready in any of them.
_READY_POOLS = """
WITH RECURSIVE pools AS (
    (SELECT pool FROM workflows_work WHERE session_id IS NULL AND NOT held AND NOT parked ORDER BY pool LIMIT 1)
    UNION ALL
    SELECT (
        SELECT next.pool FROM workflows_work next
        WHERE next.session_id IS NULL AND NOT next.held AND NOT next.parked AND next.pool > pools.pool
        ORDER BY next.pool LIMIT 1
    ) FROM pools WHERE pools.pool IS NOT NULL
)
SELECT pool FROM pools WHERE EXISTS (
    SELECT FROM workflows_work ready
    WHERE ready.pool = pools.pool AND ready.session_id IS NULL AND NOT ready.held AND NOT ready.parked
      AND ready.ready_at <= clock_timestamp()
)
"""
