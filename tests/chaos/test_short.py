"""Two minutes of everything that can go wrong, with orders of every class, judged like the long run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.chaos.run import Wanted, play, talker

#: Every fault strikes at least once; recovery gets more time than promised, because other tests run beside this one.
SHORT = Wanted(orders=150, fault_seconds=50, rest_seconds=180, seed=2010, frozen_seconds=10, slack=4)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with TemporaryDirectory(prefix="watchkeeper-chaos-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as somebody else where we are root
        yield Path(folder)


def test_every_promise_is_kept_while_everything_around_it_fails(data_dir: Path) -> None:
    report = play(SHORT, data_dir, talker())

    assert report.passed, report.text()
