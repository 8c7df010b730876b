"""Which version a new instance takes, and whether new instances are taken in at all: what admins and operators decided.

Both are read at most once a second per process, so that a start costs no more for it.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime
from zlib import crc32

from workflows import registry
from workflows.dsl.definition import Definition
from workflows.engine import clock, news, store

#: seconds for which what was read is used
PERIOD = 1.0


class IntakePaused(Exception):
    """New instances of the workflow are refused for now; the message says who decided so, why, and until when."""

    def __init__(self, message: str, until: datetime | None) -> None:
        super().__init__(message)
        self.until = until


@dataclass(frozen=True, slots=True)
class _Share:
    stable: int
    candidate: int | None
    percent: int


@dataclass(frozen=True, slots=True)
class _Pause:
    by: str
    reason: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class _Known:
    shares: dict[str, _Share]
    pauses: dict[str, _Pause]
    read_at: float


_known: _Known | None = None
_reading = threading.Lock()


def forget() -> None:
    """Read anew at the next start: somebody has just decided something in this process."""
    global _known
    _known = None


def definition_for(workflow: str, key: str) -> Definition:
    """The version that a new instance with this key takes. Raises UnknownWorkflow.

    The share that a candidate gets is a share of keys: the same key always takes the same version. Without a decision,
    or where this process has no code for what was decided, it is the newest version.
    """
    newest = registry.newest(workflow)
    share = _read().shares.get(workflow)
    if share is None:
        return newest
    takes_candidate = share.candidate is not None and crc32(f"{workflow}/{key}".encode()) % 100 < share.percent
    version = share.candidate if takes_candidate and share.candidate is not None else share.stable
    return registry.definitions().get((workflow, version), newest)


def check_intake(workflow: str, now: datetime) -> None:
    """Raises IntakePaused while new instances of the workflow are refused."""
    pause = _read().pauses.get(workflow)
    if pause is None or (pause.until is not None and pause.until <= now):
        return
    until = f" until {pause.until:%H:%M UTC on %d %B}" if pause.until else ""
    raise IntakePaused(f"No new instances are taken in{until}: {pause.by} paused it ({pause.reason}).", pause.until)


def _read() -> _Known:
    global _known
    known = _known
    if known is not None and time.monotonic() - known.read_at < PERIOD:
        return known
    with _reading:
        shares, pauses = dict[str, _Share](), dict[str, _Pause]()
        for workflow, stable, candidate, percent, by, reason, until in store.run(_DECIDED, ()):
            if stable is not None:
                shares[workflow] = _Share(stable, candidate, percent)
            if by is not None:
                pauses[workflow] = _Pause(by, reason, until)
        _known = known = _Known(shares, pauses, time.monotonic())
    return known


def clear_expired() -> None:
    """Remove pauses whose time is over."""
    for (workflow,) in store.run(
        "DELETE FROM workflows_pausedintake WHERE until <= $1 RETURNING workflow", (clock.now(),)
    ):
        news.decided(workflow)


_DECIDED = """
SELECT coalesce(r.workflow, p.workflow), r.stable, r.candidate, r.percent, p.by, p.reason, p.until
FROM workflows_rollout r FULL JOIN workflows_pausedintake p ON p.workflow = r.workflow
"""
