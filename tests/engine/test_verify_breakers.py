"""What breakers promise has its faults planted: in their moves, their probes, and what they hold up."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from breakers import operations
from breakers.machine import State
from breakers.models import Breaker, Permit, Transition
from breakers.window import Tally
from tests.engine.desk import Desk
from tests.engine.tampering import sql
from tests.worlds import principal
from workflows.core import facts
from workflows.core.state import Direction
from workflows.engine import clock, gate, ids, parking
from workflows.interventions import breaking
from workflows.models import AuditEntry, Work
from workflows.verify import verify

pytestmark = pytest.mark.django_db(transaction=True)

GRACE = timedelta(seconds=60)
LONG = timedelta(hours=2)


def broken() -> set[str]:
    """The invariants that do not hold."""
    return {verdict.invariant for verdict in verify(GRACE).verdicts if verdict.offenders}


def problems(invariant: str) -> list[str]:
    """What is wrong; nothing else may be wrong."""
    assert broken() <= {invariant}
    [verdict] = [one for one in verify(GRACE).verdicts if one.invariant == invariant]
    return [f"{offender.subject}: {offender.problem}" for offender in verdict.offenders]


@pytest.fixture
def desk() -> Desk:
    gate.open_up()
    return Desk()


def opened(ago: timedelta = timedelta(0)) -> None:
    """The fraud provider's breaker opened."""
    tally = Tally()
    for _ in range(5):
        tally = tally.with_call(failed=True, slow=False, error="503")
    operations.seen("fraud", tally, Breaker.objects.get(name="fraud").generation, 0, clock.read() - ago)


def trying() -> int:
    """It lets probes go; the generation they belong to."""
    opened(LONG)
    operations.upkeep(clock.read())
    return Breaker.objects.get(name="fraud").generation


def closed(ago: timedelta) -> None:
    """It opened, and so long ago it closed again."""
    generation = trying()
    for _ in range(2):
        operations.probed("fraud", 0, generation, clock.read() - ago, failed=False)


def parked(desk: Desk, ago: timedelta = timedelta(0)) -> UUID:
    """An order whose fraud check was refused."""
    instance_id = desk.start()
    claim = desk.claimed(instance_id, "risk")
    desk.report(claim, facts.Barred(step="risk", direction=Direction.FORWARD, token=claim.token, dependency="fraud"))
    desk.succeed(desk.claimed(instance_id, "stock"))
    Work.objects.filter(instance_id=instance_id).update(ready_at=clock.read() - ago)
    return instance_id


def test_an_outage_with_everything_in_it_is_clean(desk: Desk) -> None:
    parked(desk)
    opened()
    breaking.act(principal(), "reset", "fraud", reason="mended")
    generation = Breaker.objects.get(name="fraud").generation
    assert operations.take_permit("fraud", generation, ids.new_id(), timedelta(minutes=1), clock.read())
    breaking.act(principal(), "hold-closed", "payments", reason="the month ends")
    breaking.act(principal(), "release", "payments", reason="it has ended")

    assert broken() == set()


# --- I28 --------------------------------------------------------------------------------------------------------------


def move(was: str, became: str, generation: int, actor: str = "") -> None:
    """A transition nobody made, and the breaker as it would stand."""
    now = clock.read()
    Transition.objects.create(
        breaker="fraud", generation=generation, at=now, was=was, became=became, cause="-", actor=actor
    )
    at = now + LONG if became == "open" else None
    until = now + LONG if became.startswith("held") else None
    Breaker.objects.filter(name="fraud").update(
        state=became, generation=generation, next_probe_at=at, held_until=until, held_by="olga" if until else ""
    )


def test_i28_a_move_no_breaker_makes(desk: Desk) -> None:
    move("closed", "half_open", 2)

    assert problems("I28") == ["fraud: transition 2 goes from closed to half_open, which no breaker does"]


def test_i28_a_missing_move(desk: Desk) -> None:
    move("closed", "open", 2)
    move("half_open", "closed", 4)

    assert problems("I28") == [
        "fraud: transition 4 follows transition 2",
        "fraud: transition 4 begins at half_open, but the breaker was open",
    ]


def test_i28_a_breaker_that_is_not_where_it_went(desk: Desk) -> None:
    opened()

    Breaker.objects.filter(name="fraud").update(state="closed", next_probe_at=None)

    assert problems("I28") == ["fraud: is closed in generation 2, but its transitions lead to open in 2"]


def test_i28_a_breaker_that_never_moved_and_is_not_closed(desk: Desk) -> None:
    Breaker.objects.filter(name="fraud").update(state="half_open", generation=7)

    assert problems("I28") == ["fraud: is half_open in generation 7, but its transitions lead to closed in 1"]


def test_i28_moves_of_nobody(desk: Desk) -> None:
    opened()

    Breaker.objects.filter(name="fraud").delete()

    assert problems("I28") == ["fraud: has transitions, but there is no such breaker"]


def test_i28_a_hold_that_names_nobody(desk: Desk) -> None:
    move("closed", "held_open", 2)

    assert problems("I28") == ["fraud: transition 2 to held_open names nobody"]


# --- I29 --------------------------------------------------------------------------------------------------------------


def test_i29_more_probes_than_allowed(desk: Desk) -> None:
    generation = trying()
    later = clock.read() + LONG
    for _ in range(3):
        Permit.objects.create(
            breaker="fraud", generation=generation, holder=ids.new_id(), taken_at=clock.read(), expires_at=later
        )

    assert problems("I29") == ["fraud: 3 probes are under way, 2 are allowed"]


def test_i29_a_probe_while_it_is_open(desk: Desk) -> None:
    opened()
    later = clock.read() + LONG
    Permit.objects.create(breaker="fraud", generation=2, holder=ids.new_id(), taken_at=later, expires_at=later)

    assert problems("I29") == ["fraud: 1 probes are permitted although it is open (generation 2)"]


@pytest.mark.parametrize("outcome", ["succeeds", "fails"])
def test_i29_a_call_while_it_was_open(desk: Desk, outcome: str) -> None:
    opened(timedelta(seconds=8))
    claim = desk.claimed(desk.start(), "risk")

    desk.succeed(claim) if outcome == "succeeds" else desk.fail(claim)

    assert broken() == {"I29"}


def test_i29_a_call_that_was_under_way_when_it_opened_is_no_offence(desk: Desk) -> None:
    claim = desk.claimed(desk.start(), "risk")
    opened()

    desk.succeed(claim)

    assert broken() == set()


# --- I30 --------------------------------------------------------------------------------------------------------------


def test_i30_a_probe_that_ran_out_and_still_counts(desk: Desk) -> None:
    generation, past = trying(), clock.read() - LONG
    Permit.objects.create(breaker="fraud", generation=generation, holder=ids.new_id(), taken_at=past, expires_at=past)

    assert broken() == {"I30"}


def test_i30_an_open_breaker_that_does_not_try_again(desk: Desk) -> None:
    opened(LONG)

    assert broken() == {"I30"}


def test_i30_a_hold_that_does_not_end(desk: Desk) -> None:
    breaking.act(principal(), "hold-open", "fraud", reason="maintenance")

    Breaker.objects.filter(name="fraud").update(held_until=clock.read() - LONG)

    assert broken() == {"I30"}


def test_i30_parked_work_that_does_not_come_back_although_calls_pass(desk: Desk) -> None:
    parked(desk, LONG)
    closed(timedelta(minutes=5))

    assert broken() == {"I30"}
    assert problems("I30")[0].startswith("fraud: 1 pieces of work are parked for it, the oldest since ")


def test_i30_parked_work_that_comes_back_bit_by_bit_is_no_offence(desk: Desk) -> None:
    for _ in range(3):
        parked(desk, LONG)
    operations.tune("fraud", {"drain_per_second": 1})
    closed(timedelta(minutes=5))
    parking._let_go.clear()

    assert parking.bring_back() == 1
    assert broken() == set()


def test_i30_a_slow_pace_explains_a_long_wait(desk: Desk) -> None:
    parked(desk, LONG)
    operations.tune("fraud", {"drain_per_second": 0.01})
    closed(timedelta(minutes=3))

    assert broken() == set()


def test_i30_a_breaker_that_tries_and_lets_nobody_probe(desk: Desk) -> None:
    parked(desk, LONG)
    trying()
    sql("UPDATE breakers_breaker SET since = %(past)s", past=clock.read() - LONG)

    assert broken() == {"I30"}


def test_i30_a_breaker_that_nobody_has_to_ask_may_wait(desk: Desk) -> None:
    trying()
    sql("UPDATE breakers_breaker SET since = %(past)s", past=clock.read() - LONG)

    assert broken() == set()


# --- I01 and I33 ------------------------------------------------------------------------------------------------------


def test_i01_work_that_is_parked_and_nobody_can_see_it(desk: Desk) -> None:
    instance_id = desk.start()

    Work.objects.filter(instance_id=instance_id, step="risk").update(parked=True)

    assert broken() == {"I01"}


def test_i01_work_for_another_system_than_the_steps(desk: Desk) -> None:
    instance_id = desk.start()

    Work.objects.filter(instance_id=instance_id, step="risk").update(dependency="erp")

    assert broken() == {"I01"}


def test_i33_a_move_of_a_person_that_the_audit_does_not_know(desk: Desk) -> None:
    until = clock.read() + LONG
    operations.hold("fraud", State.HELD_OPEN, until, clock.read(), actor="olga", reason="secretly")

    assert problems("I33") == ["fraud: olga moved it 1 times, the audit says 0 times"]


def test_i33_an_act_that_moved_nothing(desk: Desk) -> None:
    breaking.act(principal(), "hold-open", "fraud", reason="why")
    AuditEntry.objects.create(
        act_id=ids.new_id(), at=clock.read(), actor_kind="user", actor="olga", action="release", target="fraud",
        allowed=True, reason="why",
    )  # fmt: skip

    assert problems("I33") == ["fraud: olga moved it 1 times, the audit says 2 times"]
