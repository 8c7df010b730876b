"""Medians and ratios come out as a reader would compute them by hand."""

from dataclasses import replace

import pytest

from benchmarks.measure import Turn
from benchmarks.report import summarise

TURN = Turn(
    contender="ours",
    workflows=100,
    seconds=1.0,
    cpu_seconds=0.5,
    foreign_cpu=0.0,
    write_transactions=700,
    wal_bytes=1_000_000,
    database_bytes=500_000,
    latencies=(4.0, 5.0, 6.0),
)


def test_a_row_holds_the_median_of_the_rounds_and_costs_per_workflow() -> None:
    turns = [replace(TURN, seconds=seconds) for seconds in (1.0, 4.0, 2.0)]

    (row,) = summarise(turns)

    assert (row.per_second, row.slowest, row.fastest) == (50.0, 25.0, 100.0)
    assert (row.cpu_ms, row.write_transactions, row.wal_bytes) == (5.0, 7.0, 10_000.0)


def test_latencies_are_pooled_over_the_rounds() -> None:
    turns = [replace(TURN, latencies=tuple(range(1, 51))), replace(TURN, latencies=tuple(range(51, 102)))]

    (row,) = summarise(turns)

    assert row.p50 == 51
    assert row.p95 == pytest.approx(96)


def test_rows_keep_the_order_of_the_contenders_first_turns() -> None:
    turns = [replace(TURN, contender=name) for name in ("b", "a", "b", "a")]

    assert [row.contender for row in summarise(turns)] == ["b", "a"]
