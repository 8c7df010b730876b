"""Watchkeeper as contender: the workers and the pump exactly as `up` runs them, and a process that starts instances."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from functools import cached_property

import redis

from benchmarks.contenders import STEPS
from benchmarks.driver import ROOT, Conversation
from benchmarks.processes import Child, spawn, stop, wait_until
from benchmarks.services import Services
from console.embedded import plan
from console.embedded.wishes import Wishes

WORKERS = 2
TEMPLATE = "bench_watchkeeper_empty"
#: celery's blocking read of its queue: this many mean that all workers listen
LISTENING = WORKERS

UNFINISHED = "SELECT count(*) FROM workflows_instance WHERE ended_at IS NULL"
JUDGEMENT = """
SELECT count(*),
       count(*) FILTER (WHERE i.lifecycle = 'completed' AND e.results = %(steps)s AND e.distinct_steps = %(steps)s)
  FROM workflows_instance i
  LEFT JOIN (SELECT instance_id, count(*) AS results, count(DISTINCT step) AS distinct_steps
               FROM workflows_event WHERE type = 'StepSucceeded' GROUP BY 1) e ON e.instance_id = i.id
"""


class Watchkeeper:
    """Every start goes through the one door that the API uses; every step has all features switched on."""

    name = "Watchkeeper"
    database = "bench_watchkeeper"

    def __init__(self, services: Services) -> None:
        self.services = services
        self.children: list[Child] = []
        self.driver: Conversation | None = None

    def prepare(self) -> None:
        self._ensure_template()
        self.services.create_database(self.database, template=TEMPLATE)
        redis.Redis.from_url(self.services.redis_url).flushall()
        for program in plan.processes(self._wishes, self._env(self.database)):
            if program.name.startswith("worker-") or program.name == "pump":
                child = spawn(program.name, program.argv, logs=self.services.logs, env=program.env, cwd=ROOT)
                self.children.append(child)
        env = self._env(self.database)
        self.driver = Conversation("intake", "benchmarks.bench_app.intake", [], logs=self.services.logs, env=env)
        self.driver.wait_ready()
        wait_until("the workers listen", self._workers_listen, seconds=30)

    def start_load(self, keys: Sequence[str]) -> None:
        assert self.driver
        self.driver.load(keys)

    def wait_done(self, *, seconds: float) -> None:
        assert self.driver
        self.driver.wait_started()
        with self.services.connect(self.database) as connection:
            wait_until(
                "Watchkeeper ends every workflow",
                lambda: connection.execute(UNFINISHED).fetchone() == (0,),
                seconds=seconds,
            )

    def latency(self, key: str) -> float:
        assert self.driver
        return self.driver.one(key)

    def verify(self, expected: int) -> None:
        with self.services.connect(self.database) as connection:
            found = connection.execute(JUDGEMENT, {"steps": STEPS}).fetchone()
        if found != (expected, expected):
            raise AssertionError(f"Watchkeeper: expected {expected} whole workflows, found (all, whole) = {found}")

    def pids(self) -> list[int]:
        return [child.pid for child in self.children] + ([self.driver.child.pid] if self.driver else [])

    def teardown(self) -> None:
        if self.driver:
            self.driver.close()
        stop(self.children)
        self.driver, self.children = None, []
        self.services.drop_database(self.database)

    def _ensure_template(self) -> None:
        """Migrating takes seconds, so it happens once per run."""
        with self.services.connect() as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone():
                return
        self.services.create_database(TEMPLATE)
        with (self.services.logs / "migrate.log").open("a") as log:
            subprocess.run(
                [sys.executable, str(ROOT / "manage.py"), "migrate", "--no-input"],
                env=self._env(TEMPLATE), cwd=ROOT, stdout=log, stderr=log, check=True,
            )  # fmt: skip

    def _workers_listen(self) -> bool:
        clients = redis.Redis.from_url(self.services.redis_url).info("clients")
        return bool(clients["blocked_clients"] >= LISTENING)

    @cached_property
    def _wishes(self) -> Wishes:
        return Wishes(host="127.0.0.1", port=8000, data_dir=self.services.root, workers=WORKERS, demo=False)

    @cached_property
    def _secret(self) -> str:
        return secrets.token_urlsafe(48)

    def _env(self, database: str) -> dict[str, str]:
        """As in production: no demo, JSON logs at INFO."""
        url = self.services.database_url(database)
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
        return {
            **inherited,
            "DATA_DIR": str(self.services.root),
            "DATABASE_URL": url,
            "REDIS_URL": self.services.redis_url,
            "SECRET_KEY": self._secret,
            "CONSOLE_APPS": "benchmarks.bench_app",
            "DEMO": "0",
            "LOG_LEVEL": "INFO",
            "LOG_FORMAT": "json",
        }
