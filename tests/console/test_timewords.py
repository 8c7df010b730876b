"""Lengths of time sound like people say them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from console import timewords

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(seconds=-5), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(seconds=60), "1 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=3, minutes=10), "3 h 10 min"),
        (timedelta(days=2, hours=4), "2 d 4 h"),
        (timedelta(days=45, hours=4), "45 d"),
    ],
)
def test_a_length_has_at_most_two_units(length: timedelta, said: str) -> None:
    assert timewords.span(length) == said


def test_the_past_and_the_future_are_told_apart() -> None:
    assert timewords.ago(NOW - timedelta(seconds=2), now=NOW) == "just now"
    assert timewords.ago(NOW - timedelta(minutes=18), now=NOW) == "18 min ago"
    assert timewords.until(NOW + timedelta(minutes=4), now=NOW) == "in 4 min"
    assert timewords.until(NOW, now=NOW) == "now"
    assert timewords.until(NOW - timedelta(minutes=3), now=NOW) == "3 min overdue"


def test_a_time_of_another_day_names_the_day() -> None:
    assert timewords.clock(NOW, now=NOW) == "12:00 UTC"
    assert timewords.clock(NOW - timedelta(days=1), now=NOW) == "9 Mar, 12:00 UTC"
