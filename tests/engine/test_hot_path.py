"""One step, one statement: what a worker asks of the database while everything goes well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from tests.engine.flows_app.far_side import FarSide
from tests.engine.parcels import started, work
from workflows.engine import clock, releases, wire

pytestmark = pytest.mark.usefixtures("far")


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every statement this test sends, but the looks at breakers, which come by the clock."""
    sent: list[str] = []
    through = wire.execute

    def noted(conn: Any, statement: str, parameters: Any) -> Any:
        sent.append(statement.strip())
        return through(conn, statement, parameters)

    def query(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "breakers_breaker" not in sql:
            sent.append(sql.strip())
        return execute(sql, params, many, context)

    monkeypatch.setattr(wire, "execute", noted)
    with connection.execute_wrapper(query):
        yield sent


def test_four_steps_in_a_row_are_one_claim_and_four_statements(statements: list[str]) -> None:
    relay = started("relay")
    clock.read()
    statements.clear()

    assert work(instance=relay) == 4

    claims = [text for text in statements if "FOR UPDATE SKIP LOCKED" in text]
    advances = [text for text in statements if text.startswith("WITH it AS")]
    inputs = [text for text in statements if text.startswith("SELECT seq, body FROM workflows_payload")]
    assert (len(claims), len(advances), len(inputs)) == (2, 4, 1), "the second claim finds nothing more"
    assert len(statements) == 7, statements
    assert relay.lifecycle == "completed"
    relay.check()


def test_a_start_is_one_statement(statements: list[str]) -> None:
    clock.read()
    releases.check_intake("relay", clock.now())
    statements.clear()

    started("relay")

    assert len(statements) == 1, statements


def test_a_step_takes_the_result_of_the_one_before_along(far: FarSide) -> None:
    relay = started("relay")

    work()

    assert far.names() == ["first", "second", "third", "fourth"]
    assert relay.said("StepSucceeded")[-1]["step"] == "fourth"


def test_a_run_yields_after_twenty_steps_and_on_the_way_keeps_its_lease(far: FarSide) -> None:
    relay = started("relay")

    work(instance=relay)

    assert [event.token > 0 for event in relay.events if event.type == "StepSucceeded"] == [True] * 4
    tokens = [event.token for event in relay.events if event.type == "StepSucceeded"]
    assert tokens == sorted(set(tokens)), "every attempt has a lease of its own"
