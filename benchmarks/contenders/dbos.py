"""DBOS as contender: through its queue with two workers, and called directly from two processes."""

import os
from collections.abc import Sequence

from benchmarks.contenders import STEPS
from benchmarks.driver import Conversation
from benchmarks.processes import wait_until
from benchmarks.services import Services

PROCESSES = 2

UNFINISHED = "SELECT count(*) FROM dbos.workflow_status WHERE status <> 'SUCCESS'"
JUDGEMENT = """
SELECT count(*),
       count(*) FILTER (WHERE w.status = 'SUCCESS'
                          AND o.results = %(steps)s AND o.distinct_steps = %(steps)s AND o.errors = 0)
  FROM dbos.workflow_status w
  LEFT JOIN (SELECT workflow_uuid, count(*) AS results, count(DISTINCT function_name) AS distinct_steps,
                    count(error) AS errors
               FROM dbos.operation_outputs GROUP BY 1) o USING (workflow_uuid)
"""


class _Dbos:
    """What both forms share: processes that talk, and the judgement over DBOS's tables."""

    name: str
    database: str

    def __init__(self, services: Services) -> None:
        self.services = services
        self.drivers: list[Conversation] = []
        self.workers: list[Conversation] = []
        self.loading: list[Conversation] = []

    def start_load(self, keys: Sequence[str]) -> None:
        self.loading = list(self.drivers)
        for share, driver in enumerate(self.loading):
            driver.load(keys[share :: len(self.loading)])

    def wait_done(self, *, seconds: float) -> None:
        for driver in self.loading:
            driver.wait_started()
        self.loading = []
        with self.services.connect(self.database) as connection:
            wait_until(
                f"{self.name} ends every workflow",
                lambda: connection.execute(UNFINISHED).fetchone() == (0,),
                seconds=seconds,
            )

    def latency(self, key: str) -> float:
        return self.drivers[0].one(key)

    def verify(self, expected: int) -> None:
        with self.services.connect(self.database) as connection:
            found = connection.execute(JUDGEMENT, {"steps": STEPS}).fetchone()
        if found != (expected, expected):
            raise AssertionError(f"{self.name}: expected {expected} whole workflows, found (all, whole) = {found}")

    def pids(self) -> list[int]:
        return [process.child.pid for process in (*self.workers, *self.drivers)]

    def teardown(self) -> None:
        for process in (*self.drivers, *self.workers):
            process.close()
        self.drivers, self.workers = [], []
        self.services.drop_database(self.database)

    def _speak(self, name: str, module: str, *arguments: str) -> Conversation:
        url = self.services.database_url(self.database)
        words = [url, *arguments]
        return Conversation(name, f"benchmarks.dbos_app.{module}", words, logs=self.services.logs, env=dict(os.environ))


class DbosQueue(_Dbos):
    """Two workers poll a queue every 0.1 s; a third process fills it."""

    name = "DBOS queue"
    database = "bench_dbos_queue"

    def __init__(self, services: Services, *, concurrency: int) -> None:
        super().__init__(services)
        self.concurrency = concurrency

    def prepare(self) -> None:
        self.services.create_database(self.database)
        for number in range(PROCESSES):
            executor = f"worker-{number}"
            worker = self._speak(f"dbos-{executor}", "worker", executor, str(self.concurrency))
            self.workers.append(worker)
            worker.wait_ready()
        self.drivers.append(self._speak("dbos-enqueue", "enqueue"))
        self.drivers[0].wait_ready()


class DbosDirect(_Dbos):
    """Two processes with four threads each call the workflow as a function."""

    name = "DBOS direct"
    database = "bench_dbos_direct"

    def prepare(self) -> None:
        self.services.create_database(self.database)
        for number in range(PROCESSES):
            driver = self._speak(f"dbos-direct-{number}", "direct", f"direct-{number}")
            self.drivers.append(driver)
            driver.wait_ready()
