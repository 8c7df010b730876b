"""What the supervisor promises about processes: restarted, stopped in order, never left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.platform.lineage import alive, command_of, descendants, eventually

ROOT = Path(__file__).resolve().parents[2]
#: runs until it is told to end, and records when it does; it hears from the moment its name stands in `$RECORD.hears`
OBEDIENT = 'trap "echo $0 >> $RECORD; exit 0" TERM; echo $0 >> $RECORD.hears; while :; do sleep 0.05; done'
#: has a child of its own and does not hear
DEAF = 'trap "" TERM; sleep 1000 & while :; do sleep 0.05; done'

Start = Callable[..., "Keeper"]


class Keeper:
    """A running supervisor and what it says."""

    def __init__(self, folder: Path, programs: dict[str, str], *, lifeline: bool) -> None:
        self.record = folder / "record"
        self.record.touch()
        order = {"logs": str(folder / "logs"), "record": str(self.record), "programs": programs, "lifeline": lifeline}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.platform.keeper", json.dumps(order)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []

    def hear(self, wanted: str) -> str:
        """Read until a line contains the words; fails when the supervisor ends before."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if wanted in line:
                return line.rstrip()
        raise AssertionError(f"never said {wanted!r}: {self.said}")

    def child(self, words: str) -> int:
        """The process id of a descendant by words of its command line."""
        return next(pid for pid in descendants(self.process.pid) if words in command_of(pid))

    def recorded(self) -> list[str]:
        return self.record.read_text().split()

    def hears(self) -> list[str]:
        """Which obedient programs have begun to listen."""
        hears = self.record.with_name("record.hears")
        return hears.read_text().split() if hears.exists() else []


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    keepers: list[Keeper] = []

    def begin(*, lifeline: bool = False, **programs: str) -> Keeper:
        named = {name: script.replace("$0", name) for name, script in programs.items()}
        keepers.append(Keeper(tmp_path, named, lifeline=lifeline))
        keepers[-1].hear("watching")
        obedient = {name for name, script in programs.items() if script == OBEDIENT}
        assert eventually(lambda: obedient <= set(keepers[-1].hears()))
        return keepers[-1]

    yield begin
    for keeper in keepers:
        keeper.process.kill()
        keeper.process.communicate()


def test_a_stop_ends_what_stands_on_services_before_the_services_themselves(start: Start) -> None:
    keeper = start(service_one=OBEDIENT, service_two=OBEDIENT, worker=OBEDIENT)

    keeper.process.send_signal(signal.SIGINT)

    assert keeper.process.wait(20) == 0
    assert keeper.recorded() == ["worker", "service_two", "service_one"]


def test_what_does_not_listen_is_killed_with_its_own_children(start: Start) -> None:
    keeper = start(deaf=DEAF)
    assert eventually(lambda: any("sleep 1000" in command_of(pid) for pid in descendants(keeper.process.pid)))
    family = descendants(keeper.process.pid)

    keeper.process.send_signal(signal.SIGTERM)

    assert keeper.process.wait(20) == 0
    assert eventually(lambda: not alive(family))


def test_a_killed_program_runs_again(start: Start) -> None:
    keeper = start(worker=OBEDIENT)
    first = keeper.child("echo worker")

    os.kill(first, signal.SIGKILL)

    assert "ended by SIGKILL" in keeper.hear("worker was")
    keeper.hear("worker runs again")
    assert keeper.child("echo worker") != first


def test_a_program_that_cannot_start_is_given_up_with_its_last_words(start: Start) -> None:
    keeper = start(other=OBEDIENT, broken="echo the disk is full; exit 3")

    assert "broken ended 9 times in a row (ended with code 3)" in keeper.hear("gave up")
    keeper.hear("the disk is full")
    assert keeper.process.wait(20) == 0
    assert keeper.recorded() == ["other"]


@pytest.mark.parametrize("end", ["kill -9 $$", "exit 70"], ids=["killed", "left because a thread was stuck"])
def test_a_program_that_its_work_brings_down_is_started_again_for_ever(start: Start, end: str) -> None:
    keeper = start(other=OBEDIENT, brave=f"echo brave >> $RECORD; {end}")

    assert eventually(lambda: len(keeper.recorded()) > 12)

    assert keeper.process.poll() is None
    assert alive({keeper.child("echo other")})


def test_what_has_finished_its_work_is_not_started_again(start: Start) -> None:
    keeper = start(once="echo once >> $RECORD", worker=OBEDIENT)
    assert eventually(lambda: keeper.recorded() == ["once"])

    os.kill(keeper.child("echo worker"), signal.SIGKILL)
    keeper.hear("worker runs again")

    assert keeper.recorded() == ["once"]


@pytest.mark.parametrize("lifeline", [False, True], ids=["by the kernel", "by the lifeline"])
def test_nothing_survives_a_supervisor_that_is_killed(start: Start, lifeline: bool) -> None:
    keeper = start(lifeline=lifeline, service=OBEDIENT, worker=OBEDIENT)
    family = descendants(keeper.process.pid)
    assert len(family) >= 2

    keeper.process.kill()

    assert eventually(lambda: not alive(family))
