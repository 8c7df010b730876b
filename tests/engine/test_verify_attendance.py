"""Since when somebody has been at work: what is late is judged only from then on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from workflows.verify.snapshot import unbroken

NOON = datetime(2010, 12, 1, 12, tzinfo=UTC)
GRACE = timedelta(seconds=30)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_nobody_is_at_work() -> None:
    assert unbroken([], NOON, GRACE) is None
    assert unbroken([(at(-100), at(-1))], NOON, GRACE) is None


def test_one_process_counts_from_its_beginning() -> None:
    assert unbroken([(at(-100), at(8))], NOON, GRACE) == at(-100)


def test_a_process_that_was_replaced_in_time_counts_with_its_successor() -> None:
    assert unbroken([(at(-10), at(8)), (at(-300), at(-35))], NOON, GRACE) == at(-300)


def test_a_gap_longer_than_the_grace_begins_anew() -> None:
    assert unbroken([(at(-10), at(8)), (at(-300), at(-45))], NOON, GRACE) == at(-10)


def test_processes_that_overlap_count_from_the_oldest() -> None:
    assert unbroken([(at(-10), at(8)), (at(-90), at(7)), (at(-500), at(-80))], NOON, GRACE) == at(-500)
