"""A benchmark counts the CPU of everything it started and leaves nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.processes import bounded, cpu_seconds, spawn, stop, wait_until

BURN = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\nprint(flush=True); input()"
WITH_CHILD = "import subprocess, sys\nsubprocess.Popen(['sleep', '600'])\nprint(flush=True)\nsys.stdin.read()"


def test_the_cpu_time_of_a_child_is_counted(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", BURN]
    child = spawn("burner", argv, logs=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.process.stdout
        child.process.stdout.readline()

        assert cpu_seconds([child.pid]) >= 0.25
        assert cpu_seconds([os.getpid()]) >= cpu_seconds([child.pid])
    finally:
        stop([child])


def test_stopping_a_process_ends_its_children_too(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", WITH_CHILD]
    child = spawn("parent", argv, logs=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.process.stdout
    child.process.stdout.readline()

    stop([child])

    wait_until("the group is gone", lambda: not _group_lives(child.pid), seconds=5)


def test_waiting_in_vain_names_the_condition() -> None:
    with pytest.raises(TimeoutError, match="pigs fly"):
        wait_until("pigs fly", lambda: False, seconds=0.05)


def test_a_blocking_read_ends_when_its_time_is_up() -> None:
    reading, writing = os.pipe()
    try:
        with pytest.raises(TimeoutError, match="the silent one"), bounded("the silent one", seconds=1):
            os.read(reading, 1)
    finally:
        os.close(reading)
        os.close(writing)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
