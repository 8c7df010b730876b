"""The pump: timers, sweeping, hints, deliveries and judgements, each a duty that one process holds at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog
from django.db import connection

from workflows import rollups
from workflows.engine import clock, duties, gate, outbox, parking, releases, sealing, sessions, sweeper, timers
from workflows.engine.patience import AWAY, when_back
from workflows.interventions import idempotency, kept, telling, verification

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Duty:
    """A job, and how many seconds lie between two rounds of it."""

    name: str
    every: float
    job: Callable[[], object]


def _deliver() -> None:
    outbox.make_out()
    outbox.deliver_due()


def _hint() -> None:
    sweeper.wake_ready()
    sweeper.deliver_pending()


DUTIES = (
    Duty("timers", 0.25, timers.fire_due),
    Duty("hints", 0.5, _hint),
    Duty("breakers", 0.25, parking.bring_back),
    Duty("sweep", 2.0, sweeper.sweep),
    Duty("outbox", 0.5, _deliver),
    Duty("verification", 1.0, verification.verify_open),
    Duty("votes", 1.0, kept.carry_out),
    Duty("sealing", 10.0, sealing.seal),
    Duty("rollups", 5.0, lambda: rollups.roll(clock.read())),
    Duty("releases", 5.0, releases.clear_expired),
    Duty("mail", 5.0, telling.tell),
    Duty("idempotency", 600.0, idempotency.forget_old),
)


def run(stop: threading.Event, extra: Iterable[Duty] = ()) -> None:
    """Do all duties until `stop` is set, each in its own thread so that a slow one delays no other."""
    session = when_back(lambda: sessions.current("pump"))
    when_back(gate.open_up)
    threads = [
        threading.Thread(target=_loop, args=(duty, stop), name=duty.name, daemon=True) for duty in (*DUTIES, *extra)
    ]
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join(timeout=5)
    duties.give_up(session.id)
    sessions.end()


def _loop(duty: Duty, stop: threading.Event) -> None:
    while not stop.wait(duty.every):
        try:
            round_of(duty)
        except AWAY as error:
            log.warning("pump.database_away", duty=duty.name, error=str(error).split("\n")[0])
            connection.close()
            stop.wait(1)
        except Exception:  # an edge: one bad row must not stop the watch
            log.exception("pump.failed", duty=duty.name)
            connection.close()
            stop.wait(1)
    connection.close()


def round_of(duty: Duty) -> bool:
    """One round of a duty, if this process holds its lease."""
    if not duties.take(duty.name, sessions.current("pump").id):
        return False
    duty.job()
    duties.done(duty.name)
    return True
