"""The API as the web process serves it: bodies that never end are stopped while they arrive."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.api.world import Person, an_order
from tests.webserver import serving

pytestmark = pytest.mark.django_db(transaction=True)


def client(person: Person, address: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {person.token}", "Content-Type": "application/json"}
    return httpx.Client(base_url=f"{address}/api/v1", headers=headers, trust_env=False, timeout=30)


def test_an_order_is_started_over_http_and_found_again(support: Person) -> None:
    with serving() as address, client(support, address) as caller:
        started = caller.post("/workflows/order/instances", json={"key": "1", "input": an_order("1")})
        found = caller.get(started.headers["Location"].removeprefix("/api/v1"))

    assert (started.status_code, found.status_code) == (201, 200)
    assert found.json()["key"] == "1" and found.headers["X-Correlation-ID"]


def test_a_body_without_end_is_refused_while_it_arrives(support: Person) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 200 * 1024 * 1024:
            sent += 65536
            yield b" " * 65536

    with serving() as address, client(support, address) as caller:
        try:
            status = caller.post("/workflows/order/instances", content=endless()).status_code
        except httpx.WriteError:
            status = 413  # the connection was closed before we had read the answer

    assert status == 413 and sent < 100 * 1024 * 1024


def test_a_body_that_declares_itself_too_long_is_refused_unread(support: Person) -> None:
    with serving() as address, client(support, address) as caller:
        answer = caller.post("/workflows/order/instances", content=b" " * (3 * 1024 * 1024))

    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "/api/problems/too-large"
