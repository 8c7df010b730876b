"""The simulated services do each thing exactly once, say so in the ledger, and forget nothing."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.demo.far_side import SECRET, FarSide, far_side

LINES = [{"sku": "85123A", "quantity": 6}, {"sku": "71053", "quantity": 2}]
ORDER = "536365"

#: path, body, key, operation in the ledger, field of the answer that names it
EFFECTS: list[tuple[str, dict[str, Any], str, str]] = [
    ("/warehouse/reservations", {"order_id": ORDER, "lines": LINES}, "reserve", "reservation_id"),
    ("/warehouse/restocks", {"return_id": "C1", "order_id": ORDER, "lines": LINES}, "restock", "restock_id"),
    ("/payments/charges", {"order_id": ORDER, "amount": "139.12", "currency": "GBP"}, "charge", "charge_id"),
    ("/erp/orders", {"order_id": ORDER, "total": 139.12, "lines": 2}, "register", "reference"),
    ("/carrier/shipments", {"order_id": ORDER, "country": "France", "lines": 2}, "ship", "shipment_id"),
    ("/crm/thanks", {"order_id": ORDER}, "thank", "message_id"),
    ("/crm/alerts", {"order_id": ORDER, "reason": "The ERP said no"}, "alert", "ticket_id"),
]

#: what is done first, then how it is taken back: path, field that carries the key, answer, operation
REVERSALS = [
    (EFFECTS[0], "/warehouse/releases", "reservation_key", "released", "release"),
    (EFFECTS[3], "/erp/cancellations", "order_key", "cancelled", "cancel"),
    (EFFECTS[4], "/carrier/recalls", "shipment_key", "recalled", "recall"),
]


@pytest.fixture
def far(tmp_path: Path) -> Iterator[FarSide]:
    with far_side(tmp_path / "simulators.sqlite3") as far:
        yield far


@pytest.mark.parametrize(("path", "body", "operation", "named"), EFFECTS)
def test_an_effect_is_written_once_and_a_repeated_key_gets_the_first_answer(
    far: FarSide, path: str, body: dict[str, Any], operation: str, named: str
) -> None:
    first = far.post(path, body, key="k1", headers={"X-Correlation-ID": "trace-7"})
    again = far.post(path, dict(reversed(body.items())), key="k1")

    assert first.status_code in (201, 202) and first.json()[named]
    assert "idempotent-replay" not in first.headers
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["idempotent-replay"] == "true"
    [entry] = far.ledger()
    assert (entry["service"], entry["operation"]) == (path.split("/")[1], operation)
    assert (entry["idempotency_key"], entry["subject"]) == ("k1", ORDER)
    assert entry["amount"] == (139.12 if operation == "charge" else None)
    assert entry["reference"] == first.json()[named]
    assert entry["correlation_id"] == "trace-7"
    assert datetime.fromisoformat(entry["at"]).tzinfo == UTC


@pytest.mark.parametrize(("path", "body", "operation", "named"), EFFECTS)
def test_an_effect_without_a_key_or_with_a_used_one_is_refused(
    far: FarSide, path: str, body: dict[str, Any], operation: str, named: str
) -> None:
    without = far.post(path, body)
    far.post(path, body, key="k1")
    reused = far.post(path, {**body, "order_id": "other"}, key="k1")

    assert (without.status_code, without.json()["error"]) == (400, "idempotency_key_missing")
    assert (reused.status_code, reused.json()["error"]) == (422, "idempotency_key_reused")
    assert far.operations() == [operation]


def test_a_body_that_breaks_the_contract_is_refused_and_leaves_the_key_free(far: FarSide) -> None:
    refused = far.charge("k1", amount="-1")
    not_json = far.http.post("/payments/charges", content=b"{", headers={"Idempotency-Key": "k1"})
    done = far.charge("k1")

    assert refused.status_code == 422 and "amount" in refused.json()["detail"]
    assert not_json.status_code == 400
    assert done.status_code == 201
    assert far.operations() == ["charge"]


def test_eight_clients_with_the_same_key_at_the_same_time_cause_one_effect(far: FarSide) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: far.charge("k1"), range(40)))

    assert {answer.json()["charge_id"] for answer in answers} == {answers[0].json()["charge_id"]}
    assert sum("idempotent-replay" not in answer.headers for answer in answers) == 1
    assert far.operations() == ["charge"]


@pytest.mark.parametrize(("done", "path", "key_field", "answer", "operation"), REVERSALS)
def test_what_was_done_is_taken_back_once(
    far: FarSide, done: Any, path: str, key_field: str, answer: str, operation: str
) -> None:
    far.post(done[0], done[1], key="k1")

    first = far.post(path, {"order_id": ORDER, key_field: "k1"}, key="k1/compensate")
    again = far.post(path, {"order_id": ORDER, key_field: "k1"}, key="k1/compensate")
    other = far.post(path, {"order_id": ORDER, key_field: "k1"}, key="another")

    assert first.json() == again.json() == {answer: True}
    assert other.json() == {answer: False}
    assert far.operations() == [done[2], operation]
    assert far.ledger()[1]["reverses"] == "k1"


@pytest.mark.parametrize(("done", "path", "key_field", "answer", "operation"), REVERSALS)
def test_taking_back_what_never_happened_does_nothing_and_stops_a_late_arrival(
    far: FarSide, done: Any, path: str, key_field: str, answer: str, operation: str
) -> None:
    nothing = far.post(path, {"order_id": ORDER, key_field: "k1"}, key="k1/compensate")
    late = far.post(done[0], done[1], key="k1")

    assert (nothing.status_code, nothing.json()) == (200, {answer: False})
    assert (late.status_code, late.json()["error"]) == (409, "reversed_before_it_arrived")
    assert far.ledger() == []


def test_refunds_give_back_no_more_than_was_charged(far: FarSide) -> None:
    far.charge("k1", amount=20)

    part = far.post("/payments/refunds", {"order_id": ORDER, "charge_key": "k1", "amount": "5.5"}, key="r1")
    rest = far.post("/payments/refunds", {"order_id": ORDER, "charge_key": "k1", "amount": 100}, key="r2")
    none = far.post("/payments/refunds", {"order_id": ORDER, "charge_key": "k1", "amount": None}, key="r3")

    assert [each.json()["refunded"] for each in (part, rest, none)] == [5.5, 14.5, 0]
    assert none.json()["refund_id"] is None
    assert [entry["amount"] for entry in far.ledger()] == [20, 5.5, 14.5]


@pytest.mark.parametrize("refund", [{"charge_key": "", "amount": 5}, {"charge_key": "k1", "amount": 0}])
def test_a_refund_of_no_charge_or_of_no_money_does_nothing(far: FarSide, refund: dict[str, Any]) -> None:
    far.charge("k1")

    answer = far.post("/payments/refunds", {"order_id": ORDER, **refund}, key="r1")

    assert (answer.status_code, answer.json()) == (200, {"refund_id": None, "refunded": 0})
    assert far.operations() == ["charge"]


def test_a_refund_without_a_charge_gives_nothing_back_and_stops_a_late_charge(far: FarSide) -> None:
    nothing = far.post("/payments/refunds", {"order_id": ORDER, "charge_key": "k1"}, key="k1/compensate")

    assert nothing.json() == {"refund_id": None, "refunded": 0}
    assert far.charge("k1").status_code == 409
    assert far.ledger() == []


@pytest.mark.parametrize(("path", "body", "operation", "named"), [EFFECTS[0], EFFECTS[2], EFFECTS[3], EFFECTS[4]])
def test_whether_something_happened_can_be_asked_by_its_key(
    far: FarSide, path: str, body: dict[str, Any], operation: str, named: str
) -> None:
    before = far.http.get(path, params={"idempotency_key": "k 1/charge"})
    done = far.post(path, body, key="k 1/charge")
    after = far.http.get(path, params={"idempotency_key": "k 1/charge"})

    assert before.status_code == 404
    assert after.status_code == 200
    assert after.json()[named] == done.json()[named]
    assert after.json()["order_id"] == ORDER


def test_a_charge_that_was_partly_refunded_says_so(far: FarSide) -> None:
    far.charge("k1", amount=20)
    far.post("/payments/refunds", {"order_id": ORDER, "charge_key": "k1", "amount": 5}, key="r1")

    found = far.http.get("/payments/charges", params={"idempotency_key": "k1"}).json()

    assert (found["amount"], found["refunded"]) == (20, 5)


def test_about_three_orders_in_a_hundred_are_suspicious_and_always_the_same(far: FarSide) -> None:
    def score(number: int, customer: str | None = "17850") -> float:
        order = {"order_id": f"5{number}", "customer_id": customer, "country": "France", "total": 10, "lines": 1}
        return float(far.post("/fraud/score", order).json()["score"])

    scores = [score(number) for number in range(600)]

    assert all(0 <= each <= 1 and each == round(each, 2) for each in scores)
    assert 6 <= sum(each >= 0.6 for each in scores) <= 36
    assert [score(number) for number in range(50)] == scores[:50]
    assert score(1, customer=None) > score(1)
    assert far.ledger() == []


def test_stock_is_there_unless_the_dial_says_otherwise_and_then_for_the_same_orders(far: FarSide) -> None:
    def stock(number: int) -> Any:
        return far.post("/warehouse/stock", {"order_id": f"5{number}", "lines": LINES}).json()

    before = [stock(number) for number in range(40)]
    far.dial(warehouse={"out_of_stock_rate": 0.5})
    during = [stock(number) for number in range(40)]

    assert all(each == {"available": True, "missing": []} for each in before)
    short = [each for each in during if not each["available"]]
    assert 5 < len(short) < 35 and all(each["missing"] == ["85123A"] for each in short)
    assert [stock(number) for number in range(40)] == during


def test_the_ledger_can_be_read_from_a_position_and_for_one_order(far: FarSide) -> None:
    for number in range(5):
        far.charge(f"k{number}", order_id=f"order-{number % 2}")

    assert [entry["seq"] for entry in far.ledger()] == [1, 2, 3, 4, 5]
    assert [entry["seq"] for entry in far.ledger(after=1, limit=2)] == [2, 3]
    assert [entry["seq"] for entry in far.ledger(subject="order-1")] == [2, 4]
    assert far.ledger(after=5) == [] and far.ledger(limit=0) == []
    assert far.http.get("/ledger", params={"after": "x"}).status_code == 422


def test_a_long_ledger_is_given_whole(far: FarSide) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: far.charge(f"k{number}"), range(1100)))

    assert [entry["seq"] for entry in far.ledger()] == list(range(1, 1101))
    assert len(far.ledger(limit=700)) == 700


def test_the_ledger_is_emptied_only_when_asked_twice(far: FarSide) -> None:
    far.charge("k1")

    assert far.http.delete("/ledger").status_code == 403
    assert far.operations() == ["charge"]
    assert far.http.delete("/ledger", headers={"X-Reset": "yes"}).status_code == 204
    assert far.ledger() == []
    assert "idempotent-replay" not in far.charge("k1").headers


def test_the_crm_takes_an_event_once(far: FarSide) -> None:
    event = {"specversion": "1.0", "id": "e1", "source": "/workflows/order", "type": "OrderConfirmed", "subject": ORDER}

    first = far.post("/crm/events", event)
    again = far.post("/crm/events", event)
    odd = far.post("/crm/events", {"id": "e2"})

    assert (first.status_code, again.status_code, odd.status_code) == (202, 202, 422)
    assert again.headers["idempotent-replay"] == "true"
    [entry] = far.ledger()
    assert (entry["operation"], entry["idempotency_key"], entry["subject"]) == ("event", "e1", ORDER)


def test_the_crm_refuses_an_event_with_a_wrong_signature(tmp_path: Path) -> None:
    event = {"specversion": "1.0", "id": "e1", "source": "/workflows/order", "type": "OrderConfirmed", "subject": ORDER}
    body, now = json.dumps(event), datetime.fromtimestamp(int(time.time()), UTC)
    signed = {
        "webhook-id": "e1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("e1", now, body),
    }

    with far_side(tmp_path / "simulators.sqlite3", events_secret=SECRET) as far:
        unsigned = far.http.post("/crm/events", content=body)
        forged = far.http.post("/crm/events", content=body + " ", headers=signed)
        right = far.http.post("/crm/events", content=body, headers=signed)

        assert [each.status_code for each in (unsigned, forged, right)] == [401, 401, 202]
        assert far.operations() == ["event"]


def test_a_restart_forgets_neither_effects_nor_answers_nor_closed_keys(tmp_path: Path) -> None:
    store = tmp_path / "simulators.sqlite3"
    with far_side(store) as far:
        first = far.charge("k1").json()
        far.post("/payments/refunds", {"order_id": ORDER, "charge_key": "k2"}, key="k2/compensate")
        before = far.ledger()

    with far_side(store) as far:
        again = far.charge("k1")

        assert again.json() == first and again.headers["idempotent-replay"] == "true"
        assert far.charge("k2").status_code == 409
        assert far.ledger() == before
