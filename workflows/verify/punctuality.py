"""Is what was due done? Only judged while somebody was at work to do it (I02–I05, I31, I35, I36)."""

from __future__ import annotations

from collections.abc import Iterator

from workflows.verify.findings import Offender
from workflows.verify.snapshot import Snapshot, select

#: Duties of the pump without which something would be forgotten.
WATCH = ("sweep", "timers", "hints")


def idle_work(snapshot: Snapshot) -> Iterator[Offender]:
    """I02: work that has been ready for the whole grace while nobody did anything for the same dependency and pool.

    A queue in which others are being served is a queue; work nobody alive has code for waits for somebody who has.
    """
    for instance_id, step, pool, ready_at in select(_IDLE, _when(snapshot)):
        yield Offender(
            "I02", str(instance_id), f"{step} has been ready in pool {pool} since {ready_at}, and nobody takes it"
        )


def dead_leases(snapshot: Snapshot) -> Iterator[Offender]:
    """I03: leases whose session or time has ended before the grace."""
    for instance_id, step, token, leased_at in select(_DEAD, _when(snapshot)):
        yield Offender("I03", str(instance_id), f"{step} is leased under {token} since {leased_at} by nobody alive")


def late_timers(snapshot: Snapshot) -> Iterator[Offender]:
    """I04: timers that should have fired."""
    for instance_id, name, fire_at in select(_LATE, _when(snapshot)):
        yield Offender("I04", str(instance_id), f"timer {name} should have fired at {fire_at}")


def overdue_waits(snapshot: Snapshot) -> Iterator[Offender]:
    """I05: open waits whose time has passed without anybody having asked or having been named."""
    for instance_id, step, due_at in select(_OVERDUE, _when(snapshot)):
        yield Offender("I05", str(instance_id), f"the wait for {step} is overdue since {due_at}")


def stuck_requests(snapshot: Snapshot) -> Iterator[Offender]:
    """I31: requests with an Idempotency-Key that were begun and never answered."""
    for scope, key, at in select(_REQUESTS, _when(snapshot)):
        yield Offender("I31", f"{scope} {key}", f"has been in progress since {at}")


def silent_duties(snapshot: Snapshot) -> Iterator[Offender]:
    """I35: workers are alive, but nobody sweeps."""
    if snapshot.pumping_since is None:
        yield Offender("I35", "pump", "workers are at work, but no pump is")
        return
    done = dict(select("SELECT name, done_at FROM workflows_duty"))
    for name in WATCH:
        at = done.get(name)
        if at is None or at < snapshot.calm:
            yield Offender("I35", name, f"was last done {f'at {at}' if at else 'never'}")


def families(snapshot: Snapshot) -> Iterator[Offender]:
    """I36: a child lives only while its parent does, and says which item of the parent it stands for."""
    for instance_id, problem in select(_FAMILIES):
        yield Offender("I36", str(instance_id), problem)


def _when(snapshot: Snapshot) -> dict[str, object]:
    return {"calm": snapshot.calm, "now": snapshot.now, "capable": list(snapshot.capable)}


#: An attempt that ends deletes its row, so what was done lately is read from the history.
_IDLE = """
WITH overdue AS MATERIALIZED (
    SELECT w.* FROM workflows_work w
    WHERE w.session_id IS NULL AND NOT w.held AND NOT w.parked AND w.ready_at < %(calm)s
      AND w.workflow || '/' || w.version = ANY(%(capable)s)
), done AS MATERIALIZED (
    SELECT DISTINCT i.workflow, i.version, e.step
    FROM workflows_event e JOIN workflows_instance i ON i.id = e.instance_id
    WHERE e.at >= %(calm)s AND e.token > 0 AND EXISTS (SELECT FROM overdue)
), served AS (
    SELECT pool, dependency FROM workflows_work WHERE session_id IS NOT NULL
    UNION
    SELECT o.pool, o.dependency FROM overdue o JOIN done USING (workflow, version, step)
)
SELECT o.instance_id, o.step, o.pool, o.ready_at FROM overdue o
WHERE NOT EXISTS (SELECT FROM served s WHERE s.pool = o.pool AND s.dependency = o.dependency)
ORDER BY o.ready_at
"""
_DEAD = """
SELECT w.instance_id, w.step, w.token, w.leased_at
FROM workflows_work w LEFT JOIN workflows_session s ON s.id = w.session_id
WHERE w.session_id IS NOT NULL AND w.leased_at < %(calm)s
  AND (s.id IS NULL OR s.ended_at < %(calm)s OR s.alive_until < %(calm)s OR w.deadline_at < %(calm)s)
ORDER BY w.leased_at
"""
_LATE = """
SELECT t.instance_id, t.name, t.fire_at FROM workflows_timer t JOIN workflows_instance i ON i.id = t.instance_id
WHERE NOT t.held AND t.fire_at < %(calm)s AND i.workflow || '/' || i.version = ANY(%(capable)s)
ORDER BY t.fire_at
"""
_OVERDUE = """
SELECT w.instance_id, w.step, w.due_at FROM workflows_wait w JOIN workflows_instance i ON i.id = w.instance_id
WHERE w.state = 'open' AND w.due_at < %(calm)s AND i.lifecycle <> 'paused'
  AND i.workflow || '/' || i.version = ANY(%(capable)s)
ORDER BY w.due_at
"""
_REQUESTS = """
SELECT scope, key, at FROM workflows_idempotentrequest WHERE status IS NULL AND at < %(calm)s ORDER BY at
"""
_FAMILIES = """
SELECT c.id, CASE WHEN c.parent_item = '' THEN 'does not say which item of its parent it stands for'
                  ELSE 'lives on although its parent has ended' END
FROM workflows_instance c JOIN workflows_instance p ON p.id = c.parent_id
WHERE c.parent_item = '' OR (c.ended_at IS NULL AND p.ended_at IS NOT NULL)
ORDER BY c.id
"""
