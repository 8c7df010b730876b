"""Reading instances: lists that stay put, filters, details, history, and what may be done."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.api.world import Person, an_order, fields, is_problem, told
from tests.engine.desk import Desk
from workflows.models import Instance


def keys(page: dict[str, Any]) -> list[str]:
    return [instance["key"] for instance in page["results"]]


def follow(person: Person, address: str) -> dict[str, Any]:
    parts = urlsplit(address)
    page: dict[str, Any] = told(person.get(f"{parts.path.removeprefix('/api/v1/')}?{parts.query}"))
    return page


def test_pages_are_followed_forth_and_back_while_new_orders_arrive(support: Person) -> None:
    for number in range(5):
        support.started(f"A{number}")

    first = told(support.get("instances?page_size=2"))
    support.started("A5")
    second = follow(support, first["next"])
    third = follow(support, second["next"])

    assert (keys(first), keys(second), keys(third)) == (["A4", "A3"], ["A2", "A1"], ["A0"])
    assert first["previous"] is None and third["next"] is None
    assert keys(follow(support, third["previous"])) == ["A2", "A1"]
    back = follow(support, second["previous"])
    assert keys(back) == ["A4", "A3"] and keys(follow(support, back["previous"])) == ["A5"]


def test_a_list_costs_the_same_queries_however_long_it_is(support: Person) -> None:
    counts = []
    for upto in (1, 6):
        for number in range(upto):
            support.start(f"Q{number}")
        with CaptureQueriesContext(connection) as queries:
            support.get("instances")
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 4


def test_filters_narrow_the_list(support: Person, operator: Person) -> None:
    support.started("UK", total=10.0)
    france = support.started("FR", country="France", customer_id=None)
    desk = Desk()
    desk.play(desk.start("WAITS"))

    def found(query: str) -> list[str]:
        return sorted(keys(told(operator.get(f"instances?{query}"))))

    assert found("workflow=return") == []
    assert found("workflow=order,return") == ["FR", "UK", "WAITS"]
    assert found("key=FR") == found("key=FR&key=XX") == found("attr.country=France") == ["FR"]
    assert found("attr.customer_id=null") == ["FR"]
    assert found("attr.total=10") == ["UK"]
    assert found("lifecycle=waiting") == found("status=ErpRegistrationPending") == ["WAITS"]
    assert found("stage=Checking") == ["FR", "UK"]
    assert found("dependency=erp&owner=erp-team") == ["WAITS"]
    assert found(f"correlation_id={france['correlation_id']}") == ["FR"]
    assert found("needs_person=true") == [] and len(found("needs_person=false")) == 3
    assert found("overdue=true") == [] and len(found("overdue=false")) == 3
    assert found("version=1") == [] and len(found("version=2")) == 3
    assert len(found("started_after=2020-01-01T00:00:00Z")) == 3 and found("started_before=2020-01-01T00:00:00Z") == []
    Instance.objects.filter(key="UK").update(deadline_at="2020-01-01T00:00:00Z")
    assert found("overdue=true") == ["UK"]


@pytest.mark.parametrize(
    "text",
    [
        "abc-1",
        "ABC-1",
        " #abc-1 ",
        "Abc",
        "zzz, abc-1",
        "the-correlation",
        "order/ABC-1/r1/charge/g1",
        "Narnia",
        "{id}",
    ],
)
def test_the_search_box_takes_any_number(support: Person, text: str) -> None:
    instance = told(
        support.post(
            "workflows/order/instances",
            {"key": "ABC-1", "input": an_order("ABC-1", country="Narnia")},
            X_Correlation_ID="the-correlation",
        )
    )
    support.started("OTHER")

    page = told(support.get(f"instances?q={text.format(id=instance['id']).replace('#', '%23')}"))

    assert keys(page) == ["ABC-1"]


def test_the_search_box_finds_by_callback_reference_and_webhook_id(operator: Person) -> None:
    desk = Desk()
    desk.delivered("W1")
    desk.start("W2")

    assert keys(told(operator.get("instances?q=ERP-W1"))) == ["W1"]
    assert keys(told(operator.get("instances?q=ERP-W1-w1"))) == ["W1"]


def test_an_instance_tells_where_it_is_and_why(operator: Person) -> None:
    desk = Desk()
    instance_id = desk.start("E1")
    desk.play(instance_id)

    instance = told(operator.get(f"instances/{instance_id}"))

    assert instance["sentence"].startswith("Waiting for the ERP to confirm the order since ")
    assert "Next: ask the ERP at " in instance["sentence"] and instance["sentence"].endswith("Owner: erp-team.")
    assert instance["customer_sentence"] == "Your order is being registered."
    assert instance["waiting_on"]["kind"] == "callback" and instance["waiting_on"]["name"] == "erp"
    assert instance["next"]["what"] == "ask" and instance["next"]["at"]
    assert instance["deadline"]["state"] == "on_track"
    assert instance["runbook"] == "runbooks/erp.md" and instance["priority"] == "normal"
    steps = {step["name"]: step for step in instance["steps"]}
    charge = steps["charge"]
    assert (charge["state"], charge["status"], charge["attempts"]) == ("succeeded", "PaymentCharged", 1)
    assert charge["idempotency_key"] == "order/E1/r1/charge/g1"
    assert charge["output"] == {"charge_id": "CH-E1", "amount": 15.3}
    assert charge["input"]["order"]["order_id"] == "E1" and charge["input"]["order"] == instance["input"]
    assert charge["started_at"] and charge["ended_at"] and charge["rule"].startswith("order.total > 0 is true")
    assert steps["registered"]["state"] == "waiting" and steps["delivery"]["state"] == "planned"
    assert steps["thanks"]["irreversible"] is True and steps["thanks"]["critical"] is False
    assert steps["confirmed"]["output"]["order_id"] == "E1"


def test_actions_are_told_with_the_reason_why_not(support: Person, operator: Person) -> None:
    instance = operator.started("1")

    mine = {one["action"]: one for one in instance["allowed_actions"]}
    theirs = told(support.get(f"instances/{instance['id']}"))["allowed_actions"]

    assert {name for name, one in mine.items() if one["allowed"]} == {"pause", "cancel", "compensate", "reassign"}
    assert mine["resume"]["reason"] == "It is not paused."
    assert not any(one["allowed"] for one in theirs)
    assert theirs[0]["reason"].startswith("Retry needs the right to try failed work again")


def test_a_failing_step_tells_its_attempts_and_last_error(operator: Person) -> None:
    desk = Desk()
    instance_id = desk.start("F1")
    desk.fail(desk.claimed(instance_id, "risk"), "fraud answered 500")

    instance = told(operator.get(f"instances/{instance_id}"))

    risk = next(step for step in instance["steps"] if step["name"] == "risk")
    assert (risk["state"], risk["status"], risk["attempts"], risk["max_attempts"]) == (
        "ready",
        "FraudCheckRetrying",
        1,
        8,
    )
    assert risk["last_error"] == "fraud answered 500" and risk["retry_at"]
    assert "Last answer: fraud answered 500." in instance["sentence"]


def test_a_running_step_is_told_as_running(operator: Person) -> None:
    desk = Desk()
    instance_id = desk.start("R1")
    desk.claimed(instance_id, "stock")

    steps = told(operator.get(f"instances/{instance_id}"))["steps"]

    stock = next(step for step in steps if step["name"] == "stock")
    assert stock["state"] == "running" and stock["started_at"]


def test_a_corrected_order_tells_what_was_corrected_and_why(operator: Person) -> None:
    desk = Desk()
    instance_id = desk.start("C1")
    desk.play(instance_id)
    desk.answer(instance_id, accepted=False)
    desk.play(instance_id)

    instance = told(operator.get(f"instances/{instance_id}"))

    assert (instance["lifecycle"], instance["status"], instance["reason"]) == ("compensated", "OrderCorrected", "limit")
    assert instance["sentence"].startswith("Not fulfilled; what had been done was corrected. Ended at ")
    assert instance["sentence"].endswith("Reason: limit.")
    steps = {step["name"]: step for step in instance["steps"]}
    assert steps["charge"]["corrected"] and steps["charge"]["compensation"]["state"] == "done"
    assert steps["charge"]["compensation"]["idempotency_key"] == "order/C1/r1/charge/g1/compensate"
    assert steps["registered"]["state"] == "refused" and steps["registered"]["status"] == "ErpRejected"
    assert instance["next"] is None and instance["waiting_on"] is None


def test_history_is_told_in_order_without_gaps_and_in_pages(operator: Person) -> None:
    desk = Desk()
    instance_id = desk.delivered("H1")

    whole = told(operator.get(f"instances/{instance_id}/history?page_size=500"))["results"]
    page = told(operator.get(f"instances/{instance_id}/history?page_size=3"))
    following = follow(operator, page["next"])

    assert [event["seq"] for event in whole] == list(range(1, len(whole) + 1))
    assert whole[0]["type"] == "InstanceStarted" and whole[0]["actor"] == {"kind": "system", "name": "intake"}
    assert whole[-1]["type"] == "InstanceEnded" and whole[-1]["correlation_id"] == "c-H1"
    assert [event["seq"] for event in (*page["results"], *following["results"])] == [1, 2, 3, 4, 5, 6]
    is_problem(operator.get("instances/00000000-0000-0000-0000-000000000000/history"), 404, "not-found")


def test_a_cursor_of_another_list_is_refused(operator: Person) -> None:
    for number in range(2):
        operator.started(f"{number}")
    cursor = told(operator.get("instances?page_size=1"))["next"].split("cursor=")[1].split("&")[0]
    instance = told(operator.get("instances"))["results"][0]

    problem = told(operator.get(f"instances/{instance['id']}/history?cursor={cursor}"))

    assert fields(problem) == ["cursor"]


def test_personal_fields_are_masked_everywhere_without_the_right(support: Person, operator: Person) -> None:
    desk = Desk()
    instance_id = desk.start("P1", customer_id="CANARY-4711")
    desk.play(instance_id)
    paths = [
        f"instances/{instance_id}",
        f"instances/{instance_id}/history?page_size=500",
        "instances",
        "events",
        "audit",
    ]
    paths += ["instances?q=CANARY-4711", "callbacks"]

    seen = {path: support.get(path).content.decode() for path in paths}

    shown = told(operator.get(f"instances/{instance_id}"))
    assert shown["attributes"]["customer_id"] == shown["input"]["customer_id"] == "CANARY-4711"
    assert [path for path, text in seen.items() if "CANARY" in text and "?q=" not in path] == []
    masked = told(support.get(f"instances/{instance_id}"))
    assert masked["attributes"]["customer_id"] == masked["input"]["customer_id"] == "•••"
    assert (
        masked["steps"][0]["input"]["order"]["customer_id"] == "•••" and masked["input"]["country"] == "United Kingdom"
    )
    assert told(support.get("instances?q=P1"))["results"][0]["attributes"]["customer_id"] == "•••"


def test_large_inputs_of_steps_are_folded(operator: Person) -> None:
    line = {"sku": "85123A", "description": "x" * 100, "quantity": 6, "unit_price": 2.55}
    instance = operator.started("1", lines=[line] * 300)

    folded = instance["steps"][0]["input"]["order"]

    assert folded["folded"] is True and folded["from"] == "input" and folded["bytes"] > 16_000
    assert len(instance["input"]["lines"]) == 300


def test_a_session_reads_too(support: Person) -> None:
    client = Client()
    assert client.login(username="support", password="support-secret")

    assert client.get("/api/v1/instances").status_code == 200


def test_a_session_without_a_csrf_token_may_not_act(operator: Person) -> None:
    instance = operator.started("1")
    client = Client(enforce_csrf_checks=True)
    assert client.login(username="operator", password="operator-secret")

    response = client.post(
        f"/api/v1/instances/{instance['id']}/actions/pause", data='{"reason": "x"}', content_type="application/json"
    )

    is_problem(response, 403, "forbidden")
    assert Instance.objects.get().lifecycle == "running"
