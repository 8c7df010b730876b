"""Starts every record as a client would, whatever fails, and remembers what was acknowledged to it.

Records are started one after the other: which order a return belongs to depends on what was placed before it, so a
client that overtakes itself would be answered differently.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.chaos.installation import Broken, Installation

#: how often the command is run for the same file before we give up
COMMAND_TRIES = 30
#: seconds between two tries of the same start
PAUSE = 0.3
#: tries of one start before we give up: some minutes
TRIES = 600


@dataclass
class Acknowledged:
    """What clients were told: by order id, the instance's id or, from the command, nothing but "accepted"."""

    instances: dict[str, str] = field(default_factory=dict)
    #: answers that were lost or not an acceptance, and so tried again
    unclear: int = 0
    #: runs of the start command that broke off
    broken_off: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """For the report."""
        return {
            "acknowledged": len(self.instances),
            "requests repeated because no acceptance came back": self.unclear,
            "runs of `start` that broke off": self.broken_off,
        }


def by_command(
    installation: Installation, records: Sequence[dict[str, Any]], known: Acknowledged, stop: threading.Event
) -> None:
    """`manage.py start order --file …`, run again until it says that every line was accepted. Raises `Broken`."""
    path = write(records, installation.data_dir / "by_command.jsonl")
    for _ in range(COMMAND_TRIES):
        done = installation.manage("start", "order", "--file", str(path))
        accepted = len(records) if done.returncode == 0 else _accepted_before(done.stderr)
        for record in records[:accepted]:
            known.instances.setdefault(record["order_id"], "")
        if done.returncode == 0 or stop.wait(1):
            return
        known.broken_off += 1
    raise Broken(f"`start` never got through the file: {done.stdout}{done.stderr}")


def _accepted_before(said: str) -> int:
    """The number of lines that a run which broke off had accepted."""
    found = re.search(r"went away after line (\d+)", said)
    return int(found[1]) if found else 0


def by_api(
    installation: Installation,
    records: Sequence[dict[str, Any]],
    known: Acknowledged,
    stop: threading.Event,
    seconds: float,
) -> None:
    """POST every record, spread over so many seconds, each until it is accepted. Raises `Broken`."""
    with installation.client("support") as client:
        began = time.monotonic()
        for number, record in enumerate(records, start=1):
            workflow = "return" if record["cancellation"] else "order"
            known.instances[record["order_id"]] = accepted(client, workflow, record["order_id"], record, known, stop)
            if stop.wait(max(began + number * seconds / len(records) - time.monotonic(), 0)):
                return


def accepted(
    client: httpx.Client, workflow: str, key: str, given: dict[str, Any], known: Acknowledged, stop: threading.Event
) -> str:
    """The instance's id. A lost answer, a 5xx or a 409 "still running" is asked again with the same Idempotency-Key.

    Raises `Broken` when it is refused, or never accepted.
    """
    for _ in range(TRIES):
        try:
            answer = client.post(
                f"/api/v1/workflows/{workflow}/instances",
                json={"key": key, "input": given},
                headers={"Idempotency-Key": f"chaos-{key}", "X-Correlation-ID": f"chaos-{key}"},
            )
        except httpx.HTTPError:
            known.unclear += 1
        else:
            if answer.status_code in (200, 201):
                return str(answer.json()["id"])
            if answer.status_code < 500 and answer.status_code not in (409, 429):
                raise Broken(f"{key} was refused: {answer.status_code} {answer.text[:300]}")
            known.unclear += 1
        if stop.wait(PAUSE):
            break
    raise Broken(f"{key} was never accepted.")


def write(records: Sequence[dict[str, Any]], path: Path) -> Path:
    """The records as the file they came from."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path
