"""Fast work is reserved in batches; what must not be repeated blindly is held only while it is carried out."""

from __future__ import annotations

from collections import deque

import pytest

from tests.engine.flows_app.far_side import FarSide
from tests.engine.flows_app.flows import Number
from tests.engine.parcels import started, work
from workflows.engine import executor
from workflows.models import Work


def held() -> set[tuple[str, str]]:
    return {(row.workflow, row.step) for row in Work.objects.exclude(session_id=None)}


@pytest.fixture(autouse=True)
def _the_left_hand_was_fast_so_far(far: FarSide) -> None:
    executor._durations["left_hand"] = deque([0.001] * 8)


def test_nothing_that_must_not_be_repeated_is_reserved_behind_other_work(far: FarSide) -> None:
    for _ in range(3):
        started("relay")
    started("coin")
    held_meanwhile: set[tuple[str, str]] = set()

    def first() -> Number:
        held_meanwhile.update(held())
        return Number(number="1")

    far.will("first", first)

    work()

    assert held_meanwhile == {("relay", "first")}
    assert far.names().count("strike") == 1


def test_other_work_gets_its_turn_between_batches(far: FarSide) -> None:
    for _ in range(executor.BATCH * 2):
        started("relay")
    started("coin")

    work()

    assert far.names().index("strike") <= executor.BATCH * 4
