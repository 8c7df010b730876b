"""Starts a child process that never outlives us, and stops it for certain."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from console.embedded import lifeline
from console.embedded.accounts import rights

#: prctl(2): the signal this process gets when the thread that started it ends
PR_SET_PDEATHSIG = 1
#: a log that has grown beyond this is set aside when its process starts again
LOG_BYTES = 10 * 1024 * 1024
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Program:
    """How to run one process."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path = Path("/")
    #: run as this user; None: as ourselves
    user: str | None = None
    #: written to its standard input, so that secrets stay off the command line
    stdin: bytes = b""
    stop_signal: signal.Signals = signal.SIGTERM
    #: what the kernel sends it when we die without stopping it
    orphan_signal: signal.Signals = signal.SIGKILL
    grace_seconds: float = 10.0
    #: ending with 0 means its work is done, not that it failed
    may_finish: bool = False
    #: the exit code with which it makes room for a fresh one of itself; not a failure to start either
    leaves_with: int | None = None
    #: others stand on it: it stops after them
    is_service: bool = False


@dataclass(frozen=True)
class Child:
    """A started program and where it writes."""

    program: Program
    process: subprocess.Popen[bytes]
    log: Path

    def last_words(self, lines: int = 12) -> str:
        """The end of its log, for the message that says it failed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""


def start(program: Program, logs: Path) -> Child:
    """Start it in a session of its own, output appended to `logs/NAME.log`. Call from the main thread only.

    Linux ties a child's life to the *thread* that started it; elsewhere the lifeline process does the same job.
    """
    log = _open_log(logs / f"{program.name}.log")
    them = rights(program.user)
    with log.open("ab") as output:
        process = subprocess.Popen(
            program.argv,
            env=dict(program.env),
            cwd=program.cwd,
            stdin=subprocess.PIPE if program.stdin else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_tie_to_us(program.orphan_signal),
            user=them.user,
            group=them.group,
            extra_groups=them.extra_groups,
        )
    if _LIBC is None:
        lifeline.tie(process.pid, program.orphan_signal)
    if program.stdin and process.stdin:
        process.stdin.write(program.stdin)
        process.stdin.close()
    return Child(program, process, log)


def stop(child: Child) -> None:
    """Ask it to end, wait for its grace, then kill it and everything in its process group."""
    ask_to_stop(child)
    await_end(child, child.program.grace_seconds)


def ask_to_stop(child: Child) -> None:
    if child.process.poll() is None:
        _send(child, child.program.stop_signal)


def await_end(child: Child, seconds: float) -> None:
    """Wait for it to end by itself, then kill what is left of its group."""
    try:
        child.process.wait(seconds)
    except subprocess.TimeoutExpired:
        pass
    finally:
        kill_group(child)
        child.process.wait()


def kill_group(child: Child) -> None:
    """End whatever an ended process left behind in its group."""
    _send(child, signal.SIGKILL)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll until the condition holds; False when it still does not after that many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def follow_parent() -> None:
    """Stop when the process that started us dies, if it asked so (WATCHKEEPER_FOLLOWS_PARENT=1), as `make up` does."""
    if _LIBC is not None and os.environ.get("WATCHKEEPER_FOLLOWS_PARENT") == "1":
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM.value, 0, 0, 0)


def _send(child: Child, number: signal.Signals) -> None:
    """A stop goes to the process, which knows its own children; a kill goes to the whole group."""
    try:
        if number == signal.SIGKILL:
            os.killpg(child.process.pid, number)
        else:
            os.kill(child.process.pid, number)
    except (ProcessLookupError, PermissionError):
        pass  # it ended first; macOS says "not permitted" for a group of zombies


def _tie_to_us(number: signal.Signals) -> Callable[[], None] | None:
    """What the child runs between fork and exec, after the change of user, which would clear the setting."""
    if _LIBC is None:
        return None
    libc, parent = _LIBC, os.getpid()

    def tie() -> None:
        libc.prctl(PR_SET_PDEATHSIG, number.value, 0, 0, 0)
        if os.getppid() != parent:  # we died before the tie was made
            os._exit(1)

    return tie


def _open_log(log: Path) -> Path:
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    return log
