"""Three minutes of everything that can go wrong, with orders of every class, judged like the long run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.chaos import records
from tests.chaos.play import Wanted, play
from tests.chaos.run import talker

#: Every trouble strikes at least once, every failpoint exactly once; recovery gets more time than promised, because
#: other tests run beside this one.
SHORT = Wanted(
    orders=110,
    fault_seconds=50,
    rest_seconds=180,
    seed=2010,
    frozen_seconds=10,
    slack=4,
    failpoints="b:kill9@150,c:kill9@250,d:kill9@350,e:kill9@450,f:kill9@2",
)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with TemporaryDirectory(prefix="watchkeeper-chaos-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as somebody else where we are root
        yield Path(folder)


def test_every_promise_is_kept_while_everything_around_it_fails(data_dir: Path) -> None:
    storm = play(SHORT, records.every(), data_dir, talker())

    assert storm.broken == [], storm.text()
