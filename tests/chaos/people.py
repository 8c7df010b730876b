"""The people of an installation under test: some approve whatever is asked, one tries again what was given up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos.installation import Installation

#: seconds between two looks at what is open
PAUSE = 0.5
#: as many as any quorum of the demonstration needs
DECIDERS = ("approver", "approver2")


@contextmanager
def deciding(installation: Installation) -> Iterator[None]:
    """Approve everything that is open until the block ends."""
    with installation.beside("deciders", "-m", "tests.chaos.decider", FAILPOINT=""):
        yield


def try_again(installation: Installation, keys: set[str]) -> int:
    """An operator retries every instance of these keys that waits for a person. Returns how many were accepted."""
    rows = installation.ask("SELECT id::text, key FROM workflows_instance WHERE needs_person")
    with installation.client("operator") as client:
        answers = [
            client.post(f"/api/v1/instances/{id_}/actions/retry", json={"reason": "It works again"})
            for id_, key in rows
            if key in keys
        ]
    return sum(answer.status_code == 202 for answer in answers)
