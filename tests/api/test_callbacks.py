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
from workflows.models import AuditEntry, Event, Instance, Message

SECRET = "whsec_dGVzdHMtb25seS10ZXN0cy1vbmx5LTE="
OTHER = "whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXI="
#: an id nothing has
NOBODY = "01900000-0000-7000-8000-000000000000"
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


class TestRepair:
    """Messages that found nobody: proposed, handed over, set aside."""

    def astray(self, **changes: Any) -> Message:
        """An order that waits for the ERP, and the ERP's answer with a mistyped key."""
        desk = Desk()
        desk.play(desk.start("1"))
        send(message(key="erp 1", **changes))
        return Message.objects.get()

    @pytest.mark.django_db
    def test_a_stray_message_comes_with_a_proposal_and_its_effect(self, operator: Person, support: Person) -> None:
        self.astray(data={**ANSWER, "accepted": False, "reason": "limit"})

        for person, reason in ((operator, "limit"), (support, "")):
            (one,) = told(person.get("callbacks?state=pending&type=erp.registered&key=erp 1&source=erp"))["results"]
            (proposal,) = one["proposals"]
            assert (proposal["key"], proposal["how"], proposal["field"]) == ("1", "reference", "reference")
            assert (proposal["step"], proposal["effect"], proposal["reason"]) == ("registered", "refused", reason)

    @pytest.mark.django_db
    def test_it_is_handed_over_once(self, operator: Person) -> None:
        stray = self.astray()

        first = operator.post(f"callbacks/{stray.id}/apply", {"reason": "mistyped"})
        again = operator.post(f"callbacks/{stray.id}/apply", {"reason": "mistyped"})

        assert (first.status_code, told(first)["state"]) == (200, "applied")
        assert told(first)["instance"] == str(Instance.objects.get().id)
        assert "taken into account already" in is_problem(again, 409, "impossible")["detail"]
        entries = AuditEntry.objects.filter(action="apply").order_by("id")
        assert [(one.allowed, one.through) for one in entries] == [(True, "api"), (False, "api")]
        assert told(operator.get("operations?state=verified"))["results"][0]["action"] == "apply"

    @pytest.mark.django_db
    def test_under_one_idempotency_key_it_is_answered_twice_and_done_once(self, operator: Person) -> None:
        stray = self.astray()

        answers = [
            operator.post(f"callbacks/{stray.id}/apply", {"reason": "x"}, Idempotency_Key="click") for _ in range(2)
        ]

        assert answers[0].content == answers[1].content and answers[1].status_code == 200
        assert AuditEntry.objects.filter(action="apply").count() == 1

    @pytest.mark.django_db
    def test_it_is_handed_to_the_instance_that_is_named_or_refused_with_the_reason(self, operator: Person) -> None:
        stray = self.astray(data={**ANSWER, "reference": "?"})
        path, other = f"callbacks/{stray.id}/apply", operator.started("2")["id"]

        unclear = is_problem(operator.post(path, {"reason": "x"}), 409, "impossible")
        nothing = is_problem(operator.post(path, {"reason": "x", "instance": other}), 409, "impossible")
        right = operator.post(path, {"reason": "x", "instance": str(Instance.objects.get(key="1").id)})

        assert "say for whom it is" in unclear["detail"]
        assert "nothing here waits for erp.registered" in nothing["detail"]
        assert right.status_code == 200

    @pytest.mark.django_db
    def test_it_is_set_aside_once(self, operator: Person) -> None:
        stray = self.astray()

        first = operator.post(f"callbacks/{stray.id}/ignore", {"reason": "from the test system"})
        again = operator.post(f"callbacks/{stray.id}/ignore", {"reason": "from the test system"})

        assert (told(first)["state"], told(first)["note"]) == ("ignored", "from the test system")
        is_problem(again, 409, "impossible")

    @pytest.mark.django_db
    @pytest.mark.parametrize("verb", ["apply", "ignore"])
    def test_rights_reasons_and_odd_bodies(self, operator: Person, support: Person, verb: str) -> None:
        path = f"callbacks/{self.astray().id}/{verb}"

        refused = is_problem(support.post(path, {"reason": "x"}), 403, "forbidden")
        assert "needs the right to look after causes of trouble" in refused["detail"]
        assert fields(is_problem(operator.post(path, {"reason": " "}), 422, "invalid-request")) == ["reason"]
        assert fields(is_problem(operator.post(path, {"reason": "x", "a": 1}), 422, "invalid-request")) == ["a"]
        is_problem(operator.post(f"callbacks/{NOBODY}/{verb}", {"reason": "x"}), 404, "not-found")
        assert operator.get(path).status_code == 405
        assert Message.objects.get().state == "pending"
        if verb == "apply":
            body = {"reason": "x", "instance": "nonsense"}
            assert fields(is_problem(operator.post(path, body), 422, "invalid-request")) == ["instance"]


@pytest.mark.django_db
def test_what_comes_twice_late_early_or_for_nobody_has_one_effect_or_none(operator: Person) -> None:
    desk = Desk()
    send(message(key="ERP-1", data=ANSWER), webhook_id="early")
    first = desk.start("1")
    desk.play(first)
    send(message(), webhook_id="early")
    send(message(), webhook_id="again")
    send(message(data={**ANSWER, "accepted": False}), webhook_id="contradiction")
    send(message(key="ERP-2"), webhook_id="nobody")
    cancelled = desk.start("3")
    desk.play(cancelled)
    operator.post(f"instances/{cancelled}/actions/cancel", {"reason": "changed their mind"})
    send(message(key="ERP-3"), webhook_id="late")

    states = {one["webhook_id"]: one["state"] for one in told(operator.get("callbacks"))["results"]}

    assert states == {
        "early": "applied", "again": "duplicate", "contradiction": "conflicting", "nobody": "pending", "late": "late",
    }  # fmt: skip
    decided = Event.objects.filter(instance_id=first, type="StepSucceeded", step="registered")
    assert [event.data["message"] for event in decided] == [str(Message.objects.get(webhook_id="early").id)]
