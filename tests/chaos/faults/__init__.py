"""The catalogue: every fault that `make chaos` injects, in the order in which it runs."""

from __future__ import annotations

from tests.chaos.faults import approvals, broker, callbacks, corrections, database, dependencies, poison, processes
from tests.chaos.scene import Fault

CATALOGUE: tuple[Fault, ...] = (
    processes.KILLED_WORKERS,
    processes.KILLED_CHILDREN,
    processes.DEPLOYMENT,
    processes.ZOMBIES,
    processes.PUMPS,
    broker.FLUSHED,
    broker.AWAY,
    database.RESTARTED,
    broker.HINTS,
    callbacks.MISDELIVERED,
    approvals.DECIDED,
    poison.POISON,
    dependencies.PAYMENTS,
    dependencies.PROBES,
    corrections.CORRECTIONS,
)
