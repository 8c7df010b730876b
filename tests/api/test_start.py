"""Starting an instance: once per key, honest about conflicts, precise about wrong input."""

from __future__ import annotations

from tests.api.world import Person, an_order, fields, is_problem, told
from workflows.models import AuditEntry, IdempotentRequest, Instance, RefusedStart

INSTANCES = "workflows/order/instances"


def test_a_start_answers_201_with_the_instance(support: Person) -> None:
    response = support.start("536365")

    assert response.status_code == 201
    instance = told(response)
    assert response["Location"] == f"/api/v1/instances/{instance['id']}"
    assert (instance["workflow"], instance["version"], instance["key"], instance["run"]) == ("order", 2, "536365", 1)
    assert instance["initiator"] == "support" and instance["lifecycle"] == "running"
    assert instance["sentence"].startswith("Checking whether everything is in stock since ")
    assert support.get(f"instances/{instance['id']}").status_code == 200


def test_the_same_key_and_input_answer_200_with_the_same_instance(support: Person) -> None:
    first = support.started("536365")

    again = support.start("536365")

    assert again.status_code == 200 and told(again)["id"] == first["id"]
    assert Instance.objects.count() == 1


def test_the_same_key_with_other_input_is_a_conflict_that_names_the_instance(support: Person) -> None:
    first = support.started("536365")

    problem = is_problem(support.start("536365", total=23.0), 409, "key-conflict")

    assert problem["instance_id"] == first["id"]
    assert problem["detail"] == "Order 536365 exists already with another input."


def test_a_key_with_spaces_around_it_is_the_same_key(support: Person) -> None:
    response = support.post(INSTANCES, {"key": " 536365 ", "input": an_order("536365")})

    assert response.status_code == 201 and told(response)["key"] == "536365"


def test_a_key_that_differs_from_the_input_is_refused(support: Person) -> None:
    problem = is_problem(support.post(INSTANCES, {"key": "1", "input": an_order("2")}), 422, "invalid-request")

    assert fields(problem) == ["key"]


def test_wrong_input_names_every_field_and_is_kept_for_support(support: Person) -> None:
    wrong = an_order("536365", total="22", currency="pound", colour="red")
    del wrong["country"]

    problem = is_problem(support.post(INSTANCES, {"key": "536365", "input": wrong}), 422, "invalid-request")

    assert set(fields(problem)) == {"input.total", "input.currency", "input.colour", "input.country"}
    assert RefusedStart.objects.get().key == "536365"
    assert AuditEntry.objects.get(action="start").allowed is False


def test_a_cancellation_is_refused_with_the_name_of_the_workflow_it_belongs_to(support: Person) -> None:
    problem = is_problem(support.start("C536379", cancellation=True), 422, "invalid-request")

    assert fields(problem) == ["input.cancellation"] and "'return'" in problem["detail"]


def test_an_unknown_workflow_is_not_found(support: Person) -> None:
    problem = is_problem(support.post("workflows/nonsense/instances", {"key": "1", "input": {}}), 404, "not-found")

    assert "order" in problem["detail"]


def test_priority_and_restart_are_taken_over(support: Person) -> None:
    body = {"key": "536365", "input": an_order("536365"), "priority": "high"}

    assert told(support.post(INSTANCES, body))["priority"] == "high"
    problem = is_problem(support.post(INSTANCES, {**body, "restart": True}), 409, "key-conflict")
    assert "restarted only after" in problem["detail"]


def test_a_repeated_idempotency_key_gets_the_first_answer_again(support: Person) -> None:
    body = {"key": "536365", "input": an_order("536365")}
    first = support.post(INSTANCES, body, Idempotency_Key='"a-key"')

    again = support.post(INSTANCES, body, Idempotency_Key="a-key")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content and again["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    assert Instance.objects.count() == 1


def test_a_refusal_is_also_an_answer_that_is_repeated(support: Person) -> None:
    body = {"key": "1", "input": an_order("2")}

    answers = [support.post(INSTANCES, body, Idempotency_Key="k") for _ in range(2)]

    assert is_problem(answers[1], 422, "invalid-request") == is_problem(answers[0], 422, "invalid-request")


def test_an_idempotency_key_with_another_body_is_refused(support: Person) -> None:
    support.post(INSTANCES, {"key": "1", "input": an_order("1")}, Idempotency_Key="k")

    response = support.post(INSTANCES, {"key": "2", "input": an_order("2")}, Idempotency_Key="k")

    is_problem(response, 422, "idempotency-key-reused")
    assert Instance.objects.count() == 1


def test_an_idempotency_key_whose_first_request_still_runs_is_refused(support: Person) -> None:
    body = {"key": "1", "input": an_order("1")}
    support.post(INSTANCES, body, Idempotency_Key="k")
    IdempotentRequest.objects.update(status=None)

    is_problem(support.post(INSTANCES, body, Idempotency_Key="k"), 409, "still-running")


def test_an_abandoned_request_is_taken_over(support: Person) -> None:
    body = {"key": "1", "input": an_order("1")}
    support.post(INSTANCES, body, Idempotency_Key="k")
    IdempotentRequest.objects.update(status=None, at="2020-01-01T00:00:00Z")

    assert support.post(INSTANCES, body, Idempotency_Key="k").status_code == 200


def test_idempotency_keys_belong_to_the_caller(support: Person, operator: Person) -> None:
    support.post(INSTANCES, {"key": "1", "input": an_order("1")}, Idempotency_Key="k")

    response = operator.post(INSTANCES, {"key": "2", "input": an_order("2")}, Idempotency_Key="k")

    assert response.status_code == 201


def test_a_malformed_idempotency_key_is_refused(support: Person) -> None:
    for offered in ("two words", '"unclosed', "é", "x" * 256, ""):
        response = support.post(INSTANCES, {"key": "1", "input": an_order("1")}, Idempotency_Key=offered)
        is_problem(response, 400, "invalid-header")


def test_a_correlation_id_is_taken_over_and_returned(support: Person) -> None:
    body = {"key": "1", "input": an_order("1")}

    response = support.post(INSTANCES, body, X_Correlation_ID="shop-77/a")

    assert response["X-Correlation-ID"] == "shop-77/a"
    assert told(response)["correlation_id"] == "shop-77/a"


def test_an_unfit_correlation_id_is_replaced(support: Person) -> None:
    for offered in ("two words", "x" * 129, "é", ""):
        response = support.get("instances", X_Correlation_ID=offered)
        assert response["X-Correlation-ID"] != offered and len(response["X-Correlation-ID"]) == 36
