"""Child processes of a benchmark: started in their own group, accounted for, and never left behind."""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Child:
    """A running process and the file its words go to."""

    name: str
    process: subprocess.Popen[str]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def tail(self, lines: int = 20) -> str:
        """The last lines it wrote, for the message when it failed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def spawn(
    name: str,
    argv: Sequence[str],
    *,
    logs: Path,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    stdin: int = subprocess.DEVNULL,
    stdout: int | IO[str] | None = None,
    cwd: Path | None = None,
) -> Child:
    """Start a process in a session of its own that dies with this one, even after kill -9.

    `stdout=subprocess.PIPE` keeps its output for a conversation; otherwise both streams go to the log.
    """
    log = logs / f"{name}.log"
    with log.open("a") as sink:
        process = subprocess.Popen(
            list(argv),
            env=dict(env) if env is not None else None,
            cwd=cwd,
            stdin=stdin,
            stdout=sink if stdout is None else stdout,
            stderr=sink,
            text=True,
            start_new_session=True,
            user=user,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
            preexec_fn=_die_with_parent,
        )
    return Child(name, process, log)


def stop(children: Iterable[Child], *, by: int = signal.SIGTERM, grace: float = 10.0) -> None:
    """End the processes, the last started first; whoever outlives the grace (seconds) is killed with its group."""
    for child in reversed(list(children)):
        if child.process.poll() is None:
            child.process.send_signal(by)
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(grace)
        _kill_group(child)
        child.process.wait()
        for stream in (child.process.stdin, child.process.stdout):
            if stream:
                stream.close()


def cpu_seconds(roots: Iterable[int]) -> float:
    """CPU time (user and system, seconds) used so far by the processes and everything below them.

    Counts children that have ended and been waited for; a tick is usually 10 ms.
    """
    parents: dict[int, int] = {}
    used: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        fields = stat[stat.rindex(")") + 2 :].split()
        pid = int(entry.name)
        parents[pid] = int(fields[1])
        used[pid] = sum(int(ticks) for ticks in fields[11:15])
    wanted = set(roots)
    grown = True
    while grown:
        below = {pid for pid, parent in parents.items() if parent in wanted} - wanted
        wanted |= below
        grown = bool(below)
    return sum(used.get(pid, 0) for pid in wanted) / CLOCK_TICKS


def machine_busy_seconds() -> float:
    """CPU time (seconds) the whole machine has spent on anything since it booted, all cores together."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq = (int(ticks) for ticks in fields[:7])
    return (user + nice + system + irq + softirq) / CLOCK_TICKS


@contextmanager
def bounded(what: str, *, seconds: int) -> Iterator[None]:
    """Whatever happens inside, blocking reads included, ends with TimeoutError after that time. Main thread only."""

    def give_up(_signal: int, _frame: object) -> None:
        raise TimeoutError(f"{what} took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def wait_until(condition: str, is_true: Callable[[], bool], *, seconds: float, every: float = 0.02) -> None:
    """Return once `is_true()` holds; raise TimeoutError naming the condition otherwise."""
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:.0f} s in vain: {condition}")
        time.sleep(every)


def _kill_group(child: Child) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _die_with_parent() -> None:
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
