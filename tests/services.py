"""The PostgreSQL and Valkey of one test run, started by the process that runs pytest, shared by xdist workers."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from console.embedded.places import choose
from console.embedded.postgres import SUPERUSER, Cluster
from console.embedded.processes import Child, start, stop, wait_until
from console.embedded.valkey import Valkey, find_binary

#: tests may lose their data with the machine
CARELESS = (("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off"))

_undo: list[Callable[[], object]] = []


def provide() -> None:
    """Set the environment that the settings read. Services run until `dismiss`, at most until the process ends."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
    # Browser tests run an event loop in the thread that also prepares their data.
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    if "PYTEST_XDIST_WORKER" in os.environ:
        _own_redis_database(os.environ["PYTEST_XDIST_WORKER"])
        return
    data_dir = Path(tempfile.mkdtemp(prefix="watchkeeper-tests-"))
    data_dir.chmod(0o755)
    _undo.append(lambda: shutil.rmtree(data_dir, ignore_errors=True))
    atexit.register(dismiss)
    os.environ |= {
        "DATA_DIR": str(data_dir),
        "SECRET_KEY": "only-for-tests-and-not-a-secret-at-all-" + "x" * 12,
        "DEMO": "1",
        "PACE": "1",
        "WEBHOOK_SECRETS": "erp=whsec_dGVzdHMtb25seS10ZXN0cy1vbmx5LTE=",
        "DATABASE_URL": _start_postgres(data_dir),
        "REDIS_URL": _start_valkey(data_dir),
    }


def dismiss() -> None:
    """Stop and remove everything; harmless when done before."""
    while _undo:
        _undo.pop()()


def _start_postgres(data_dir: Path) -> str:
    cluster = Cluster(choose(data_dir), CARELESS)
    _undo.append(lambda: shutil.rmtree(cluster.places.sockets, ignore_errors=True))
    cluster.create()
    _await("PostgreSQL", start(cluster.program, data_dir / "logs"), cluster.answers)
    cluster.furnish()
    return cluster.url(SUPERUSER)


def _start_valkey(data_dir: Path) -> str:
    valkey = Valkey(find_binary())
    _await("Valkey", start(valkey.program, data_dir / "logs"), valkey.answers)
    return valkey.url


def _await(name: str, child: Child, answers: Callable[[], bool]) -> None:
    _undo.append(lambda: stop(child))
    if not wait_until(lambda: child.process.poll() is not None or answers(), 30) or not answers():
        raise RuntimeError(f"{name} did not start for the tests:\n{child.last_words()}")


def _own_redis_database(worker: str) -> None:
    """Queues and keys of one worker stay out of the others' sight (published messages do not)."""
    base = os.environ["REDIS_URL"].rpartition("/")[0]
    os.environ["REDIS_URL"] = f"{base}/{1 + int(worker.removeprefix('gw')) % 15}"
