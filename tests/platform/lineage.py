"""Who descends from a process, and who of them is still alive; Linux only."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def descendants(pid: int) -> set[int]:
    """Children, grandchildren and so on of a process, as far as they are alive now."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        if (parent := _parent(entry)) is not None:
            children.setdefault(parent, []).append(int(entry.parent.name))
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.update(below)
        waiting.extend(below)
    return found


def alive(pids: set[int]) -> set[int]:
    """Those that exist and are not merely waiting to be reaped."""
    return {pid for pid in pids if _state(pid) not in {"", "Z", "X"}}


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def eventually(condition: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether the condition comes true within that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _fields(stat: Path) -> list[str]:
    """The fields after the command name, which may itself contain blanks and parentheses."""
    try:
        return stat.read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _parent(stat: Path) -> int | None:
    fields = _fields(stat)
    return int(fields[1]) if fields else None


def _state(pid: int) -> str:
    fields = _fields(Path(f"/proc/{pid}/stat"))
    return fields[0] if fields else ""
