"""The idempotency ledger: every key we were given and every key we gave, with the first outcome."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.api.world import Person, an_order, is_problem, told
from tests.engine.desk import Desk
from workflows import interventions
from workflows.core.state import Direction
from workflows.interventions import CAPABILITIES, Principal
from workflows.models import OnceResult
from workflows.queries import ledger

OPERATOR = Principal("user", "olga", frozenset(CAPABILITIES))


def listed(person: Person, scope: str = "", key: str = "", more: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = told(person.get(f"idempotency?scope={scope}&key={quote(key)}{more}"))["results"]
    return found


def keys(person: Person, scope: str = "", key: str = "", more: str = "") -> list[str]:
    return [row["key"] for row in listed(person, scope, key, more)]


def test_a_request_with_a_key_is_in_it_with_its_first_answer(operator: Person) -> None:
    body = {"key": "1", "input": an_order("1")}
    instance = told(operator.post("workflows/order/instances", body, Idempotency_Key="k-1"))
    operator.post("workflows/order/instances", body, Idempotency_Key="k-1")

    (row,) = listed(operator, "inbound")

    assert (row["scope"], row["key"], row["state"], row["status"]) == ("user:operator", "k-1", "answered", 201)
    assert row["request"] == "POST /api/v1/workflows/order/instances"
    assert (row["instance"], row["workflow"], row["number"]) == (instance["id"], "order", "1")
    assert row["began_at"] < row["ended_at"]
    assert row["result"] is None, "an answer may hold anything"


def test_an_operation_and_a_conflict_are_told_with_the_instance_they_are_about(operator: Person) -> None:
    instance = operator.started("1")
    operator.post(f"instances/{instance['id']}/actions/pause", {"reason": "-"}, Idempotency_Key="k-1")
    body = {"key": "1", "input": an_order("1", total=1.0)}
    operator.post("workflows/order/instances", body, Idempotency_Key="k-2")
    operator.post("workflows/order/instances", {"key": "2", "input": {}}, Idempotency_Key="k-3")
    operator.post(f"instances/{instance['id']}/actions/pause", {"reason": "-"}, Idempotency_Key="k-4")

    assert [(row["key"], row["status"], row["number"]) for row in listed(operator, "inbound")] == [
        ("k-4", 409, "1"),
        ("k-3", 422, ""),
        ("k-2", 409, "1"),
        ("k-1", 202, "1"),
    ]


def test_every_step_that_was_asked_is_in_it_and_how_it_stands(operator: Person) -> None:
    desk = Desk()
    instance_id = desk.start("700001")
    desk.play(instance_id, until="reserve")
    desk.fail(desk.claimed(instance_id, "charge"), "The card issuer is closed", retryable=False)

    found = {row["step"]: row for row in listed(operator, "outbound")}

    assert {step: row["state"] for step, row in found.items()} == {
        "stock": "succeeded", "risk": "succeeded", "reserve": "succeeded", "charge": "needs_person",
    }  # fmt: skip
    charge, reserve = found["charge"], found["reserve"]
    assert (charge["scope"], charge["key"]) == ("payments", "order/700001/r1/charge/g1")
    assert (charge["error"], charge["attempts"]) == ("The card issuer is closed", 1)
    assert (reserve["result"], reserve["number"]) == ({"reservation_id": "RES-700001"}, "700001")
    assert reserve["seq"] > 0 and reserve["began_at"] <= reserve["ended_at"]


def test_an_outcome_nobody_knows_is_told_as_that(operator: Person) -> None:
    desk = Desk()
    instance_id = desk.start("700001")
    desk.play(instance_id, until="reserve")
    desk.fail(desk.claimed(instance_id, "charge"), may_have_happened=True)

    (charge,) = listed(operator, key="order/700001/r1/charge")

    assert charge["state"] == "unknown"


def test_corrections_have_keys_of_their_own(operator: Person) -> None:
    desk = Desk()
    instance_id = desk.start("700001")
    desk.play(instance_id)
    interventions.act(OPERATOR, "cancel", instance_id, reason="the customer called")
    claim = desk.claimed(instance_id, "submitted")
    under_way = {row["key"]: row["state"] for row in listed(operator, "outbound", "700001")}
    desk.succeed(claim)
    desk.play(instance_id)
    done = {row["key"]: row["state"] for row in listed(operator, "outbound", "700001")}

    assert claim.direction is Direction.COMPENSATE
    assert under_way["order/700001/r1/submitted/g1/compensate"] == "open"
    assert "order/700001/r1/charge/g1/compensate" not in under_way, "its turn has not come"
    assert done["order/700001/r1/submitted/g1/compensate"] == "succeeded"
    assert done["order/700001/r1/charge/g1/compensate"] == done["order/700001/r1/charge/g1"] == "succeeded"


def test_what_a_sub_operation_answered_is_in_it(operator: Person) -> None:
    instance_id = Desk().start("700001")
    OnceResult.objects.create(
        key="order/700001/r1/charge/g1", name="token", instance_id=instance_id, result='{"token": "t"}',
        at="2026-01-01T00:00:00Z",
    )  # fmt: skip

    (row,) = [row for row in listed(operator, "outbound") if row["operation"]]

    assert (row["operation"], row["step"], row["scope"]) == ("token", "charge", "payments")
    assert row["result"] == {"token": "t"}


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("order/700001/r1/reserve/g1", ["order/700001/r1/reserve/g1"]),
        ("order/700001/r1/r", ["order/700001/r1/reserve/g1", "order/700001/r1/risk/g1"]),
        ("order/7000", [f"order/{n}/r1/{step}/g1" for n in (700001, 700002) for step in ("reserve", "risk", "stock")]),
        ("700002", ["order/700002/r1/reserve/g1", "order/700002/r1/risk/g1", "order/700002/r1/stock/g1"]),
        ("order/8", []),
        ("return/700001", []),
        ("order/AB-1/r1/st", ["order/AB-1/r1/stock/g1"]),
        ("k-", ["k-1"]),
        ("%_", []),
    ],
)
def test_a_key_is_found_by_how_it_begins(operator: Person, key: str, found: list[str]) -> None:
    desk = Desk()
    for number in ("700001", "700002", "AB-1"):
        desk.play(desk.start(number), until="risk")
    operator.post("workflows/order/instances", {"key": "1", "input": an_order("1")}, Idempotency_Key="k-1")

    assert sorted(keys(operator, key=key)) == found


@pytest.mark.parametrize(
    ("scope", "found"),
    [
        ("user:operator", {"inbound"}),
        ("inbound", {"inbound"}),
        ("outbound", {"warehouse", "fraud"}),
        ("warehouse", {"warehouse"}),
        ("crm", set()),
        ("nobody", set()),
    ],
)
def test_a_scope_narrows_to_a_caller_or_a_system(operator: Person, scope: str, found: set[str]) -> None:
    Desk().start("700001")
    operator.post("workflows/order/instances", {"key": "1", "input": an_order("1")}, Idempotency_Key="k-1")

    rows = listed(operator, scope)

    assert {row["scope"] if row["direction"] == "outbound" else "inbound" for row in rows} == found


def test_pages_follow_each_other_without_gap_or_repetition(operator: Person) -> None:
    desk = Desk()
    for number in range(12):
        desk.play(desk.start(f"7{number:02}"), until="reserve")
        body = {"key": f"k{number}", "input": an_order(f"k{number}")}
        operator.post("workflows/order/instances", body, Idempotency_Key=f"k-{number}")
    whole = keys(operator, more="&page_size=500")

    paged: list[str] = []
    address: str | None = "idempotency?page_size=7"
    while address:
        page = told(operator.get(address))
        assert len(page["results"]) <= 7
        paged += [row["key"] for row in page["results"]]
        address = page["next"] and page["next"].split("/api/v1/")[1]

    assert paged == whole
    assert len(set(whole)) == len(whole) >= 12 * 4


def test_a_page_costs_no_query_per_row(operator: Person, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    desk = Desk()
    for number in range(20):
        desk.play(desk.start(f"7{number:02}"), until="reserve")

    with django_assert_max_num_queries(3 + 6):  # who calls; requests; instances, histories, payloads, sub-operations
        assert len(listed(operator, more="&page_size=60")) == 60


@pytest.mark.django_db
def test_what_a_sub_operation_answered_is_masked_without_the_right() -> None:
    """Nobody declared what it may hold."""
    instance_id = Desk().start("700001")
    OnceResult.objects.create(
        key="order/700001/r1/reserve/g1", name="secret", instance_id=instance_id, result='"canary"',
        at="2026-01-01T00:00:00Z",
    )  # fmt: skip
    auditor = interventions.viewer(Principal("user", "ada", frozenset({"read", "audit"})), "audit")

    rows = ledger.page(auditor, ledger.LedgerFilters()).rows

    assert [row.result for row in rows if row.operation] == ["•••"]


@pytest.mark.parametrize("cursor", ["nonsense", "W10", "WzEsMiwzLDRd", "bnVsbA", "e30"])
def test_a_broken_cursor_is_a_bad_request(operator: Person, cursor: str) -> None:
    is_problem(operator.get(f"idempotency?cursor={cursor}"), 400, "bad-request")


def test_a_mistyped_parameter_is_named(operator: Person) -> None:
    is_problem(operator.get("idempotency?prefix=order"), 422, "invalid-request")
