"""Acting on instances: accepted, judged by what happens, refused with the reason, recorded either way."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.api.world import Person, fields, is_problem, told
from tests.engine.desk import Desk
from workflows.interventions import verification
from workflows.models import AuditEntry, Instance, Operation


def test_a_retry_is_accepted_and_later_verified_by_evidence(operator: Person) -> None:
    desk = Desk()
    instance_id = desk.start("1")
    desk.fail(desk.claimed(instance_id, "risk"), "bad address", retryable=False)
    assert Instance.objects.get().needs_person

    response = operator.post(
        f"instances/{instance_id}/actions/retry", {"reason": "The address is right now", "step": "risk"}
    )

    assert response.status_code == 202
    operation = told(response)
    assert response["Location"] == f"/api/v1/operations/{operation['id']}"
    assert (operation["state"], operation["action"], operation["actor"]["name"]) == ("accepted", "retry", "operator")
    desk.succeed(desk.claimed(instance_id, "risk"))
    verification.verify_open()
    judged = told(operator.get(f"operations/{operation['id']}"))
    assert judged["state"] == "verified" and judged["evidence"]["seq"] > judged["accepted_seq"]


@pytest.mark.parametrize("action", ["pause", "cancel", "compensate"])
def test_other_actions_are_accepted_too(operator: Person, action: str) -> None:
    instance = operator.started("1")

    response = operator.post(f"instances/{instance['id']}/actions/{action}", {"reason": "The customer called"})

    assert response.status_code == 202
    entry = AuditEntry.objects.get(action=action)
    assert entry.allowed and entry.reason == "The customer called" and entry.through == "api"
    assert entry.correlation_id == response["X-Correlation-ID"]


def test_a_paused_instance_is_resumed(operator: Person) -> None:
    instance = operator.started("1")
    operator.post(f"instances/{instance['id']}/actions/pause", {"reason": "Stocktaking"})

    paused = told(operator.get(f"instances/{instance['id']}"))
    response = operator.post(f"instances/{instance['id']}/actions/resume", {"reason": "Done"})

    assert paused["lifecycle"] == "paused" and paused["sentence"].startswith("Paused by an operator. Before that: ")
    assert response.status_code == 202
    assert told(operator.get(f"instances/{instance['id']}"))["lifecycle"] == "running"


def test_an_act_without_the_right_is_refused_and_recorded(support: Person) -> None:
    instance = support.started("1")

    problem = is_problem(support.post(f"instances/{instance['id']}/actions/pause", {"reason": "x"}), 403, "forbidden")

    assert problem["detail"].startswith("Pause needs the right to pause and resume instances")
    entry = AuditEntry.objects.get(action="pause")
    assert not entry.allowed and entry.refusal == problem["detail"]
    assert not Operation.objects.exists()


def test_an_act_needs_a_reason(operator: Person) -> None:
    instance = operator.started("1")

    for body in ({}, {"reason": "  "}, {"reason": "x" * 2001}, {"reason": 7}, {"reason": None}):
        problem = is_problem(operator.post(f"instances/{instance['id']}/actions/pause", body), 422, "invalid-request")
        assert fields(problem) == ["reason"]


def test_an_act_that_makes_no_sense_says_why(operator: Person) -> None:
    instance = operator.started("1")

    for action, why in (("resume", "it is not paused"), ("retry", "nothing here waits to be tried again")):
        problem = is_problem(
            operator.post(f"instances/{instance['id']}/actions/{action}", {"reason": "x"}), 409, "impossible"
        )
        assert problem["detail"] == f"This order cannot do that now: {why}."


def test_an_act_on_a_stale_view_is_refused(operator: Person) -> None:
    instance = operator.started("1")
    body = {"reason": "x", "revision": instance["revision"]}

    assert operator.post(f"instances/{instance['id']}/actions/pause", body).status_code == 202
    is_problem(operator.post(f"instances/{instance['id']}/actions/resume", body), 409, "stale")


def test_an_act_twice_under_one_idempotency_key_happens_once(operator: Person) -> None:
    path = f"instances/{operator.started('1')['id']}/actions/pause"

    answers = [operator.post(path, {"reason": "x"}, Idempotency_Key="click") for _ in range(2)]

    assert answers[0].content == answers[1].content and Operation.objects.count() == 1


def test_an_act_refuses_what_it_does_not_take(operator: Person) -> None:
    path = f"instances/{operator.started('1')['id']}/actions"

    for body, name in (({"step": "charge"}, "step"), ({"data": {"a": 1}}, "data"), ({"force": True}, "force")):
        problem = is_problem(operator.post(f"{path}/pause", {"reason": "x", **body}), 422, "invalid-request")
        assert fields(problem) == [name]
    for revision in (0, -1, "1", 1.5):
        body = {"reason": "x", "revision": revision}
        assert fields(is_problem(operator.post(f"{path}/pause", body), 422, "invalid-request")) == ["revision"]


def test_unknown_actions_instances_and_operations_are_not_found(operator: Person) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    instance = operator.started("1")

    is_problem(operator.post(f"instances/{instance['id']}/actions/explode", {"reason": "x"}), 404, "not-found")
    is_problem(operator.post(f"instances/{nobody}/actions/pause", {"reason": "x"}), 404, "not-found")
    is_problem(operator.get(f"operations/{nobody}"), 404, "not-found")


def test_reading_an_action_changes_nothing(operator: Person) -> None:
    instance = operator.started("1")

    is_problem(operator.get(f"instances/{instance['id']}/actions/pause"), 405, "method-not-allowed")
    assert Instance.objects.get().revision == instance["revision"]


def test_a_session_with_a_csrf_token_acts(operator: Person) -> None:
    instance = operator.started("1")
    client = Client(enforce_csrf_checks=True)
    assert client.login(username="operator", password="operator-secret")
    client.cookies["csrftoken"] = "x" * 32

    response = client.post(
        f"/api/v1/instances/{instance['id']}/actions/pause",
        data='{"reason": "x"}',
        content_type="application/json",
        headers={"X-CSRFToken": "x" * 32},
    )

    assert response.status_code == 202


def test_operations_are_listed_by_instance(operator: Person) -> None:
    first, second = operator.started("1"), operator.started("2")
    for instance in (first, second):
        operator.post(f"instances/{instance['id']}/actions/pause", {"reason": "x"})

    found = told(operator.get(f"operations?instance={first['id']}&state=accepted&actor=operator"))["results"]

    assert [operation["instance"] for operation in found] == [first["id"]]
