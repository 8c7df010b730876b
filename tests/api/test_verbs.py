"""Every act over the API: accepted with an operation, refused by field, and told beforehand with its steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from tests.api.world import Person, fields, is_problem, told
from tests.engine.desk import Desk
from workflows import interventions
from workflows.interventions import ACTIONS
from workflows.models import AuditEntry, Event, Operation

CHARGE = {"charge_id": "TRANSFER-1", "amount": 15.3}
ANSWER = {"reference": "ERP-1", "erp_number": "45", "accepted": True, "reason": None}


def stuck(desk: Desk) -> UUID:
    """An order whose charge needs a person; it may have happened."""
    order = desk.start()
    desk.play(order, until="reserve")
    desk.fail(desk.claimed(order, "charge"), "no answer", retryable=False, may_have_happened=True)
    return order


def waiting(desk: Desk) -> UUID:
    """An order that waits for the ERP."""
    order = desk.start()
    desk.play(order)
    return order


def unanswered(desk: Desk) -> UUID:
    """A cancelled order that cannot be taken out of the ERP."""
    order = waiting(desk)
    interventions.act(interventions.policy("night watch"), "cancel", order, reason="off")
    desk.succeed(desk.claimed(order, "alert_order_desk"))
    desk.fail(desk.claimed(order, "submitted"), "closed", retryable=False)
    return order


def act(who: Person, order: UUID, action: str, **body: Any) -> Any:
    return who.post(f"instances/{order}/actions/{action}", {"reason": "asked for by phone", **body})


@pytest.mark.parametrize(
    ("begin", "action", "body", "event"),
    [
        (stuck, "complete", {"step": "charge", "data": CHARGE}, "StepSucceeded"),
        (stuck, "retry", {"step": "charge"}, "RetryRequested"),
        (waiting, "signal", {"data": ANSWER}, "StepSucceeded"),
        (waiting, "complete", {"step": "registered", "data": ANSWER}, "StepSucceeded"),
        (waiting, "reassign", {"data": {"owner": "key-accounts"}}, "Reassigned"),
        (unanswered, "skip", {"step": "submitted"}, "CorrectionWaived"),
        (unanswered, "complete", {"data": {"evidence": "they deleted it"}}, "CompensationSucceeded"),
    ],
)
def test_it_is_accepted_with_an_operation_and_in_the_history(
    operator: Person, begin: Callable[[Desk], UUID], action: str, body: dict[str, Any], event: str
) -> None:
    order = begin(Desk())

    response = act(operator, order, action, **body)

    assert response.status_code == 202, response.content
    operation = told(response)
    assert (operation["action"], operation["state"], operation["instance"]) == (action, "accepted", str(order))
    said = Event.objects.get(instance_id=order, seq=operation["accepted_seq"] + 1)
    assert (said.type, said.actor_kind, said.actor) == (event, "user", "operator")
    entry = AuditEntry.objects.get(action=action, actor="operator")
    assert (entry.allowed, entry.through, entry.reason) == (True, "api", "asked for by phone")


@pytest.mark.parametrize(
    ("begin", "action", "body", "names"),
    [
        (stuck, "complete", {"step": "charge", "data": {"amount": "much"}}, ["data.charge_id", "data.amount"]),
        (stuck, "complete", {"step": "charge", "data": {**CHARGE, "tip": 1}}, ["data.tip"]),
        (waiting, "signal", {"data": {**ANSWER, "accepted": "perhaps"}}, ["data.accepted"]),
        (waiting, "signal", {}, ["data.reference", "data.erp_number", "data.accepted", "data.reason"]),
        (waiting, "reassign", {}, ["data.owner"]),
        (waiting, "reassign", {"data": {"owner": " "}}, ["data.owner"]),
        (waiting, "reassign", {"data": {"owner": "a"}, "step": "charge"}, ["step"]),
        (waiting, "pause", {"data": {"a": 1}}, ["data"]),
        (unanswered, "complete", {}, ["data.evidence"]),
        (stuck, "complete", {"step": "charge", "data": CHARGE, "reason": " "}, ["reason"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_field(
    operator: Person, begin: Callable[[Desk], UUID], action: str, body: dict[str, Any], names: list[str]
) -> None:
    order = begin(Desk())
    Operation.objects.all().delete()

    problem = is_problem(act(operator, order, action, **body), 422, "invalid-request")

    assert fields(problem) == names
    assert not Operation.objects.exists()
    assert AuditEntry.objects.get(action=action, actor="operator").allowed is False


@pytest.mark.parametrize(
    ("begin", "action", "body", "why"),
    [
        (waiting, "skip", {"step": "charge"}, "charge cannot be passed over: it is not waiting for anything"),
        (stuck, "signal", {"data": ANSWER}, "nothing here can be answered now"),
        (waiting, "complete", {"step": "nothing"}, "nothing cannot be completed by hand: it is not waiting"),
    ],
)
def test_what_makes_no_sense_now_says_why(
    operator: Person, begin: Callable[[Desk], UUID], action: str, body: dict[str, Any], why: str
) -> None:
    problem = is_problem(act(operator, begin(Desk()), action, **body), 409, "impossible")

    assert why in problem["detail"]


@pytest.mark.parametrize("action", ["skip", "complete", "signal", "reassign"])
def test_without_the_right_it_is_refused_and_on_record(support: Person, action: str) -> None:
    order = stuck(Desk())

    problem = is_problem(act(support, order, action), 403, "forbidden")

    assert "needs the right to" in problem["detail"]
    assert AuditEntry.objects.get(action=action).refusal == problem["detail"]


def test_what_may_be_done_is_told_with_the_steps_it_may_mean(operator: Person) -> None:
    order = stuck(Desk())

    allowed = {one["action"]: one for one in told(operator.get(f"instances/{order}"))["allowed_actions"]}

    assert list(allowed) == [
        "retry", "skip", "complete", "signal", "reassign", "pause", "resume", "cancel", "compensate",
    ]  # fmt: skip
    assert allowed["retry"]["safety"] == "returns the stored outcome"
    assert allowed["retry"]["steps"] == [
        {"step": "charge", "allowed": True, "reason": "", "safety": "returns the stored outcome"}
    ]
    assert [one["step"] for one in allowed["complete"]["steps"]] == ["charge"]
    assert (allowed["signal"]["allowed"], allowed["signal"]["reason"]) == (False, "Nothing here can be answered now.")
    assert allowed["cancel"]["safety"] == "" and allowed["cancel"]["steps"] == []


def test_a_step_that_may_not_be_meant_says_why(operator: Person) -> None:
    desk = Desk()
    order = desk.start()
    desk.play(order, until="reserve")
    desk.play(order, until="charge")
    desk.fail(desk.claimed(order, "submitted"), "closed", retryable=False)

    allowed = {one["action"]: one for one in told(operator.get(f"instances/{order}"))["allowed_actions"]}

    assert allowed["skip"]["allowed"] is False
    assert allowed["skip"]["reason"] == (
        "Submitted cannot be passed over: registered is found by its result; enter the result instead."
    )


def test_the_schema_shows_a_body_for_each_act(operator: Person) -> None:
    client = Client()
    assert client.login(username="operator", password="operator-secret")
    paths = client.get("/api/schema/?format=json").json()["paths"]

    post = paths["/api/v1/instances/{instance_id}/actions/{action}"]["post"]
    examples = post["requestBody"]["content"]["application/json"]["examples"].values()
    action = next(one for one in post["parameters"] if one["name"] == "action")
    assert {one["summary"].split(":")[0] for one in examples} == set(action["schema"]["enum"]) == set(ACTIONS)
