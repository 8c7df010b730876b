"""A dependency that fails is left alone: its work is parked without an attempt, tried by a few, and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from breakers import operations, queries
from breakers.guard import Guard
from breakers.machine import Policy, State
from breakers.models import Breaker, Permit, Transition
from tests.engine.flows_app import flows
from tests.engine.flows_app.far_side import FarSide
from tests.engine.parcels import claim as held
from tests.engine.parcels import lose, started, work
from tests.waiting import wait_until
from tests.worlds import Kept
from workflows.core.state import Direction
from workflows.dsl import TemporaryFailure
from workflows.engine import clock, failpoints, gate, parking, sessions, sweeper
from workflows.models import Work

pytestmark = pytest.mark.usefixtures("guarded")


@pytest.fixture
def guarded(far: FarSide) -> Iterator[FarSide]:
    """The breakers of all test processes, and a guard that has seen nothing yet."""
    gate.breakers = Guard(clock.now)
    parking._let_go.clear()
    gate.open_up()
    yield far
    gate.breakers = Guard(clock.now)


def state(name: str = "left_hand") -> str:
    return Breaker.objects.get(name=name).state


def broken(far: FarSide, calls: int = 5) -> None:
    """So many calls failed, and this process has said so."""
    far.will("first", *[TemporaryFailure("503")] * calls)
    for _ in range(calls):
        started("relay")
    while far.scripts["first"]:
        work()
    gate.breakers.hand_in()


def first_in_line(parcel: Kept) -> None:
    """What broke it is tried again later than this one."""
    Work.objects.exclude(instance_id=parcel.id).update(ready_at=clock.read() + timedelta(hours=1))


def let_probe() -> None:
    """The pause is over."""
    Breaker.objects.filter(state=State.OPEN).update(next_probe_at=clock.read() - timedelta(seconds=1))
    parking.bring_back()
    gate.breakers.hand_in()


def test_failures_in_a_row_open_it_and_the_next_is_parked_without_an_attempt(far: FarSide) -> None:
    broken(far)
    assert state() == "open"
    calls = len(far.seen)

    parcel = started("relay")
    work()

    assert len(far.seen) == calls
    assert parcel.status == "FirstUnavailable"
    assert parcel.history[-1] == "StepParked first"
    assert [(one.parked, one.session_id) for one in parcel.work] == [(True, None)]
    assert (parcel.row.waiting_kind, parcel.row.waiting_name, parcel.lifecycle) == ("breaker", "left_hand", "waiting")
    parcel.check()


def test_a_probe_closes_it_and_the_rest_comes_back(far: FarSide) -> None:
    broken(far)
    parcels = [started("relay") for _ in range(3)]
    work()
    assert Work.objects.filter(parked=True).count() >= 3

    let_probe()
    assert state() == "half_open"
    while Work.objects.exists():
        work()
        gate.breakers.hand_in()
        parking._let_go.clear()
        parking.bring_back()

    assert state() == "closed"
    assert {parcel.status for parcel in parcels} == {"Completed"}
    moves = [(one.was, one.became) for one in queries.moves("left_hand")][::-1]
    assert moves == [("closed", "open"), ("open", "half_open"), ("half_open", "closed")]
    for parcel in parcels:
        assert parcel.said("StepSucceeded")[0]["attempt"] == 1
        parcel.check()


def test_a_failing_probe_opens_it_for_longer(far: FarSide) -> None:
    broken(far)
    parcel = started("relay")
    work()
    first = Breaker.objects.get(name="left_hand").next_probe_at
    far.will("first", *[TemporaryFailure("still 503")] * 9)

    let_probe()
    work()

    breaker = Breaker.objects.get(name="left_hand")
    assert (breaker.state, breaker.reopened) == ("open", 1)
    assert first is not None and breaker.next_probe_at is not None and breaker.next_probe_at > first
    assert not Permit.objects.exists()
    parcel.check()


def test_only_so_many_probes_as_the_rule_says(far: FarSide) -> None:
    broken(far)
    for _ in range(10):
        started("relay")
    work()

    let_probe()

    assert Work.objects.filter(parked=False, dependency="left_hand", session_id=None).count() <= 2 + 5
    generation = Breaker.objects.get(name="left_hand").generation
    taken = [
        operations.take_permit("left_hand", generation, parcel.id, timedelta(seconds=5), clock.now())
        for parcel in [started("relay") for _ in range(5)]
    ]
    assert len([one for one in taken if one]) == 2


def test_the_permit_of_who_died_probing_runs_out_and_somebody_else_probes(far: FarSide, tmp_path: Path) -> None:
    broken(far)
    relay = started("relay")
    work()
    calls = len(far.seen)
    let_probe()

    failpoints.arm("i:raise@1", tmp_path)
    try:
        with pytest.raises(failpoints.Struck):
            work()
    finally:
        failpoints.arm("", tmp_path)

    assert (len(far.seen), Permit.objects.count()) == (calls, 1)
    Permit.objects.update(expires_at=clock.read() - timedelta(seconds=1))
    for leased in Work.objects.exclude(session_id=None):
        lose(Kept(leased.instance_id))
    more = [started("relay") for _ in range(2)]

    def closed() -> bool:
        parking.bring_back()
        return work() + work("quarantine") > 0 and state() == "closed"

    wait_until(closed, "somebody else has probed")
    for one in (relay, *more):
        one.check()


def test_transitions_have_consecutive_generations(far: FarSide) -> None:
    broken(far)
    operations.reset("left_hand", clock.now(), actor="olga", reason="mended")

    assert list(Transition.objects.order_by("generation").values_list("generation", "actor")) == [(2, ""), (3, "olga")]


def test_a_probe_that_hangs_counts_as_failed(far: FarSide) -> None:
    broken(far)
    parcel = started("relay")
    work()
    first_in_line(parcel)
    let_probe()
    claim = held(parcel)
    admission = gate.admit(flows.left_hand, sessions.current().id)
    assert admission is not None and admission.permit is not None

    sweeper.declare_lost(parcel.id, claim.step, Direction.FORWARD, claim.token, sweeper.SLOW)

    breaker = Breaker.objects.get(name="left_hand")
    assert (breaker.state, breaker.reopened) == ("open", 1)
    assert breaker.last_error == "did not answer within its time-out"
    assert not Permit.objects.exists()


def test_a_call_that_hangs_while_calls_pass_counts_as_failed_too(far: FarSide) -> None:
    parcel = started("relay")
    claim = held(parcel)

    sweeper.declare_lost(parcel.id, claim.step, Direction.FORWARD, claim.token, sweeper.SLOW)

    assert (state(), Breaker.objects.get(name="left_hand").consecutive) == ("closed", 1)


def test_what_was_held_up_comes_back_at_the_rules_pace() -> None:
    rule = Policy(drain_per_second=4)

    shares = [parking._share("left_hand", rule)]
    for seconds in (0, 0.3, 0.25, 0, 60):
        parking._let_go["left_hand"] -= seconds
        shares.append(parking._share("left_hand", rule))

    assert shares == [4, 0, 1, 1, 0, 4]  # a second's worth at most, whatever was missed


def test_a_slow_pace_lets_one_go_after_the_other() -> None:
    rule = Policy(drain_per_second=0.5)

    shares = [parking._share("left_hand", rule)]
    for seconds in (1, 1, 1):
        parking._let_go["left_hand"] -= seconds
        shares.append(parking._share("left_hand", rule))

    assert shares == [1, 0, 1, 0]


def test_what_is_parked_for_a_breaker_that_is_gone_comes_back(far: FarSide) -> None:
    broken(far)
    parcel = started("relay")
    work()
    first_in_line(parcel)
    Breaker.objects.all().delete()

    assert parking.bring_back() > 0
    assert not any(one.parked for one in parcel.work)


def test_a_person_who_holds_it_open_is_obeyed_at_the_next_call(far: FarSide) -> None:
    until = clock.read() + timedelta(minutes=5)
    operations.hold("left_hand", State.HELD_OPEN, until, clock.read(), actor="olga", reason="maintenance")
    gate.breakers.hand_in()
    parcel = started("relay")

    work()

    assert far.seen == []
    assert parcel.status == "FirstUnavailable"
    assert parcel.said("AttemptFailed") == []
