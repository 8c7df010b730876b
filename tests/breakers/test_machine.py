"""A breaker as arithmetic: every way it may go, every way it may not, and what holds whatever happens."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breakers import machine, policies
from breakers.machine import HELD, LEGAL, PASSING, BadPolicy, Change, Hold, NotNow, Policy, Stand, State
from breakers.window import Tally

NOON = datetime(2010, 12, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
RULE = Policy(
    consecutive=3, minimum_calls=4, failure_share=0.5, successes=2, open_for=10 * SECOND, open_cap=60 * SECOND
)
#: only failures in a row count
ROWS = replace(RULE, minimum_calls=100)


def tally(pattern: str) -> Tally:
    """What one process saw: x failed, s was slow, anything else went well."""
    made = Tally()
    for call in pattern:
        made = made.with_call(failed=call == "x", slow=call == "s", error="503")
    return made


def saw(stand: Stand, *patterns: str, now: datetime = NOON, rule: Policy = RULE) -> Change:
    """Several processes hand in, one after the other; the last change."""
    change = Change(stand)
    for pattern in patterns:
        change = machine.seen(change.stand, rule, tally(pattern), change.stand.generation, now)
    return change


def opened(now: datetime = NOON) -> Stand:
    return saw(Stand(), "xxx", now=now).stand


def trying() -> Stand:
    return machine.passed(opened(), NOON + 10 * SECOND).stand


def held(state: State, before: Stand | None = None) -> Stand:
    return machine.hold(before or Stand(), state, Hold("olga", "maintenance", NOON + 60 * SECOND)).stand


#: one stand in every state
STANDS = {
    State.CLOSED: Stand(),
    State.OPEN: opened(),
    State.HALF_OPEN: trying(),
    State.HELD_OPEN: held(State.HELD_OPEN),
    State.HELD_CLOSED: held(State.HELD_CLOSED),
}


# --- the rule ---------------------------------------------------------------------------------------------------------


def test_failures_in_a_row_open_it() -> None:
    change = saw(Stand(), "x", "xx")

    assert (change.stand.state, change.cause) == (State.OPEN, "3 calls in a row failed")
    assert change.stand.next_probe_at == NOON + 10 * SECOND


def test_the_row_goes_on_across_the_processes_that_hand_in() -> None:
    assert saw(Stand(), "x", "x", "x", rule=ROWS).stand.state is State.OPEN
    assert saw(Stand(), ".x", "x.x", rule=ROWS).stand.state is State.CLOSED
    assert saw(Stand(), ".x", "x.x", "xx", rule=ROWS).stand.state is State.OPEN
    assert saw(Stand(), ".x", "", "xx.", rule=ROWS).stand.state is State.OPEN


@pytest.mark.parametrize("pattern", ["xxx", "..xxx", "xxx..", ".xxx."])
def test_a_row_inside_what_one_process_saw_counts(pattern: str) -> None:
    assert saw(Stand(), pattern, rule=ROWS).stand.state is State.OPEN


def test_a_success_ends_the_row() -> None:
    assert saw(Stand(), "xx", ".", "x", rule=ROWS).stand.consecutive == 1


def test_a_share_of_enough_calls_opens_it() -> None:
    change = saw(Stand(), "x.", "x.")

    assert change.stand.state is State.OPEN
    assert change.cause == "50% of 4 calls within 30 s failed"


def test_too_few_calls_say_nothing() -> None:
    assert saw(Stand(), "x.x").stand.state is State.CLOSED


def test_what_has_grown_old_no_longer_counts() -> None:
    before = saw(Stand(), "x.").stand

    assert saw(before, "x.", now=NOON + 60 * SECOND).stand.state is State.CLOSED


def test_slow_calls_are_counted_and_open_nothing() -> None:
    change = saw(Stand(), "ssssssssss")

    assert change.stand.state is State.CLOSED
    assert change.stand.window.slow_share == 1


def test_what_was_seen_under_an_older_generation_says_nothing() -> None:
    for stand in STANDS.values():
        assert machine.seen(stand, RULE, tally("xxxx"), stand.generation - 1, NOON) == Change(stand)
        assert machine.probed(stand, RULE, stand.generation - 1, NOON, failed=True) == Change(stand)


def test_calls_that_end_while_it_lets_none_pass_say_nothing() -> None:
    for state in set(State) - PASSING:
        stand = STANDS[state]
        assert machine.seen(stand, RULE, tally("xxxx"), stand.generation, NOON) == Change(stand)


# --- coming back ------------------------------------------------------------------------------------------------------


def test_it_tries_again_when_its_pause_is_over_and_not_before() -> None:
    stand = opened()

    assert machine.passed(stand, NOON + 9 * SECOND) == Change(stand)
    assert machine.passed(stand, NOON + 10 * SECOND).stand.state is State.HALF_OPEN


def test_enough_successful_probes_close_it_and_all_is_forgotten() -> None:
    first = machine.probed(trying(), RULE, trying().generation, NOON, failed=False)
    second = machine.probed(first.stand, RULE, trying().generation, NOON, failed=False)

    assert (first.stand.state, first.stand.probed, first.cause) == (State.HALF_OPEN, 1, "")
    assert second.stand == Stand(State.CLOSED, trying().generation + 1)
    assert second.cause == "2 of 2 probes succeeded"


def test_a_failed_probe_opens_it_for_twice_as_long_up_to_the_cap() -> None:
    stand, pauses = opened(), []
    for _ in range(5):
        assert stand.next_probe_at is not None
        stand = machine.passed(stand, stand.next_probe_at).stand
        stand = machine.probed(stand, RULE, stand.generation, NOON, failed=True).stand
        assert stand.next_probe_at is not None
        pauses.append((stand.next_probe_at - NOON) / SECOND)

    assert pauses == [20, 40, 60, 60, 60]


def test_a_probe_that_reports_when_it_no_longer_tries_changes_nothing() -> None:
    for state in set(State) - {State.HALF_OPEN}:
        stand = STANDS[state]
        assert machine.probed(stand, RULE, stand.generation, NOON, failed=True) == Change(stand)


def test_the_pause_is_no_overflow_after_very_many_failures() -> None:
    assert machine.pause(RULE, 10_000) == RULE.open_cap


# --- people -----------------------------------------------------------------------------------------------------------


def test_a_reset_lets_probes_go_at_once_with_the_shortest_pause_behind_it() -> None:
    stand = machine.reset(replace(opened(), reopened=4)).stand

    assert (stand.state, stand.reopened, stand.next_probe_at) == (State.HALF_OPEN, 0, None)


@pytest.mark.parametrize("state", sorted(set(State) - {State.OPEN}))
def test_there_is_nothing_to_reset_unless_it_is_open(state: State) -> None:
    with pytest.raises(NotNow):
        machine.reset(STANDS[state])


def test_a_reset_does_not_end_what_somebody_holds() -> None:
    with pytest.raises(NotNow, match="olga holds it; a hold ends by being released"):
        machine.reset(STANDS[State.HELD_OPEN])


@pytest.mark.parametrize(("before", "state"), list(product(State, sorted(HELD))))
def test_it_can_be_held_from_everywhere(before: State, state: State) -> None:
    stand = held(state, STANDS[before])

    assert (stand.state, stand.generation) == (state, STANDS[before].generation + 1)
    assert stand.hold is not None and stand.next_probe_at is None


def test_a_held_breaker_lets_everything_pass_or_nothing_whatever_is_seen() -> None:
    closed = STANDS[State.HELD_CLOSED]

    change = machine.seen(closed, RULE, tally("xxxxxxxxxx"), closed.generation, NOON)

    assert change.stand.state is State.HELD_CLOSED
    assert change.stand.window.failure_share == 1  # people see what it would have done


@pytest.mark.parametrize(("state", "after"), [(State.HELD_OPEN, State.HALF_OPEN), (State.HELD_CLOSED, State.CLOSED)])
def test_a_hold_ends_by_itself_or_by_release(state: State, after: State) -> None:
    stand = STANDS[state]

    assert machine.passed(stand, NOON + 59 * SECOND) == Change(stand)
    for change in (machine.passed(stand, NOON + 60 * SECOND), machine.release(stand)):
        assert (change.stand.state, change.stand.hold) == (after, None)


@pytest.mark.parametrize("state", sorted(set(State) - HELD))
def test_there_is_nothing_to_release_unless_somebody_holds_it(state: State) -> None:
    with pytest.raises(NotNow, match="nobody holds it"):
        machine.release(STANDS[state])


@pytest.mark.parametrize("state", sorted(set(State) - HELD))
def test_nobody_holds_it_in_a_state_of_its_own(state: State) -> None:
    with pytest.raises(AssertionError):
        machine.hold(Stand(), state, Hold("olga", "why", NOON))


# --- every transition -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("was", "became"), list(product(State, State)))
def test_a_transition_is_made_exactly_if_the_table_has_it(was: State, became: State) -> None:
    stand = STANDS[was]
    if became in LEGAL[was]:
        change = machine._moved(stand, became, "because")
        assert (change.stand.state, change.stand.generation) == (became, stand.generation + 1)
    else:
        with pytest.raises(AssertionError):
            machine._moved(stand, became, "because")


def test_every_legal_transition_can_be_reached() -> None:
    hold = Hold("olga", "why", NOON + SECOND)
    later = NOON + timedelta(hours=1)
    reached = set()
    for was, stand in STANDS.items():
        changes = [
            machine.seen(stand, RULE, tally("xxx"), stand.generation, NOON),
            machine.passed(stand, later),
            machine.probed(stand, RULE, stand.generation, NOON, failed=True),
            machine.probed(replace(stand, probed=1), RULE, stand.generation, NOON, failed=False),
            *(machine.hold(stand, state, hold) for state in HELD),
        ]
        reached |= {(was, change.stand.state) for change in changes if change.cause}

    assert reached == {(was, became) for was, several in LEGAL.items() for became in several}


# --- whatever happens -------------------------------------------------------------------------------------------------

_TALLIES = st.text("x.s", max_size=8).map(tally)
_DEEDS = st.one_of(
    st.tuples(st.just("seen"), _TALLIES, st.integers(-1, 0)),
    st.tuples(st.just("probed"), st.booleans(), st.integers(-1, 0)),
    st.tuples(st.just("passed")),
    st.tuples(st.just("reset")),
    st.tuples(st.just("release")),
    st.tuples(st.just("hold"), st.sampled_from(sorted(HELD)), st.integers(1, 90)),
)
_RULES = st.builds(
    Policy,
    consecutive=st.integers(1, 6),
    failure_share=st.floats(0.01, 1),
    minimum_calls=st.integers(1, 12),
    window=st.integers(1, 120).map(lambda n: timedelta(seconds=n)),
    open_for=st.integers(1, 30).map(lambda n: timedelta(seconds=n)),
    open_cap=st.integers(30, 300).map(lambda n: timedelta(seconds=n)),
    probes=st.integers(1, 4),
    successes=st.integers(1, 4),
)


def _done(stand: Stand, rule: Policy, deed: tuple[object, ...], now: datetime) -> Change:
    match deed:
        case ("seen", Tally() as found, int(age)):
            return machine.seen(stand, rule, found, stand.generation + age, now)
        case ("probed", bool(failed), int(age)):
            return machine.probed(stand, rule, stand.generation + age, now, failed=failed)
        case ("passed",):
            return machine.passed(stand, now)
        case ("reset",):
            return machine.reset(stand)
        case ("release",):
            return machine.release(stand)
        case ("hold", State() as state, int(seconds)):
            return machine.hold(stand, state, Hold("olga", "why", now + timedelta(seconds=seconds)))
    raise AssertionError(deed)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_RULES, st.lists(st.tuples(st.integers(0, 40), _DEEDS), max_size=60))
def test_no_row_of_events_breaks_what_must_hold(rule: Policy, deeds: list[tuple[int, tuple[object, ...]]]) -> None:
    stand, now = Stand(), NOON
    for seconds, deed in deeds:
        now += timedelta(seconds=seconds)
        try:
            change = _done(stand, rule, deed, now)
        except NotNow:
            continue
        after = change.stand
        assert after.generation == stand.generation + bool(change.cause)
        assert after.state in LEGAL[stand.state] if change.cause else after.state is stand.state
        assert (after.next_probe_at is not None) == (after.state is State.OPEN)
        assert (after.hold is not None) == (after.state in HELD)
        assert after.probed == 0 or (after.state is State.HALF_OPEN and after.probed < rule.successes)
        assert after.consecutive < rule.consecutive or after.state is not State.CLOSED
        assert after.next_probe_at is None or after.next_probe_at <= now + rule.open_cap or after is stand
        for part in after.window.parts:
            assert part.failures + part.slow <= 2 * part.calls
        stand = after


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_RULES, st.lists(st.tuples(st.integers(0, 40), _DEEDS), max_size=40))
def test_left_alone_it_never_stays_open_or_held_for_ever(
    rule: Policy, deeds: list[tuple[int, tuple[object, ...]]]
) -> None:
    stand, now = Stand(), NOON
    for seconds, deed in deeds:
        now += timedelta(seconds=seconds)
        try:
            stand = _done(stand, rule, deed, now).stand
        except NotNow:
            continue

    later = machine.passed(stand, now + timedelta(days=1)).stand

    assert later.state in (State.CLOSED, State.HALF_OPEN)


# --- rules ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("consecutive", 0), ("consecutive", 2.5), ("minimum_calls", 10_001), ("probes", 0), ("successes", -1),
        ("failure_share", 0), ("failure_share", 1.1), ("failure_share", float("nan")), ("window", 0.5),
        ("open_for", 0), ("open_for", 90_000), ("slow_after", -1), ("drain_per_second", 0), ("drain_per_second", 1e9),
        ("probes", True), ("probes", "2"), ("probes", None), ("window", 1e300), ("sleep", 1),
    ],
)  # fmt: skip
def test_an_odd_rule_is_refused_by_the_name_of_its_part(part: str, value: object) -> None:
    with pytest.raises(BadPolicy) as refused:
        policies.load({part: value})

    assert refused.value.field == part


def test_the_longest_pause_is_not_shorter_than_the_first() -> None:
    with pytest.raises(BadPolicy, match="open_cap must not be shorter than open_for"):
        policies.load({"open_for": 60, "open_cap": 30})


def test_a_rule_survives_being_stored() -> None:
    assert policies.load(policies.dump(RULE)) == RULE


def test_tuning_changes_parts_and_takes_them_back() -> None:
    declared = policies.dump(RULE)

    tuned, rule = policies.retuned(declared, {"probes": 4}, {"failure_share": 0.3, "probes": None})

    assert tuned == {"failure_share": 0.3}
    assert rule == replace(RULE, failure_share=0.3)
    with pytest.raises(BadPolicy) as refused:
        policies.retuned(declared, {}, {"sleep": None})
    assert refused.value.field == "sleep"


def test_a_tuning_that_no_longer_fits_its_declaration_is_left_out_instead_of_stopping_all_calls() -> None:
    declared = policies.dump(replace(RULE, open_cap=20 * SECOND))

    assert policies.in_force(declared, {"open_for": 30}) == replace(RULE, open_cap=20 * SECOND)
    assert policies.in_force(declared, {"probes": 3, "gone": 1}) == replace(RULE, open_cap=20 * SECOND, probes=3)
    assert policies.in_force({"probes": 0}, {}) == Policy()
