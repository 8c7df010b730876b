"""Jobs that only one process does at a time: a lease row per job, so that any number of pumps share the work."""

from __future__ import annotations

from uuid import UUID

from workflows.engine import store

#: A holder that stops is replaced after this many seconds: timers are late by no more, and what a dead worker held is
#: found this much later than its lease ended. Two holders at once do no harm.
LEASE_SECONDS = 4


def take(name: str, holder: UUID) -> bool:
    """Take or renew the job's lease. False: another process has it."""
    return bool(store.run(_TAKE, (name, holder, LEASE_SECONDS)))


def done(name: str) -> None:
    """Note that the job was just done, for pump age and `doctor`."""
    store.run("UPDATE workflows_duty SET done_at = clock_timestamp() WHERE name = $1", (name,))


def give_up(holder: UUID) -> None:
    """Hand all leases back at once, so that another pump takes over without waiting."""
    store.run("UPDATE workflows_duty SET until = NULL, holder_id = NULL WHERE holder_id = $1", (holder,))


_TAKE = """
INSERT INTO workflows_duty AS d (name, holder_id, until) VALUES ($1, $2, now() + make_interval(secs => $3))
ON CONFLICT (name) DO UPDATE SET holder_id = excluded.holder_id, until = excluded.until
WHERE d.holder_id = excluded.holder_id OR d.until IS NULL OR d.until < now()
RETURNING name
"""
