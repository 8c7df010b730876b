"""The record against the far side's ledger: real orders at real simulators, then one lie at a time."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from tests.demo.far_side import FarSide, far_side
from tests.engine.desk import Desk
from workflows import interventions, registry
from workflows.core.state import Direction
from workflows.engine import calls
from workflows.engine.attempt import Inputs, execute
from workflows.interventions import CAPABILITIES, Principal
from workflows.models import Instance

pytestmark = pytest.mark.django_db(transaction=True)

OPERATOR = Principal("user", "olga", frozenset(CAPABILITIES))


class World:
    """A desk whose attempts are really executed at running simulators."""

    def __init__(self, outside: FarSide, store: Path) -> None:
        self.outside, self.store, self.desk = outside, store, Desk()

    def play(self, instance_id: UUID) -> None:
        """Execute everything that is ready."""
        while (claim := self.desk.claim(instance_id)) is not None:
            definition = registry.find(claim.row.workflow, claim.row.version)
            outcome = execute(definition, claim, claim.row.state, Inputs(instance_id))
            self.desk.report(claim, outcome.fact, outcome.body)

    def cancelled(self) -> UUID:
        """An order that was charged and submitted, and then cancelled."""
        instance_id = self.desk.start()
        self.play(instance_id)
        interventions.act(OPERATOR, "cancel", instance_id, reason="the customer called")
        self.play(instance_id)
        return instance_id

    def key(self, instance_id: UUID, step: str) -> str:
        return f"order/{Instance.objects.get(id=instance_id).key}/r1/{step}/g1"

    def lie(self, statement: str, *parameters: Any) -> None:
        """Change the ledger behind everybody's back."""
        with closing(sqlite3.connect(self.store)) as db, db:
            db.execute(statement, parameters)

    def reconcile(self) -> dict[str, set[str]]:
        """Offending keys by check."""
        out = StringIO()
        found: dict[str, set[str]] = {}
        with suppress(SystemExit):
            call_command("reconcile", "--simulators", str(self.outside.http.base_url), "--json", stdout=out)
        for offender in json.loads(out.getvalue())["offenders"]:
            found.setdefault(offender["invariant"], set()).add(offender["subject"])
        return found


@pytest.fixture
def world(tmp_path: Path, settings: Any) -> Iterator[World]:
    store = tmp_path / "simulators.sqlite3"
    with far_side(store) as outside:
        settings.SIMULATORS_URL = str(outside.http.base_url).rstrip("/")
        yield World(outside, store)
        for name in ("warehouse", "fraud", "payments", "erp", "carrier", "crm"):
            calls._client(name, settings.SIMULATORS_URL).close()
        calls._client.cache_clear()


def test_what_is_recorded_happened_and_what_was_corrected_nets_to_zero(world: World) -> None:
    world.play(world.desk.start())
    cancelled = world.cancelled()

    assert world.reconcile() == {}
    assert Instance.objects.get(id=cancelled).lifecycle == "cancelled"
    assert {"reserve", "charge", "register", "refund", "release", "cancel", "alert"} <= set(world.outside.operations())


def test_e1_an_effect_that_happened_twice(world: World) -> None:
    instance_id = world.desk.start()
    world.play(instance_id)

    key = world.key(instance_id, "reserve")
    world.lie("DROP INDEX IF EXISTS ledger_once")
    world.lie(
        "INSERT INTO ledger (service, operation, idempotency_key, subject, at) VALUES ('carrier', 'ship', ?, 'x', 0)",
        key,
    )

    assert world.reconcile()["E1"] == {key}


def test_e2_a_recorded_success_that_never_happened(world: World) -> None:
    instance_id = world.desk.start()
    world.play(instance_id)

    world.lie("DELETE FROM ledger WHERE operation = 'charge'")

    assert world.reconcile() == {"E2": {world.key(instance_id, "charge")}}


def test_e2_an_effect_that_nobody_recorded(world: World) -> None:
    world.outside.charge("order/1/r1/charge/g1")

    assert world.reconcile() == {"E2": {"order/1/r1/charge/g1"}}


def test_e2_an_event_that_nobody_published(world: World) -> None:
    event = {"specversion": "1.0", "id": "e1", "source": "/workflows/order", "type": "OrderConfirmed", "subject": "1"}
    world.outside.post("/crm/events", event)

    assert world.reconcile() == {"E2": {"e1"}}


def test_e2_an_effect_whose_outcome_is_not_known_yet_is_no_offence(world: World) -> None:
    instance_id = world.desk.start()
    world.desk.play(instance_id, until="risk")
    claim = world.desk.claimed(instance_id, "reserve")
    definition = registry.find("order", 1)

    execute(definition, claim, claim.row.state, Inputs(instance_id))  # and the worker dies before it can report

    assert world.outside.operations() == ["reserve"]
    assert claim.direction is Direction.FORWARD
    assert world.reconcile() == {}


@pytest.mark.parametrize(
    "lie",
    [
        lambda world: world.lie("UPDATE ledger SET amount = '15.29' WHERE operation = 'refund'"),
        lambda world: world.lie("UPDATE ledger SET amount = '15.31' WHERE operation = 'refund'"),
    ],
    ids=["too little", "too much"],
)
def test_e3_money_that_does_not_come_back_exactly(world: World, lie: Callable[[World], None]) -> None:
    instance_id = world.cancelled()

    lie(world)

    assert world.reconcile() == {"E3": {world.key(instance_id, "charge")}}


def test_e3_a_deed_that_was_taken_back_without_having_happened(world: World) -> None:
    instance_id = world.cancelled()
    reserved = world.key(instance_id, "reserve")

    world.lie("UPDATE ledger SET reverses = ? WHERE operation = 'release'", f"{reserved}0")

    assert world.reconcile() == {"E3": {reserved, f"{reserved}0"}}


def test_a_ledger_that_cannot_be_read_is_said_in_a_sentence() -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("reconcile", "--simulators", "http://127.0.0.1:1")
