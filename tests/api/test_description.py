"""What the API says about itself: processes, the schema, its documentation, and the command that makes tokens."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from tests.api.world import Person, is_problem, told
from workflows.interventions import tokens


def test_workflows_tell_steps_edges_stages_statuses_and_dependencies(support: Person) -> None:
    listed = told(support.get("workflows"))["results"]
    order = told(support.get("workflows/order"))

    assert [one["name"] for one in listed] == ["order", "return"]
    assert order == told(support.get("workflows/order/versions/2")) == listed[0]
    assert "FraudCheckPending" in order["statuses"] and order["versions"] == [1, 2]
    assert {"from": "submitted", "to": "registered"} in order["edges"]
    assert [stage["name"] for stage in order["stages"]] == ["Checking", "Payment", "ERP registration", "Delivery"]
    assert "payments" in [dependency["name"] for dependency in order["dependencies"]]
    assert next(step for step in order["steps"] if step["name"] == "charge")["compensate"] == "refund_card"
    is_problem(support.get("workflows/nonsense"), 404, "not-found")
    is_problem(support.get("workflows/order/versions/9"), 404, "not-found")


def test_the_schema_is_valid_and_made_without_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"

    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", "--file", str(file))

    schema = json.loads(file.read_text())
    start = schema["paths"]["/api/v1/workflows/{name}/instances"]["post"]
    assert start["requestBody"]["content"]["application/json"]["examples"]
    assert {"200", "201", "401", "403", "404", "409", "413", "415", "422"} <= set(start["responses"])


def test_schema_and_documentation_are_served_under_a_policy_of_their_own(support: Person) -> None:
    client = Client()
    assert client.login(username="support", password="support-secret")

    schema, docs = client.get("/api/schema/"), client.get("/api/docs/")

    assert schema.status_code == docs.status_code == 200
    assert client.get("/api/schema/?format=json").json()["openapi"].startswith("3.")
    policy = docs["Content-Security-Policy"]
    assert "script-src 'self';" in policy + ";" and "style-src 'self' 'unsafe-inline'" in policy
    assert "'unsafe-inline'" not in schema["Content-Security-Policy"]
    assert b"<script>" not in docs.content


def test_problem_types_lead_to_their_meaning(db: None) -> None:
    answer = Client().get("/api/problems/key-conflict")

    assert answer.status_code == 200 and json.loads(answer.content)["status"] == 409
    assert Client().get("/api/problems/nonsense").status_code == 404


def test_the_token_command_prints_a_token_that_works(support: Person) -> None:
    out = StringIO()

    call_command("token", "support", "--days", "30", "--label", "laptop", stdout=out)

    bearer = tokens.bearer(out.getvalue().strip())
    assert bearer is not None and bearer.account.get_username() == "support"


def test_the_token_command_refuses_people_nobody_knows_and_odd_lifetimes(support: Person) -> None:
    with pytest.raises(CommandError, match="no active user 'nobody'"):
        call_command("token", "nobody")
    with pytest.raises(CommandError, match="--days"):
        call_command("token", "support", "--days", "0")


def test_the_schema_of_a_published_event_is_where_it_says(db: None) -> None:
    schema = Client().get("/schemas/OrderConfirmed/1").json()

    assert schema["title"] == "OrderConfirmed" and set(schema["required"]) == {"order_id", "total", "country"}
    assert Client().get("/schemas/OrderConfirmed/9").status_code == 404
