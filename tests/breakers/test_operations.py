"""Breakers that many processes change at once, on a real database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction

from breakers import operations, policies, queries
from breakers.guard import PERIOD, Guard
from breakers.machine import BadPolicy, NotNow, Policy, State
from breakers.models import Breaker, Permit, Transition
from breakers.operations import Moved, UnknownBreaker
from breakers.window import Tally
from tests.worlds import together

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2010, 12, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
RULE = Policy(consecutive=5, probes=3, successes=2, open_for=10 * SECOND)
PROCESS = UUID(int=7)


@pytest.fixture(autouse=True)
def fraud() -> None:
    """One declared dependency."""
    operations.declare({"fraud": RULE}, NOON)


def row() -> Breaker:
    return Breaker.objects.get(name="fraud")


def failures(count: int) -> Tally:
    made = Tally()
    for _ in range(count):
        made = made.with_call(failed=True, slow=False, error="503")
    return made


def opened() -> None:
    operations.seen("fraud", failures(5), row().generation, 0, NOON)
    assert row().state == State.OPEN


def trying() -> int:
    """It lets probes go; the generation they belong to."""
    opened()
    operations.upkeep(NOON + 10 * SECOND)
    assert row().state == State.HALF_OPEN
    return row().generation


def permit(generation: int, *, at: datetime = NOON, holder: UUID = PROCESS) -> int | None:
    return operations.take_permit("fraud", generation, holder, 5 * SECOND, at)


# --- many at once -----------------------------------------------------------------------------------------------------


def test_sixteen_processes_ask_for_permits_and_exactly_as_many_as_the_rule_says_get_one() -> None:
    generation = trying()

    given = together(*[lambda: permit(generation, holder=uuid4()) for _ in range(16)])

    assert len([one for one in given if one is not None]) == RULE.probes
    assert Permit.objects.count() == RULE.probes


def test_processes_that_see_the_same_trouble_at_once_make_one_transition() -> None:
    def seen() -> str:
        return operations.seen("fraud", failures(5), 1, 2, NOON).cause

    causes = together(*[seen] * 16)

    assert len([cause for cause in causes if cause]) == 1
    assert [(one.generation, one.was, one.became) for one in Transition.objects.all()] == [(2, "closed", "open")]
    assert row().refused_total == 32


def test_failures_of_many_processes_add_up() -> None:
    together(*[lambda: operations.seen("fraud", failures(1), 1, 0, NOON)] * 5)

    assert row().state == State.OPEN
    assert Transition.objects.get().cause == "5 calls in a row failed"


def test_probes_that_end_at_once_close_it_once() -> None:
    generation = trying()
    permits = [permit(generation) for _ in range(3)]

    together(*[lambda one=one: operations.probed("fraud", one, generation, NOON, failed=False) for one in permits])

    assert row().state == State.CLOSED
    assert Transition.objects.filter(became="closed").count() == 1
    assert not Permit.objects.exists()


def test_two_pumps_let_its_time_pass_once() -> None:
    opened()

    moved = together(*[lambda: operations.upkeep(NOON + 10 * SECOND)] * 4)

    assert sum(len(one) for one in moved) == 1  # type: ignore[arg-type]
    assert row().generation == 3


# --- permits ----------------------------------------------------------------------------------------------------------


def test_nobody_probes_unless_it_tries_and_only_in_its_present_generation() -> None:
    assert permit(1) is None
    generation = trying()

    assert permit(generation - 1) is None
    assert permit(generation) is not None
    assert operations.take_permit("nobody", 1, PROCESS, SECOND, NOON) is None


def test_a_permit_that_ran_out_makes_room_for_another() -> None:
    generation = trying()
    for _ in range(3):
        permit(generation)

    assert permit(generation, at=NOON + 4 * SECOND) is None
    assert permit(generation, at=NOON + 5 * SECOND) is not None
    assert Permit.objects.count() == 1


def test_a_permit_that_is_given_back_makes_room_for_another() -> None:
    generation = trying()
    permits = [permit(generation) for _ in range(3)]

    operations.return_permit(permits[0] or 0)

    assert permit(generation) is not None
    assert permit(generation) is None


def test_permits_that_ran_out_are_cleared_away_by_the_pump() -> None:
    generation = trying()
    permit(generation)

    operations.upkeep(NOON + 6 * SECOND)

    assert not Permit.objects.exists()
    assert row().state == State.HALF_OPEN


def test_a_failed_probe_ends_all_permits() -> None:
    generation = trying()
    first = permit(generation)
    permit(generation)

    operations.probed("fraud", first or 0, generation, NOON, failed=True, error="still 503")

    assert (row().state, row().last_error) == (State.OPEN, "still 503")
    assert not Permit.objects.exists()


def test_a_probe_of_an_older_generation_changes_nothing() -> None:
    generation = trying()
    late = permit(generation)
    operations.probed("fraud", permit(generation) or 0, generation, NOON, failed=True)
    operations.upkeep(NOON + 60 * SECOND)

    operations.probed("fraud", late or 0, generation, NOON, failed=True)

    assert (row().state, row().generation) == (State.HALF_OPEN, generation + 2)


def test_the_permit_of_a_process_is_found_by_its_holder() -> None:
    generation = trying()
    mine = permit(generation)

    assert operations.permit_of("fraud", PROCESS) == (mine, generation)
    assert operations.permit_of("fraud", uuid4()) is None


# --- people -----------------------------------------------------------------------------------------------------------


def test_a_hold_runs_out_by_itself() -> None:
    operations.hold("fraud", State.HELD_OPEN, NOON + 60 * SECOND, NOON, actor="olga", reason="maintenance")

    assert operations.upkeep(NOON + 59 * SECOND) == []
    assert (row().held_by, row().held_reason) == ("olga", "maintenance")
    operations.upkeep(NOON + 60 * SECOND)

    assert (row().state, row().held_by, row().held_until) == (State.HALF_OPEN, "", None)
    newest = queries.moves("fraud")[0]
    assert (newest.cause, newest.actor) == ("the hold has run out", "")


def test_what_people_do_says_who_and_why() -> None:
    until = NOON + 60 * SECOND
    opened()
    operations.reset("fraud", NOON, actor="olga", reason="they are back")
    operations.hold("fraud", State.HELD_CLOSED, until, NOON, actor="otto", reason="the month ends")
    operations.release("fraud", NOON, actor="olga", reason="done")

    assert [(one.became, one.actor, one.reason) for one in queries.moves("fraud")] == [
        ("closed", "olga", "done"),
        ("held_closed", "otto", "the month ends"),
        ("half_open", "olga", "they are back"),
        ("open", "", ""),
    ]


def test_what_makes_no_sense_changes_nothing() -> None:
    with pytest.raises(NotNow):
        operations.reset("fraud", NOON, actor="olga", reason="?")
    with pytest.raises(NotNow):
        operations.release("fraud", NOON, actor="olga", reason="?")

    assert row().generation == 1
    assert not Transition.objects.exists()


def test_nobody_acts_on_a_breaker_that_is_not_there() -> None:
    with pytest.raises(UnknownBreaker):
        operations.reset("nobody", NOON, actor="olga", reason="?")
    with pytest.raises(UnknownBreaker):
        operations.tune("nobody", {})

    assert operations.seen("nobody", failures(9), 1, 3, NOON).cause == ""


def test_tuning_counts_at_once_and_can_be_taken_back() -> None:
    before, after = operations.tune("fraud", {"consecutive": 2, "drain_per_second": 1})
    operations.seen("fraud", failures(2), 1, 0, NOON)

    assert (before, after) == (RULE, replace(RULE, consecutive=2, drain_per_second=1))
    assert row().state == State.OPEN
    assert operations.tune("fraud", {"consecutive": None})[1] == replace(RULE, drain_per_second=1)
    standing = queries.standing("fraud", NOON)
    assert standing is not None
    assert (standing.tuned, standing.declared) == (("drain_per_second",), RULE)


@pytest.mark.parametrize(
    ("changes", "part"),
    [({"probes": 0}, "probes"), ({"naps": 3}, "naps"), ({"naps": None}, "naps"), ({"open_cap": 1}, "open_cap")],
)
def test_an_odd_tuning_is_refused_and_nothing_of_it_is_kept(changes: dict[str, float], part: str) -> None:
    with pytest.raises(BadPolicy) as refused:
        operations.tune("fraud", {"consecutive": 2, **changes})

    assert refused.value.field == part
    assert row().tuned == {}


def test_a_new_declaration_takes_effect_and_keeps_what_is_tuned() -> None:
    operations.tune("fraud", {"probes": 1})
    operations.declare({"fraud": replace(RULE, consecutive=9)}, NOON)

    assert operations.policy_of(row()) == replace(RULE, consecutive=9, probes=1)
    assert row().since == NOON


def test_a_tuning_that_a_new_declaration_contradicts_does_not_stop_anybody() -> None:
    operations.tune("fraud", {"open_for": 100})
    operations.declare({"fraud": replace(RULE, open_cap=50 * SECOND)}, NOON)

    assert operations.policy_of(row()) == replace(RULE, open_cap=50 * SECOND)
    assert Guard(lambda: NOON).admit("fraud", PROCESS, SECOND) is not None


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_refused_calls_are_counted_while_it_keeps_calls_away() -> None:
    opened()
    operations.seen("fraud", Tally(), 0, 7, NOON)
    assert (row().refused, row().refused_total) == (7, 7)

    operations.hold("fraud", State.HELD_CLOSED, NOON + SECOND, NOON, actor="olga", reason="let them")
    operations.seen("fraud", Tally(), 0, 2, NOON)  # of a process that had not heard of it

    assert (row().refused, row().refused_total) == (0, 9)


@pytest.mark.parametrize(
    "odd",
    [
        {"state": "ajar"},
        {"state": "open"},
        {"next_probe_at": NOON},
        {"state": "held_open"},
        {"held_by": "olga"},
        {"state": "held_open", "held_by": "olga"},
    ],
)
def test_the_database_keeps_no_breaker_that_makes_no_sense(odd: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Breaker.objects.filter(name="fraud").update(**odd)


# --- one process ------------------------------------------------------------------------------------------------------


def test_a_process_tells_of_the_transition_its_calls_led_to() -> None:
    told: list[Moved] = []
    guard = Guard(lambda: NOON, told.append)
    for _ in range(5):
        admission = guard.admit("fraud", PROCESS, SECOND)
        assert admission is not None
        guard.ended(admission, failed=True, took=SECOND, error="503")

    guard.hand_in()

    assert [(one.name, one.after.state) for one in told] == [("fraud", State.OPEN)]
    assert guard.admit("fraud", PROCESS, SECOND) is None
    guard.hand_in()
    assert row().refused == 1


def test_a_process_that_had_not_heard_of_it_stops_within_a_quarter_of_a_second() -> None:
    guard = Guard(lambda: NOON)
    assert guard.admit("fraud", PROCESS, SECOND) is not None
    opened()

    guard._looked -= PERIOD

    assert guard.admit("fraud", PROCESS, SECOND) is None


def test_what_a_process_saw_before_a_transition_does_not_count_after_it() -> None:
    guard = Guard(lambda: NOON)
    admissions = [guard.admit("fraud", PROCESS, SECOND) for _ in range(5)]
    opened()
    operations.hold("fraud", State.HELD_CLOSED, NOON + SECOND, NOON, actor="olga", reason="let them")
    operations.release("fraud", NOON, actor="olga", reason="enough")
    for admission in admissions:
        assert admission is not None
        guard.ended(admission, failed=True, took=SECOND)

    guard.hand_in()

    assert row().state == State.CLOSED


def test_a_dependency_without_a_breaker_is_called() -> None:
    admission = Guard(lambda: NOON).admit("nobody", PROCESS, SECOND)

    assert admission is not None
    assert admission.permit is None


def test_the_stored_rule_is_what_was_declared() -> None:
    assert row().declared == policies.dump(RULE)
