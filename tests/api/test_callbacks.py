"""Messages from outside: signed, stored before they are acknowledged, and harmless when they come again."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from standardwebhooks import Webhook

from tests.api.world import Person, fields, is_problem, told
from tests.engine.desk import Desk
from workflows.engine import clock, delivery
from workflows.models import Instance, Message

SECRET = "whsec_dGVzdHMtb25seS10ZXN0cy1vbmx5LTE="
OTHER = "whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXI="
ANSWER = {"reference": "ERP-1", "erp_number": "45", "accepted": True, "reason": None}


def message(**changes: Any) -> dict[str, Any]:
    return {"type": "erp.registered", "key": "ERP-1", "data": ANSWER, **changes}


def send(
    body: Any, *, webhook_id: str = "msg_1", secret: str = SECRET, age: timedelta = timedelta(0), source: str = "erp",
    **headers: str,
) -> HttpResponse:  # fmt: skip
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    at = clock.now() - age
    signed = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, text.decode()),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return Client().post(f"/api/v1/callbacks/{source}", data=text, content_type="application/json", headers=signed)


@pytest.mark.django_db
def test_a_signed_message_is_stored_and_then_moves_the_order(operator: Person) -> None:
    desk = Desk()
    instance_id = desk.start("1")
    desk.play(instance_id)

    response = send(message(), X_Correlation_ID="from-the-erp")

    assert response.status_code == 202
    stored = Message.objects.get()
    assert told(response) == {"id": str(stored.id), "state": "pending"}
    assert stored.correlation_id == "from-the-erp" and json.loads(stored.body) == ANSWER
    delivery.deliver(stored.id)
    assert Instance.objects.get().status != "ErpRegistrationPending"
    inbox = told(operator.get(f"callbacks?state=applied&instance={instance_id}"))["results"]
    assert [one["webhook_id"] for one in inbox] == ["msg_1"] and inbox[0]["data"] == ANSWER


@pytest.mark.django_db
def test_a_repeated_webhook_id_answers_200_and_changes_nothing() -> None:
    first = send(message())

    again = send(message(data={**ANSWER, "accepted": False}))

    assert (first.status_code, again.status_code) == (202, 200)
    assert told(again) == told(first)
    assert json.loads(Message.objects.get().body) == ANSWER


@pytest.mark.django_db
def test_a_message_nobody_waits_for_yet_is_kept() -> None:
    assert told(send(message(type="unheard.of", key="x")))["state"] == "pending"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": OTHER},
        {"age": timedelta(minutes=6)},
        {"age": -timedelta(minutes=6)},
        {"source": "stranger"},
        {"webhook_signature": ""},
        {"webhook_signature": "v1"},
        {"webhook_signature": "v1,é"},
        {"webhook_signature": "v1,@@@"},
        {"webhook_signature": "v2," + "A" * 44},
        {"webhook_timestamp": ""},
        {"webhook_timestamp": "NaN"},
        {"webhook_timestamp": "1e400"},
        {"webhook_timestamp": "soon"},
        {"webhook_id": ""},
        {"webhook_id": "x" * 256},
        {"webhook_id": "two words"},
    ],
    ids=str,
)
def test_what_is_not_signed_rightly_and_now_is_refused_without_detail(wrong: dict[str, Any]) -> None:
    problem = is_problem(send(message(), **wrong), 401, "unauthenticated")

    assert problem["detail"] == "The message is not signed by a known sender."
    assert not Message.objects.exists()


@pytest.mark.django_db
def test_a_signature_of_another_body_is_refused() -> None:
    at = clock.now()
    headers = {
        "webhook-id": "m",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("m", at, json.dumps(message(key="other"))),
    }

    response = Client().post("/api/v1/callbacks/erp", json.dumps(message()), "application/json", headers=headers)

    is_problem(response, 401, "unauthenticated")


@pytest.mark.django_db
def test_during_a_rotation_each_of_two_secrets_is_accepted(settings: Any) -> None:
    settings.WEBHOOK_SECRETS = {"erp": (OTHER, SECRET)}

    assert send(message(), webhook_id="a").status_code == 202
    assert send(message(), webhook_id="b", secret=OTHER).status_code == 202


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"type": 7}, "type"),
        ({"type": ""}, "type"),
        ({"key": "x" * 201}, "key"),
        ({"key": "a\x00"}, "key"),
        ({"data": []}, "data"),
        ({"data": {"a": "\ud800"}}, "data.a"),
        ({"more": 1}, "more"),
    ],
)
def test_a_signed_message_that_is_wrong_is_refused_with_the_field(changes: dict[str, Any], name: str) -> None:
    problem = is_problem(send(message(**changes)), 422, "invalid-request")

    assert fields(problem) == [name]
    assert not Message.objects.exists()


@pytest.mark.django_db
def test_bodies_that_are_no_text_or_too_long_are_refused() -> None:
    unsigned = {"webhook-id": "m", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
    for body, status in ((b"\xff", 401), (b" " * (1024 * 1024 + 1), 413)):
        response = Client().post("/api/v1/callbacks/erp", body, "application/json", headers=unsigned)
        assert response.status_code == status
    assert send(b"{", webhook_id="m").status_code == 400


@pytest.mark.django_db
def test_without_the_right_to_payloads_an_undeclared_message_shows_nothing(support: Person, operator: Person) -> None:
    send(message(type="unheard.of"))

    assert told(support.get("callbacks"))["results"][0]["data"] == "•••"
    assert told(operator.get("callbacks"))["results"][0]["data"] == ANSWER
