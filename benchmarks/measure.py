"""One contender's turn: warm up, load, low load, judgement; every cost read from outside the contender."""

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from benchmarks.contenders import Contender
from benchmarks.processes import bounded, cpu_seconds, machine_busy_seconds
from benchmarks.services import Services

WARM_UP = 50
SECONDS_PER_WORKFLOW = 0.2
TURN_SECONDS = 180

#: xid consumption counts write transactions without the readers; it also counts savepoints that wrote.
COUNTERS = """
SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn,
       pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
       pg_database_size(%s)
"""


@dataclass(frozen=True)
class Turn:
    """What one load cost. Totals for all its workflows; latencies in milliseconds of single workflows.

    `foreign_cpu` is the share of the machine that processes outside this benchmark took away meanwhile.
    """

    contender: str
    workflows: int
    seconds: float
    cpu_seconds: float
    foreign_cpu: float
    write_transactions: int
    wal_bytes: int
    database_bytes: int
    latencies: tuple[float, ...]


@dataclass(frozen=True)
class _Counters:
    wal: int
    xid: int
    size: int
    cpu: float
    mine: float
    busy: float


def take_turn(
    contender: Contender, services: Services, *, workflows: int, latencies: int, say: Callable[[str], None]
) -> Turn:
    """Run the contender once from a fresh database and return its costs; its processes are stopped in any case."""
    limit = int(TURN_SECONDS + workflows * SECONDS_PER_WORKFLOW + latencies)
    try:
        with bounded(f"the turn of {contender.name}", seconds=limit):
            say("starting")
            contender.prepare()
            with services.connect() as connection:
                connection.execute("CHECKPOINT")
                _load(contender, "warm", WARM_UP)
                say(f"{workflows} workflows")
                before = _count(connection, contender, services)
                start = time.perf_counter()
                _load(contender, "load", workflows)
                seconds = time.perf_counter() - start
                after = _count(connection, contender, services)
            say(f"{workflows / seconds:.1f}/s; one at a time")
            single = _latencies(contender, latencies)
            say("verifying")
            contender.verify(WARM_UP + workflows + latencies)
    finally:
        contender.teardown()
    return Turn(
        contender=contender.name,
        workflows=workflows,
        seconds=seconds,
        cpu_seconds=after.cpu - before.cpu,
        foreign_cpu=_foreign(before, after, seconds),
        write_transactions=after.xid - before.xid,
        wal_bytes=after.wal - before.wal,
        database_bytes=after.size - before.size,
        latencies=single,
    )


def _load(contender: Contender, prefix: str, count: int) -> None:
    contender.start_load([f"{prefix}-{number}" for number in range(count)])
    contender.wait_done(seconds=60 + count * SECONDS_PER_WORKFLOW)


def _latencies(contender: Contender, count: int) -> tuple[float, ...]:
    """Pauses of 20 to 120 ms, the same for everyone, keep a poller from always being met at the same moment."""
    pauses = random.Random(1)
    taken = []
    for number in range(count):
        time.sleep(pauses.uniform(0.02, 0.12))
        taken.append(contender.latency(f"one-{number}"))
    return tuple(taken)


def _count(connection: psycopg.Connection, contender: Contender, services: Services) -> _Counters:
    row = connection.execute(COUNTERS, [contender.database]).fetchone()
    assert row is not None
    cpu = cpu_seconds([*contender.pids(), services.postgres.pid, services.valkey.pid])
    return _Counters(
        wal=int(row[0]),
        xid=int(row[1]),
        size=int(row[2]),
        cpu=cpu,
        mine=cpu_seconds([os.getpid()]),
        busy=machine_busy_seconds(),
    )


def _foreign(before: _Counters, after: _Counters, seconds: float) -> float:
    others = (after.busy - before.busy) - (after.mine - before.mine)
    return max(0.0, others / (seconds * (os.cpu_count() or 1)))
