"""Calls of the last while, counted in parts; and what a process saw, in its order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breakers.window import PARTS, Tally, Window, from_rows

NOON = datetime(2010, 12, 1, 12, tzinfo=UTC)
LENGTH = timedelta(seconds=30)


def tally(pattern: str) -> Tally:
    """x failed, s was slow, anything else went well."""
    made = Tally()
    for call in pattern:
        made = made.with_call(failed=call == "x", slow=call == "s", error="503")
    return made


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def filled(*handed_in: tuple[float, str]) -> Window:
    """What was handed in so many seconds after noon."""
    window = Window()
    for seconds, pattern in handed_in:
        window = window.add(tally(pattern), after(seconds), LENGTH)
    return window


def test_an_empty_window_has_no_shares() -> None:
    assert (Window().calls, Window().failure_share, Window().slow_share) == (0, 0, 0)


def test_shares_are_of_all_calls_in_the_window() -> None:
    window = filled((0, "x..s"), (12, "xx.."))

    assert (window.calls, window.failure_share, window.slow_share) == (8, 3 / 8, 1 / 8)


def test_the_oldest_part_leaves_as_a_whole() -> None:
    window = filled((0, "xx"), (6, "..."))

    assert [window.at(after(seconds), LENGTH).calls for seconds in (29, 34, 36, 39, 40)] == [5, 5, 3, 3, 0]


def test_adding_forgets_what_is_too_old() -> None:
    assert filled((0, "xxxx"), (60, ".")).calls == 1


def test_processes_whose_clocks_differ_a_little_share_their_parts() -> None:
    window = filled(*[(5.01, "x"), (4.99, "."), (5.02, "x"), (4.98, ".")] * 50)

    assert (len(window.parts), window.calls) == (2, 200)


def test_it_survives_being_stored() -> None:
    window = filled((0, "x.s"), (7, ".."))

    assert from_rows(window.rows()) == window


@pytest.mark.parametrize("seconds", [1, 2, 3])
def test_a_short_window_has_parts_of_a_second(seconds: int) -> None:
    window = Window().add(tally("x"), NOON, timedelta(seconds=seconds))

    assert window.at(after(seconds + 1), timedelta(seconds=seconds)).calls == 0
    assert window.at(after(seconds - 1), timedelta(seconds=seconds)).calls == 1


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.floats(0, 300), st.text("x.s", max_size=6)), max_size=60), st.floats(0, 400))
def test_it_never_forgets_what_is_recent_nor_keeps_what_is_old(
    handed_in: list[tuple[float, str]], until: float
) -> None:
    """Within the length everything counts; beyond one part more, nothing."""
    now = max([until, *(seconds for seconds, _ in handed_in)])
    window = filled(*sorted(handed_in)).at(after(now), LENGTH)
    part = LENGTH.total_seconds() / PARTS

    recent = sum(len(pattern) for seconds, pattern in handed_in if seconds > now - LENGTH.total_seconds())
    at_most = sum(len(pattern) for seconds, pattern in handed_in if seconds > now - LENGTH.total_seconds() - part)

    assert recent <= window.calls <= at_most
    assert len(window.parts) <= PARTS + 1
    assert 0 <= window.failure_share <= 1


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text("x.s", max_size=30))
def test_a_tally_knows_its_rows_of_failures(pattern: str) -> None:
    rows = [(kind, len(list(calls))) for kind, calls in groupby(pattern.replace("s", "."))]
    failures = [length for kind, length in rows if kind == "x"]

    found = tally(pattern)

    assert (found.calls, found.failures, found.slow) == (len(pattern), pattern.count("x"), pattern.count("s"))
    assert found.longest == max(failures, default=0)
    assert found.leading == (rows[0][1] if rows and rows[0][0] == "x" else 0)
    assert found.trailing == (rows[-1][1] if rows and rows[-1][0] == "x" else 0)
    assert found.error == ("503" if failures else "")
