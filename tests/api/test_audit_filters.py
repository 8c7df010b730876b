"""The record through the API: what a person, program or policy did in a period, narrowed without guessing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.world import Person, fields, is_problem, told
from workflows import audit, interventions
from workflows.audit import Act
from workflows.models import AuditEntry

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def record(operator: Person) -> None:
    """An order that olga paused, a refused attempt, a policy's and a program's act, one act of two rows."""
    instance = operator.started("AB1")
    operator.post(f"instances/{instance['id']}/actions/pause", {"reason": "stocktaking"})
    audit.record(Act("policy", "night watch", "retry", "engine"), allowed=True, workflow="return", target="R1")
    bulk = Act("client", "billing", "cancel", "api", "c-42", "recall")
    audit.record(bulk, allowed=True, workflow="order", target="2")
    audit.record(bulk, allowed=False, refusal="It has ended.", workflow="order", target="3")


def listed(person: Person, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = told(person.get(f"audit?{query}"))["results"]
    return [entry for entry in found if entry["action"] != "issue-token"]


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["cancel 3", "cancel 2", "retry R1", "pause AB1", "start AB1"]),
        ("actor=billing", ["cancel 3", "cancel 2"]),
        ("kind=policy", ["retry R1"]),
        ("kind=policy,client", ["cancel 3", "cancel 2", "retry R1"]),
        ("action=pause", ["pause AB1"]),
        ("workflow=return", ["retry R1"]),
        ("allowed=false", ["cancel 3"]),
        ("allowed=true&actor=billing", ["cancel 2"]),
        ("number=ab1", ["pause AB1", "start AB1"]),
        ("number=3", ["cancel 3"]),
        ("number=nothing", []),
        ("through=engine", ["retry R1"]),
        ("correlation_id=c-42", ["cancel 3", "cancel 2"]),
        ("after=2100-01-01T00:00:00Z", []),
        ("before=2020-01-01T00:00:00Z", []),
        ("after=2020-01-01T00:00:00Z&before=2100-01-01T00:00:00Z&kind=client", ["cancel 3", "cancel 2"]),
    ],
)
def test_each_filter_narrows(operator: Person, query: str, found: list[str]) -> None:
    assert [f"{entry['action']} {entry['target']}" for entry in listed(operator, query)] == found


@pytest.mark.usefixtures("record")
def test_everything_one_act_caused_has_its_id(operator: Person) -> None:
    act_id = listed(operator, "actor=billing")[0]["act_id"]

    assert [entry["target"] for entry in listed(operator, f"act={act_id}")] == ["3", "2"]


@pytest.mark.usefixtures("record")
def test_an_accepted_operation_has_the_id_of_its_act(operator: Person) -> None:
    (paused,) = listed(operator, "action=pause")

    operation = told(operator.get(f"operations/{paused['act_id']}"))

    assert (operation["action"], operation["reason"]) == ("pause", "stocktaking")


def test_the_period_is_from_its_beginning_until_just_before_its_end(operator: Person) -> None:
    for hours in (0, 1, 2):
        AuditEntry.objects.create(
            act_id="00000000-0000-0000-0000-000000000000", at=NOON + timedelta(hours=hours), actor_kind="user",
            actor="vera", action=f"at {hours}", allowed=True,
        )  # fmt: skip

    found = listed(operator, "actor=vera&after=2026-01-31T12:00:00Z&before=2026-01-31T14:00:00Z")

    assert [entry["action"] for entry in found] == ["at 1", "at 0"]


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("kind=robot", "kind", "must be one of user, client, policy, system"),
        ("through=window", "through", "must be one of page, api, command, engine"),
        ("allowed=perhaps", "allowed", "must be true or false"),
        ("after=yesterday", "after", "must be a time such as"),
        ("before=31.1.", "before", "must be a time such as"),
        ("after=2026-02-01&before=2026-01-01", "before", "must be later than after"),
        ("act=1", "act", "must be a UUID"),
        ("person=vera", "person", "is no parameter of this list"),
        ("page_size=501", "page_size", "must be a whole number from 1 to 500"),
    ],
)
def test_a_filter_that_makes_no_sense_is_named(operator: Person, query: str, field: str, message: str) -> None:
    problem = is_problem(operator.get(f"audit?{query}"), 422, "invalid-request")

    assert fields(problem) == [field]
    assert message in problem["errors"][0]["message"]


@pytest.mark.usefixtures("record")
def test_pages_follow_each_other_and_lead_back(operator: Person) -> None:
    first = told(operator.get("audit?page_size=2&workflow=order"))
    second = told(operator.get(first["next"].split("/api/v1/")[1]))

    assert [entry["target"] for entry in first["results"] + second["results"]] == ["3", "2", "AB1", "AB1"]
    assert second["next"] is None
    assert told(operator.get(second["previous"].split("/api/v1/")[1]))["results"] == first["results"]


def test_who_may_not_read_the_record_is_told_so(support: Person) -> None:
    for address in ("audit", "idempotency"):
        problem = is_problem(support.get(address), 403, "forbidden")
        assert "needs the right to read and export who did what" in problem["detail"]


def test_refused_attempts_say_who_tried_what_and_why_not(operator: Person, support: Person) -> None:
    instance = operator.started("1")
    support.post(f"instances/{instance['id']}/actions/cancel", {"reason": "please"})
    support.start("1", total=99.0)
    support.post("workflows/order/instances", {"key": "9", "input": {"order_id": "9"}})
    support.post("workflows/nonsense/instances", {"key": "9", "input": {}})
    support.post("instances/00000000-0000-0000-0000-000000000000/actions/pause", {"reason": "please"})

    found = [(e["action"], e["target"], e["refusal"].split(" (")[0]) for e in listed(operator, "allowed=false")]

    assert found[0] == ("pause", "00000000-0000-0000-0000-000000000000", "There is no such instance.")
    assert found[1][:2] == ("start", "9") and found[1][2].startswith("there is no workflow 'nonsense'")
    assert found[2][:2] == ("start", "9") and "placed_at: Field required" in found[2][2]
    assert found[3] == ("start", "1", "order 1 exists already with another input")
    assert found[4] == ("cancel", "1", "Cancel needs the right to cancel instances and correct what was done")
    assert all(entry["actor"] == {"kind": "user", "name": "support"} for entry in listed(operator, "allowed=false"))


def test_before_and_after_are_business_words(operator: Person) -> None:
    instance = operator.started("1", customer_id="canary-17850")
    operator.post(f"instances/{instance['id']}/actions/pause", {"reason": "stocktaking"})

    pause, start = listed(operator, "number=1")

    assert start["before"] == {} and start["after"]["status"] == instance["status"]
    assert (pause["before"]["lifecycle"], pause["after"]["lifecycle"]) == ("running", "paused")
    assert "canary" not in str([pause, start])


def test_what_a_policy_does_is_on_record_under_its_own_name(operator: Person) -> None:
    from uuid import UUID

    instance = operator.started("1")
    interventions.act(interventions.policy("night watch"), "pause", UUID(instance["id"]), reason="nobody is there")

    (entry,) = listed(operator, "kind=policy&actor=night watch")

    assert (entry["action"], entry["through"], entry["reason"]) == ("pause", "engine", "nobody is there")
