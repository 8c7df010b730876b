"""Ends our children when we are killed, on systems whose kernel does not offer to do it.

A small process reads a pipe whose writing end only we hold. We write down each child there; when the pipe closes
because we are gone, the process ends every group it was told about.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import IO

#: seconds between the orphan signal and the kill
GRACE = 5.0
_pipe: IO[bytes] | None = None


def tie(pid: int, number: signal.Signals) -> None:
    """Have the process group of `pid` ended with us: first that signal, after a grace SIGKILL."""
    global _pipe
    if _pipe is None:
        watcher = subprocess.Popen(
            [sys.executable, "-S", __file__], stdin=subprocess.PIPE, start_new_session=True, close_fds=True
        )
        assert watcher.stdin is not None
        _pipe = watcher.stdin
    _pipe.write(f"{pid} {number.value}\n".encode())
    _pipe.flush()


def watch(lines: IO[bytes]) -> None:
    """Read `PID SIGNAL` lines until the pipe closes, then end those that are still there."""
    tied = [tuple(map(int, line.split())) for line in lines]
    for pid, number in tied:
        _send(pid, number)
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline and any(_send(pid, 0) for pid, _ in tied):
        time.sleep(0.05)
    for pid, _ in tied:
        _send(pid, signal.SIGKILL)


def _send(pid: int, number: int) -> bool:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watch(sys.stdin.buffer)
