"""The catalogue of faults is complete, possible and documented."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from typing import Any, cast

import pytest

from tests.chaos import engage
from tests.chaos.faults import CATALOGUE
from tests.chaos.installation import PROJECT, Installation
from tests.chaos.judge import Verdict
from tests.chaos.scene import Fault, Scene
from workflows.demo.simulators.faults import Faults
from workflows.engine import failpoints

DOCUMENT = (PROJECT / "docs" / "chaos.md").read_text()


def scene(**more: Any) -> Scene:
    """A scene whose installation nobody asks."""
    nowhere = cast("Installation", None)
    return Scene(nowhere, [], random.Random(1), lambda _: None, seconds=1, over=threading.Event(), **more)


@pytest.mark.parametrize("fault", CATALOGUE, ids=lambda fault: fault.name)
class TestEachFault:
    def test_is_documented(self, fault: Fault) -> None:
        assert f"| {fault.name} |" in DOCUMENT

    def test_can_be_injected(self, fault: Fault) -> None:
        points = failpoints.read(fault.failpoints)

        assert {f"{point.letter} {point.action}" for point in points.values()} <= set(fault.needs)
        Faults.model_validate(fault.dials)
        assert fault.needs


def test_no_two_faults_have_one_name() -> None:
    names = [fault.name for fault in CATALOGUE]

    assert names == sorted(set(names))


class TestAnInjectionIsJudged:
    def row(self, found: Scene, *promises: Verdict) -> tuple[str, ...]:
        return engage._row(CATALOGUE[0], found, list(promises), 1.0).offenders

    def test_what_was_not_injected_proves_nothing(self) -> None:
        found = scene()
        assert len(self.row(found)) == len(CATALOGUE[0].needs)

        for need in CATALOGUE[0].needs:
            found.struck(need)
        assert self.row(found) == ()

    def test_what_took_longer_than_promised_is_an_offence(self) -> None:
        found = scene(slack=2)
        found.measure("the first step", 19.9, 10)
        assert found.offenders == []

        found.measure("the first step", 20.1, 10)
        assert found.offenders == ["the first step took 20.1 s, 20 s are allowed"]

    def test_a_promise_that_every_run_is_judged_by_is_one_of_the_fault(self) -> None:
        found = scene()
        for need in CATALOGUE[0].needs:
            found.struck(need)

        assert self.row(found, Verdict("invariants", False, "`verify` fails", ("I11 …",))) == ("invariants: I11 …",)
        assert self.row(found, Verdict("invariants", True, "holds")) == ()


def test_a_strike_is_counted_and_its_attempts_are_followed_until_they_are_made_again(tmp_path: Path) -> None:
    class Nobody:
        """An installation whose worker 7 holds one attempt, which is made again at the second look."""

        data_dir = tmp_path
        looks = 0

        def ask(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
            if "workflows_session" in query:
                return [("id", "charge", "forward", 5)] if parameters == (7,) else []
            self.looks += 1
            return [(self.looks > 1,)]

    folder = tmp_path / failpoints.FOLDER
    folder.mkdir()
    line = '{"letter": "d", "action": "kill9", "passage": 3, "process": 7, "subject": "id"}\n'
    (folder / failpoints.STRIKES).write_text(line)
    strikes = engage.Strikes(cast("Installation", Nobody()))

    strikes.look()
    assert (strikes.counted["d kill9"], list(strikes.open)) == (1, [("id", "charge", "forward")])
    strikes.look()

    assert [letter for letter, _ in strikes.recovered] == ["d"]
    assert not strikes.open
