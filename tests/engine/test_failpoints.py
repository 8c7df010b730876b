"""Failpoints strike where their letter says, as often as they were told to, and leave a count behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.flows_app.far_side import FarSide
from tests.engine.parcels import lose, posted, started, taken, work, work_until
from workflows.engine import delivery, failpoints, timers
from workflows.engine.failpoints import Struck
from workflows.models import Message

ROOT = Path(__file__).resolve().parents[2]
Arm = Callable[[str], None]


@pytest.fixture
def arm(tmp_path: Path) -> Iterator[Arm]:
    """Arms failpoints in this process for the length of a test."""
    yield lambda text: failpoints.arm(text, tmp_path)
    failpoints.arm("", tmp_path)


def strikes(folder: Path) -> list[tuple[str, int]]:
    lines = (folder / failpoints.FOLDER / failpoints.STRIKES).read_text().splitlines()
    return [(line["letter"], line["passage"]) for line in map(json.loads, lines)]


@pytest.mark.parametrize("odd", ["z:kill9", "d", "d:kill", "d:stop", "d:raise@0", "d:raise@1/2", "d:raise,d:kill9"])
def test_an_odd_failpoint_is_refused(odd: str) -> None:
    with pytest.raises(ValueError, match="letter a-i"):
        failpoints.read(odd)


def test_several_points_strike_at_their_own_passages_counted_over_restarts(tmp_path: Path, arm: Arm) -> None:
    def pass_both() -> list[str]:
        struck = []
        for letter in "ab":
            try:
                failpoints.at(letter)
            except Struck:
                struck.append(letter)
        return struck

    arm("a:raise@2, b:raise/3")
    first = pass_both()
    arm("a:raise@2,b:raise/3")  # as after a restart

    assert [first, *(pass_both() for _ in range(5))] == [[], ["a"], ["b"], [], [], ["b"]]
    assert strikes(tmp_path) == [("a", 2), ("b", 3), ("b", 6)]


def process_with(point: str, folder: Path) -> subprocess.Popen[bytes]:
    """A process that passes point d twice, in the middle of an effect that writes a file."""
    program = f"""
import pathlib
from workflows.engine import failpoints
folder = pathlib.Path({str(folder)!r})
failpoints.arm({point!r}, folder)
for n in "12":
    with failpoints.around("d"):
        (folder / n).touch()
"""
    return subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)


def test_a_killed_process_leaves_its_count_behind(tmp_path: Path) -> None:
    assert process_with("d:kill9@2", tmp_path).wait() == -9

    assert strikes(tmp_path) == [("d", 2)]
    assert (tmp_path / failpoints.FOLDER / "d.passed").stat().st_size == 2


def test_a_kill_comes_before_and_after_the_effect_in_turn(tmp_path: Path) -> None:
    for _ in range(2):
        process_with("d:kill9", tmp_path).wait()

    assert strikes(tmp_path) == [("d", 1), ("d", 2)]
    assert (tmp_path / "1").exists(), "the first died before, the second after"


def test_a_stopped_process_goes_on_by_itself(tmp_path: Path) -> None:
    process = process_with("d:stop:0.1@1", tmp_path)
    status = os.waitpid(process.pid, os.WUNTRACED)[1]

    assert os.WIFSTOPPED(status)
    assert process.wait() == 0


class TestLetters:
    """Each letter, in the life of a test process."""

    def test_a_comes_before_the_claim(self, far: FarSide, arm: Arm) -> None:
        relay = started("relay")
        arm("a:raise")

        with pytest.raises(Struck):
            work()

        assert [row.session_id for row in relay.work] == [None]

    def test_b_comes_when_it_is_claimed_and_nothing_was_done(self, far: FarSide, arm: Arm) -> None:
        relay = started("relay")
        arm("b:raise@1")

        with pytest.raises(Struck):
            work()

        assert far.seen == []
        lose(relay)
        work_until(relay, "Completed")
        relay.check()

    def test_c_comes_in_the_effect_which_is_made_again_under_its_key(self, far: FarSide, arm: Arm) -> None:
        relay = started("relay")
        arm("c:exec_then_raise@1")

        work_until(relay, "Completed")

        assert len(far.keys("first")) == 2
        assert len(set(far.keys("first"))) == 1
        assert relay.said("AttemptFailed")[0]["kind"] == "Struck"

    def test_d_comes_when_the_effect_is_done_and_not_committed(self, far: FarSide, arm: Arm) -> None:
        relay = started("relay")
        arm("d:raise@1")

        with pytest.raises(Struck):
            work()

        assert far.names() == ["first"]
        assert relay.said("StepSucceeded") == []

    def test_e_comes_when_it_is_committed_and_nobody_was_told(self, far: FarSide, arm: Arm) -> None:
        relay = started("relay")
        arm("e:raise@1")

        work()

        assert [said["step"] for said in relay.said("StepSucceeded")] == ["first"]
        lose(relay)
        work_until(relay, "Completed")
        relay.check()

    def test_f_comes_in_the_effect_of_a_compensation(self, far: FarSide, arm: Arm) -> None:
        parcel = taken()
        arm("f:exec_then_raise@1")
        posted(parcel, accepted=False)
        delivery.deliver(Message.objects.get(key=f"L-{parcel.row.key}").id)

        work_until(parcel, "Corrected")

        assert far.names() == ["left", "right", "undo right", "undo right", "undo left"]
        parcel.check()

    def test_g_comes_when_a_message_ends_a_wait_and_is_not_committed(self, far: FarSide, arm: Arm) -> None:
        parcel = taken()
        message = posted(parcel)
        arm("g:raise@1")

        with pytest.raises(Struck):
            delivery.deliver(message.id)

        assert (parcel.waits["confirmed"], Message.objects.get(id=message.id).state) == ("open", "pending")
        assert delivery.deliver(message.id)
        assert parcel.waits["confirmed"] == "satisfied"

    def test_g_comes_when_a_timer_fires_and_is_not_committed(self, far: FarSide, arm: Arm) -> None:
        parcel = taken()
        parcel.timers["confirmed"].__class__.objects.filter(instance_id=parcel.id).update(fire_at=parcel.row.started_at)
        arm("g:raise@1")

        with pytest.raises(Struck):
            timers.fire(parcel.id, "confirmed")

        assert "confirmed" in parcel.timers
