"""Fast work is reserved in batches; what must not be repeated blindly is held only while it is carried out."""

from __future__ import annotations

from collections import deque

import pytest

from tests.engine.flows_app.far_side import FarSide
from tests.engine.flows_app.flows import Number
from tests.engine.parcels import started, work
from tests.worlds import Kept
from workflows.engine import executor, store
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


def transactions(step: str) -> tuple[int, int]:
    """How many successes of a step there are, and in how many transactions they were written."""
    found = store.run(
        "SELECT count(*), count(DISTINCT xid) FROM workflows_event WHERE type = 'StepSucceeded' AND step = $1", (step,)
    )
    return found[0][0], found[0][1]


def test_what_a_batch_did_is_committed_together(far: FarSide) -> None:
    for _ in range(8):
        started("relay")

    work()

    successes, commits = transactions("first")
    assert successes == 8
    assert commits < 8


def test_what_cannot_be_saved_takes_nothing_else_with_it(far: FarSide) -> None:
    parcels = [started("relay") for _ in range(8)]
    in_the_way(parcels[3])

    work()

    stays = [parcel for parcel in parcels if parcel.row.ended_at is None]
    assert stays == [parcels[3]]


def in_the_way(parcel: Kept) -> None:
    """An event stands where the next one of this instance belongs."""
    store.run(
        """
        INSERT INTO workflows_event (instance_id, at, actor_kind, actor, correlation_id, seq, generation, type, schema,
                                     step, data, token, payload_digest, hash)
        SELECT instance_id, at, actor_kind, actor, correlation_id, seq + 1, generation, 'Planted', schema,
               step, data, token, payload_digest, hash
        FROM workflows_event WHERE instance_id = $1 ORDER BY seq DESC LIMIT 1
        """,
        (parcel.id,),
    )
