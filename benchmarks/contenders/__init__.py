"""Those who run the same five-step workflow, each behind the same few verbs."""

from collections.abc import Sequence
from typing import Protocol

STEPS = 5


class Contender(Protocol):
    """One way of running the workflow. A turn is: prepare, loads, verify, teardown."""

    name: str
    database: str

    def prepare(self) -> None:
        """A fresh database, every process started and idle."""

    def start_load(self, keys: Sequence[str]) -> None:
        """Begin starting these workflows as fast as they are accepted; returns at once."""

    def wait_done(self, *, seconds: float) -> None:
        """Return when every workflow started so far has durably ended; TimeoutError otherwise."""

    def latency(self, key: str) -> float:
        """Milliseconds from the call that starts a workflow until its end is durable, nothing else running."""

    def verify(self, expected: int) -> None:
        """AssertionError unless exactly that many workflows ended well, each with exactly five step results."""

    def pids(self) -> list[int]:
        """The contender's own processes; the database and the broker are counted beside them."""

    def teardown(self) -> None:
        """Stop every process and drop the database. Safe after a failed `prepare`."""
