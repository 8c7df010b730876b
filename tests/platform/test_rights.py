"""The application role can work, but cannot rewrite what happened; and health and doctor tell the truth."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from console.embedded.postgres import APPLICATION
from tests.worlds import principal
from workflows.engine import gate
from workflows.interventions import breaking
from workflows.models import APPEND_ONLY_TABLES

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def application() -> Iterator[psycopg.Connection[Any]]:
    """A connection as the application role to the database of this test, after its rights were granted."""
    call_command("grant_rights", stdout=io.StringIO())
    with psycopg.connect(
        dbname=connection.settings_dict["NAME"],
        host=connection.settings_dict["HOST"],
        user=APPLICATION,
        autocommit=True,
    ) as connected:
        yield connected


@pytest.mark.parametrize("table", APPEND_ONLY_TABLES)
def test_history_cannot_be_changed(application: psycopg.Connection[Any], table: str) -> None:
    with connection.cursor() as cursor:
        column = connection.introspection.get_table_description(cursor, table)[0].name

    for change in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}", f"TRUNCATE {table}"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
            application.execute(change)  # type: ignore[call-overload]


def test_tables_cannot_be_altered_nor_triggers_dropped(application: psycopg.Connection[Any]) -> None:
    for statement in (
        "ALTER TABLE workflows_event DISABLE TRIGGER ALL",
        "DROP TRIGGER append_only ON workflows_event",
        "DROP TABLE workflows_timer",
        "CREATE TABLE mine ()",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            application.execute(statement)


def test_ordinary_work_is_allowed(application: psycopg.Connection[Any]) -> None:
    timer = str(uuid.uuid4())
    application.execute(
        "INSERT INTO workflows_timer (instance_id, name, fire_at, held) VALUES (%s, 'retry', now(), false)", [timer]
    )
    application.execute("UPDATE workflows_timer SET held = true WHERE instance_id = %s", [timer])

    assert application.execute("DELETE FROM workflows_timer WHERE instance_id = %s", [timer]).rowcount == 1


def test_an_unknown_role_is_refused_with_a_sentence() -> None:
    with pytest.raises(CommandError, match="There is no role nobody_here"):
        call_command("grant_rights", "--role", "nobody_here")


def test_the_console_is_ready_only_while_a_pump_is_at_work(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}
    assert (refused := client.get("/readyz")).status_code == 503
    assert refused.json()["reason"] == "No pump has ever run."

    _pump_was_last_seen("1 second")
    assert (answer := client.get("/readyz")).status_code == 200
    assert answer.json()["degraded"] == []

    _pump_was_last_seen("5 minutes")
    assert client.get("/readyz").status_code == 503


def test_without_redis_the_console_is_degraded_but_ready(client: Client, settings: Any) -> None:
    _pump_was_last_seen("1 second")
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["status"], answer.json()["degraded"]) == (200, "degraded", ["redis"])


def test_the_doctor_names_what_is_wrong_and_what_to_do(settings: Any) -> None:
    settings.REDIS_URL = "redis://:hidden@127.0.0.1:1/0"
    said = io.StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("doctor", stdout=said)

    assert ended.value.code == 1
    lines = {line.split()[1]: line for line in said.getvalue().splitlines() if line.startswith(("WRONG", "ok"))}
    assert lines["redis"].startswith("WRONG")
    assert lines["pump"].startswith("WRONG")
    assert lines["workers"].startswith("WRONG")
    assert lines["migrations"].startswith("ok")
    assert lines["workflows"].startswith("ok")
    assert "hidden" not in said.getvalue()


def test_the_doctor_names_breakers_that_are_not_closed() -> None:
    gate.open_up()
    breaking.act(principal(), "hold-open", "fraud", reason="The provider is being moved")
    said = io.StringIO()

    with pytest.raises(SystemExit):
        call_command("doctor", stdout=said)

    lines = said.getvalue().splitlines()
    assert any(line.startswith("ok    breakers") and "5 of 6 closed" in line for line in lines)
    [at] = [place for place, line in enumerate(lines) if line.startswith("WRONG breaker fraud")]
    assert "held open since" in lines[at] and "held by olga until" in lines[at]
    assert "The provider is being moved" in lines[at]
    assert "release it to end it now. See /dependencies/fraud/." in lines[at + 1]


def test_the_demo_people_keep_their_working_tokens(settings: Any, tmp_path: Any, client: Client) -> None:
    settings.DATA_DIR = tmp_path
    call_command("demo_users", stdout=io.StringIO())
    first = json.loads((tmp_path / "demo.json").read_text())

    call_command("demo_users", stdout=io.StringIO())

    assert json.loads((tmp_path / "demo.json").read_text()) == first
    assert (tmp_path / "demo.json").stat().st_mode & 0o777 == 0o600
    assert client.login(username="approver2", password=first["users"]["approver2"]["password"])


def _pump_was_last_seen(ago: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO workflows_duty (name, done_at) VALUES ('sweep', now() - %s::interval)
            ON CONFLICT (name) DO UPDATE SET done_at = excluded.done_at
            """,
            [ago],
        )
