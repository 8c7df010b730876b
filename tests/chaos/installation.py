"""A whole installation of its own, started by `manage.py up`: where it listens, what runs in it, what it stores."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from console.embedded.places import choose

PROJECT = Path(__file__).resolve().parents[2]
READY = "Watchkeeper is ready"
#: seconds until `up` must have said so, also on a busy machine
START_SECONDS = 180
#: what a surrounding test run has set for itself
FOREIGN = (
    *("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "DATA_DIR", "SECRET_KEY", "DEMO", "PACE", "WEBHOOK_SECRETS"),
    *("SIMULATORS_URL", "SIMULATOR_WEBHOOK_SECRET", "SIMULATOR_CALLBACK_URL", "DJANGO_SETTINGS_MODULE"),
    *("DJANGO_ALLOW_ASYNC_UNSAFE", "PYTEST_XDIST_WORKER", "CONSOLE_APPS", "CHAOS", "FAILPOINT"),
)


class Broken(Exception):
    """The installation does not do what it must for the run to go on; the text says what."""


@dataclass(frozen=True)
class Process:
    """A running child of `up`."""

    pid: int
    command: str


@dataclass
class Installation:
    """A running `up` on a data directory of its own."""

    data_dir: Path
    port: int
    up: subprocess.Popen[bytes]
    env: Mapping[str, str]
    _own: threading.local = field(default_factory=threading.local)
    _connections: list[psycopg.Connection[tuple[Any, ...]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def simulators(self) -> str:
        return f"http://127.0.0.1:{self.port + 1}"

    def token(self, user: str) -> str:
        """The API token of a demo user."""
        found: str = json.loads((self.data_dir / "demo.json").read_text())["users"][user]["token"]
        return found

    def client(self, user: str, *, seconds: float = 15) -> httpx.Client:
        """The API as this demo user sees it; `seconds` to wait for an answer."""
        headers = {"Authorization": f"Bearer {self.token(user)}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=seconds, trust_env=False)

    def services(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.data_dir / "services.json").read_text())
        return found

    def ask(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a query; a database that is being restarted is waited for. Raises `Broken` after a minute."""
        until = time.monotonic() + 60
        while True:
            try:
                return self._connection().execute(query, parameters or None).fetchall()
            except psycopg.OperationalError as error:
                self._forget_connection()
                if time.monotonic() > until:
                    raise Broken(f"The database does not answer: {error}") from error
                threading.Event().wait(0.2)

    def _connection(self) -> psycopg.Connection[tuple[Any, ...]]:
        """The connection of this thread."""
        found: psycopg.Connection[tuple[Any, ...]] | None = getattr(self._own, "connection", None)
        if found is None:
            found = psycopg.connect(
                self.services()["DATABASE_URL"], autocommit=True, connect_timeout=5, application_name="chaos"
            )
            self._own.connection = found
            self._connections.append(found)
        return found

    def _forget_connection(self) -> None:
        if getattr(self._own, "connection", None) is not None:
            self._own.connection.close()
            self._own.connection = None

    def close(self) -> None:
        """Close the connections of all threads."""
        for each in self._connections:
            each.close()

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a management command beside the installation, as a person at this machine would."""
        argv = [sys.executable, str(PROJECT / "manage.py"), *words]
        return subprocess.run(argv, env=dict(self.env), cwd=PROJECT, capture_output=True, text=True, check=False)

    @contextmanager
    def beside(self, name: str, *words: str, **env: str) -> Iterator[subprocess.Popen[bytes]]:
        """A further process of this installation, which nobody starts again; stopped when the block ends."""
        env = {**self.env, **self.services(), "WATCHKEEPER_PROCESS": name, **env}
        with (self.data_dir / "logs" / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *words],
                env=env, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            yield process
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(15)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def processes(self, *words: str) -> list[Process]:
        """The children of `up` whose command line has one of these words."""
        return [each for each in children(self.up.pid) if any(word in each.command for word in words)]

    def turn_dials(self, dials: Mapping[str, Any]) -> None:
        """Change the simulators' fault dials."""
        self._tell_simulators("PUT", "/faults", dials)

    def seed_dials(self, seed: int) -> None:
        """From here on the dials strike as this number wants."""
        self._tell_simulators("POST", "/faults/seed", {"seed": seed})

    def _tell_simulators(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        """Simulators that are starting are waited for. Raises `Broken` if they never answer, or refuse."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            self.alive()
            with suppress(httpx.TransportError):
                answer = httpx.request(method, f"{self.simulators}{path}", json=body, timeout=10, trust_env=False)
                if answer.is_success:
                    return
                raise Broken(f"The simulators refuse {path}: {answer.text}")
            threading.Event().wait(0.2)
        raise Broken("The simulators do not answer.")

    def alive(self) -> None:
        """Raises `Broken` with its last words when `up` has ended."""
        if self.up.poll() is not None:
            raise Broken(f"`up` has ended by itself:\n{(self.data_dir / 'up.log').read_text()[-2000:]}")


@contextmanager
def installed(
    data_dir: Path, *, pace: int, workers: int = 2, failpoints: str = "", apps: str = ""
) -> Iterator[Installation]:
    """A running installation on an empty directory; everything is stopped when the block ends.

    `failpoints` as in `workflows.engine.failpoints`; `apps` as in CONSOLE_APPS.
    """
    port = _two_free_ports()
    env = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    env |= {"DATA_DIR": str(data_dir), "PACE": str(pace), "TRICKLE": "0", "WATCHKEEPER_FOLLOWS_PARENT": "1"}
    env |= {"CHAOS": "1", "FAILPOINT": failpoints, "CONSOLE_APPS": apps}
    words = ("up", "--port", str(port), "--data-dir", str(data_dir), "--workers", str(workers))
    with (data_dir / "up.log").open("wb") as log:
        up = subprocess.Popen(
            [sys.executable, str(PROJECT / "manage.py"), *words],
            env=env, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    found = Installation(data_dir, port, up, env)
    try:
        _await_ready(found)
        yield found
    finally:
        found.close()
        up.terminate()
        with suppress(subprocess.TimeoutExpired):
            up.wait(60)
        up.kill()
        up.wait()
        shutil.rmtree(choose(data_dir).sockets, ignore_errors=True)


def _await_ready(installation: Installation) -> None:
    until = time.monotonic() + START_SECONDS
    while READY not in (installation.data_dir / "up.log").read_text():
        installation.alive()
        if time.monotonic() > until:
            raise Broken(f"`up` was not ready within {START_SECONDS} s.")
        threading.Event().wait(0.1)


def _two_free_ports() -> int:
    """A port that is free together with the next one, below what the kernel hands out by itself."""
    for port in random.sample(range(12_000, 20_000, 2), 200):
        with suppress(OSError), socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", port))
            second.bind(("127.0.0.1", port + 1))
            return port
    raise Broken("There are no two free ports in a row on this machine.")


def children(pid: int) -> list[Process]:
    """The direct children of a process that have not ended."""
    if not Path("/proc/self/stat").exists():
        return _children_by_ps(pid)
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == pid and state != "Z":
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found.append(Process(int(folder.name), command.strip()))
    return sorted(found, key=lambda each: each.pid)


def _children_by_ps(pid: int) -> list[Process]:
    argv = ["ps", "-A", "-o", "pid=,ppid=,args="]
    listed = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    return [Process(int(row[0]), row[2]) for row in rows if len(row) == 3 and int(row[1]) == pid]
