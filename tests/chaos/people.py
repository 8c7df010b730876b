"""The people of an installation under test: some approve whatever is asked, one tries again what was given up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx

from tests.chaos import meters
from tests.chaos.installation import Installation

#: seconds between two looks at what is open
PAUSE = 0.5
#: as many as any quorum of the demonstration needs
DECIDERS = ("approver", "approver2")


@contextmanager
def deciding(installation: Installation, *, decided: bool = True) -> Iterator[None]:
    """Approve everything that is open until the block ends; what fails is asked again at the next look."""
    with ExitStack() as stack:
        if decided:
            clients = [stack.enter_context(installation.client(name)) for name in DECIDERS]
            stack.enter_context(meters.looking(lambda: _decide_all(clients), PAUSE))
        yield


def _decide_all(clients: list[httpx.Client]) -> None:
    for client in clients:
        for approval in waiting(client):
            decide(client, approval, "approve")


def waiting(client: httpx.Client) -> list[dict[str, Any]]:
    """Open questions that this person may decide; none where nobody answers."""
    try:
        answer = client.get("/api/v1/approvals", params={"mine": "true", "page_size": 100})
        found: list[dict[str, Any]] = answer.json()["results"] if answer.is_success else []
    except httpx.HTTPError:
        return []
    return found


def decide(client: httpx.Client, approval: dict[str, Any], verdict: str) -> str:
    """Approve or reject. Returns the status code, or the name of what went wrong."""
    body = {"comment": "Looked at in a chaos run", "subject_hash": approval["subject_hash"]}
    try:
        return str(client.post(f"/api/v1/approvals/{approval['id']}/{verdict}", json=body).status_code)
    except httpx.HTTPError as error:
        return type(error).__name__


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
