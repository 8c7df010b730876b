"""How many durable state changes per second this PostgreSQL can take: the ceiling over every contender.

One change is what a step costs at least: a fenced UPDATE and the INSERT of its history row, as a single statement.
"""

import os
import re
import subprocess
import time
from dataclasses import dataclass

from benchmarks.services import POSTGRES_BIN, Services

DATABASE = "bench_limits"
INSTANCES = 1000

SCHEMA = f"""
CREATE TABLE instance (id int PRIMARY KEY, revision int NOT NULL, token int NOT NULL, state text NOT NULL)
    WITH (fillfactor = 70);
CREATE TABLE history (instance_id int NOT NULL, seq int NOT NULL, event text NOT NULL, data jsonb NOT NULL,
    PRIMARY KEY (instance_id, seq));
INSERT INTO instance SELECT n, 0, 1, 'running' FROM generate_series(1, {INSTANCES}) n;
VACUUM ANALYZE instance;
"""

CHANGE = """
WITH moved AS (
    UPDATE instance SET revision = revision + 1 WHERE id = {id} AND token = 1 RETURNING id, revision)
INSERT INTO history SELECT id, revision, 'StepSucceeded', '{{"step": "one", "attempt": 1, "output": 1}}' FROM moved
"""


@dataclass(frozen=True)
class Limits:
    """Commits per second."""

    pgbench_1: float
    pgbench_8: float
    psycopg_1: float


def measure_limits(services: Services, *, seconds: int) -> Limits:
    """Each limit on fresh tables, for the given time."""
    return Limits(
        pgbench_1=_pgbench(services, clients=1, seconds=seconds),
        pgbench_8=_pgbench(services, clients=8, seconds=seconds),
        psycopg_1=_psycopg(services, seconds=seconds),
    )


def _fresh_tables(services: Services) -> None:
    services.create_database(DATABASE)
    with services.connect(DATABASE) as connection:
        for statement in filter(str.strip, SCHEMA.split(";")):
            connection.execute(statement)
        connection.execute("CHECKPOINT")


def _pgbench(services: Services, *, clients: int, seconds: int) -> float:
    _fresh_tables(services)
    script = services.root / "change.sql"
    script.write_text(f"\\set id random(1, {INSTANCES})\n{CHANGE.format(id=':id').strip()};\n")
    threads = min(clients, 2)
    words = ["-n", "-M", "prepared", "-c", clients, "-j", threads, "-f", script]
    where = ["-h", services.sockets, "-U", "postgres", DATABASE]
    _run_pgbench(*words, "-t", 2 * INSTANCES // clients, *where)
    told = _run_pgbench(*words, "-T", seconds, *where)
    found = re.search(r"tps = ([\d.]+)", told)
    if not found:
        raise RuntimeError(f"pgbench said nothing of its rate:\n{told}")
    return float(found[1])


def _run_pgbench(*words: object) -> str:
    run = [str(POSTGRES_BIN / "pgbench"), *map(str, words)]
    return subprocess.run(run, check=True, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout


def _psycopg(services: Services, *, seconds: int) -> float:
    _fresh_tables(services)
    statement = CHANGE.format(id="%b")
    done = 0
    with services.connect(DATABASE) as connection, connection.cursor() as cursor:
        for number in range(INSTANCES):
            cursor.execute(statement, [number + 1], prepare=True)
        start = time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds:
            cursor.execute(statement, [done % INSTANCES + 1], prepare=True)
            done += 1
    return done / elapsed
