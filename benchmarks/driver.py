"""The process that starts workflows for a contender: it obeys commands on standard input, one JSON line each.

`{"do": "load", "keys": [...]}` starts all of them from a few threads and answers `{"started": n}`.
`{"do": "one", "key": k}` starts one, waits until it is durably done and answers `{"milliseconds": t}`.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from benchmarks.processes import Child, spawn, stop

ROOT = Path(__file__).resolve().parent.parent
THREADS = 4
READY = {"ready": True}


class Target(Protocol):
    """What the driver of a contender has to know."""

    def start(self, key: str) -> None:
        """Start the workflow with that key; returns when the start is durable."""

    def is_done(self, key: str) -> bool:
        """Whether the database holds its end."""


def serve(target: Target) -> None:
    """Obey the commands on standard input until it closes."""
    with ThreadPoolExecutor(THREADS) as threads:
        _say(READY)
        for command in _commands():
            match command["do"]:
                case "load":
                    _say({"started": sum(1 for _ in threads.map(target.start, command["keys"]))})
                case "one":
                    _say({"milliseconds": _start_and_wait(target, command["key"])})


class Conversation:
    """A process that says when it is ready and obeys commands, seen from the benchmark's side."""

    def __init__(self, name: str, module: str, arguments: Sequence[str], *, logs: Path, env: dict[str, str]) -> None:
        argv = [sys.executable, "-m", module, *arguments]
        self.child: Child = spawn(
            name, argv, logs=logs, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
        )

    def wait_ready(self) -> None:
        if self._answer() != READY:
            raise RuntimeError(f"{self.child.name} did not start:\n{self.child.tail()}")

    def tell(self, **command: Any) -> None:
        assert self.child.process.stdin
        self.child.process.stdin.write(json.dumps(command) + "\n")
        self.child.process.stdin.flush()

    def load(self, keys: Sequence[str]) -> None:
        """Begin starting the workflows; `wait_started` returns when all of them are durable."""
        self.tell(do="load", keys=list(keys))

    def wait_started(self) -> int:
        return int(self._answer()["started"])

    def one(self, key: str) -> float:
        """Start-to-done time in milliseconds of a single workflow."""
        self.tell(do="one", key=key)
        return float(self._answer()["milliseconds"])

    def close(self) -> None:
        stop([self.child])

    def _answer(self) -> dict[str, Any]:
        assert self.child.process.stdout
        line = self.child.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.child.name} ended unexpectedly:\n{self.child.tail()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def _start_and_wait(target: Target, key: str) -> float:
    start = time.perf_counter()
    target.start(key)
    while not target.is_done(key):
        time.sleep(0.001)
    return (time.perf_counter() - start) * 1000


def _commands() -> Iterator[dict[str, Any]]:
    for line in sys.stdin:
        yield json.loads(line)


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
