"""The record, published events and their subscribers."""

from __future__ import annotations

import pytest

from tests.api.world import Person, fields, is_problem, told
from tests.engine.desk import Desk
from tests.worlds import settled
from workflows.engine import outbox
from workflows.models import AuditEntry, Delivery, Subscription

# Events are told once no running transaction can overtake them, so these tests commit.
committing = pytest.mark.django_db(transaction=True)
HOOK = {"name": "crm", "url": "https://crm.example/hooks", "types": ["OrderConfirmed"]}


def test_the_record_tells_acts_and_refused_attempts(support: Person, operator: Person) -> None:
    instance = support.started("1")
    support.post(f"instances/{instance['id']}/actions/pause", {"reason": "no right"})
    operator.post(f"instances/{instance['id']}/actions/pause", {"reason": "a reason"})

    entries = told(operator.get(f"audit?instance={instance['id']}"))["results"]

    assert [(e["actor"]["name"], e["action"], e["allowed"]) for e in entries] == [
        ("operator", "pause", True),
        ("support", "pause", False),
        ("support", "start", True),
    ]
    assert entries[0]["before"]["lifecycle"] == "running" and entries[0]["after"]["lifecycle"] == "paused"
    assert [e["actor"]["name"] for e in told(operator.get("audit?allowed=false"))["results"]] == ["support"]
    assert len(told(operator.get("audit?actor=operator&action=pause&after=2020-01-01T00:00:00Z"))["results"]) == 1
    assert len(told(operator.get("audit?page_size=2"))["results"]) == 2
    assert AuditEntry.objects.filter(instance_id=instance["id"]).count() == 3


@committing
def test_published_events_are_followed_from_one_to_the_next(operator: Person) -> None:
    desk = Desk()
    for key in ("1", "2", "3"):
        desk.play(desk.start(key))
    settled("workflows_outboxevent")

    page = told(operator.get("events?type=OrderConfirmed&page_size=2"))
    rest = told(operator.get(f"events?after={page['results'][1]['id']}"))

    assert [event["subject"] for event in (*page["results"], *rest["results"])] == ["1", "2", "3"]
    event = page["results"][0]
    assert event["source"] == "/workflows/order" and event["specversion"] == "1.0" and event["correlationid"] == "c-1"
    assert event["dataschema"] == "/schemas/OrderConfirmed/1" and event["data"]["order_id"] == "1"
    assert page["next"].endswith(f"after={page['results'][1]['id']}")
    assert told(operator.get("events?type=Unheard"))["results"] == []
    is_problem(operator.get("events?after=00000000-0000-0000-0000-000000000000"), 404, "not-found")
    assert fields(is_problem(operator.get("events?after=x"), 422, "invalid-request")) == ["after"]


def test_a_subscription_tells_its_secret_once(admin: Person) -> None:
    made = told(admin.post("subscriptions", HOOK))

    assert made["secret"].startswith("whsec_") and made["types"] == ["OrderConfirmed"]
    listed = told(admin.get("subscriptions"))["results"]
    assert listed == [{name: value for name, value in made.items() if name != "secret"}]
    assert Subscription.objects.get().secret == made["secret"]
    is_problem(admin.post("subscriptions", HOOK), 409, "impossible")


def test_only_those_with_the_right_manage_subscriptions(operator: Person) -> None:
    is_problem(operator.get("subscriptions"), 403, "forbidden")
    is_problem(operator.post("subscriptions", HOOK), 403, "forbidden")
    is_problem(operator.post("subscriptions/1/replay", {}), 403, "forbidden")

    assert not Subscription.objects.exists()
    assert sorted(AuditEntry.objects.filter(allowed=False).values_list("action", flat=True)) == ["replay", "subscribe"]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://crm.example/x",
        "javascript:alert(1)",
        "https:///nohost",
        "https://user:pass@crm.example/",
        "http://169.254.169.254/latest",
        "http://[fe80::1]/",
        "http://0.0.0.0/x",
        "http://[::1",
        "http://crm.example:port/",
    ],
)
def test_addresses_that_are_no_place_for_events_are_refused(admin: Person, url: str) -> None:
    problem = is_problem(admin.post("subscriptions", {**HOOK, "url": url}), 422, "invalid-request")

    assert fields(problem) == ["url"]


@committing
def test_a_replay_sends_again_what_was_delivered_before(admin: Person) -> None:
    desk = Desk()
    made = told(admin.post("subscriptions", HOOK))
    for key in ("1", "2", "3"):
        desk.play(desk.start(key))
    settled("workflows_outboxevent")
    outbox.make_out()
    assert Delivery.objects.filter(state="pending").count() == 3
    Delivery.objects.update(state="delivered", attempts=1)
    first = told(admin.get("events"))["results"][0]

    response = admin.post(f"subscriptions/{made['id']}/replay", {"after": first["id"], "reason": "The CRM lost them"})

    assert response.status_code == 202 and told(response) == {"events": 2}
    assert sorted(Delivery.objects.values_list("event__subject", "state", "attempts")) == [
        ("1", "delivered", 1),
        ("2", "pending", 0),
        ("3", "pending", 0),
    ]
    assert AuditEntry.objects.filter(action="replay", target="crm", reason="The CRM lost them").count() == 1


def test_a_replay_of_nothing_known_is_refused(admin: Person) -> None:
    made = told(admin.post("subscriptions", HOOK))
    unknown = "00000000-0000-0000-0000-000000000000"

    is_problem(admin.post("subscriptions/999999999/replay", {}), 404, "not-found")
    is_problem(admin.post(f"subscriptions/{made['id']}/replay", {"after": unknown}), 404, "not-found")
    problem = is_problem(admin.post(f"subscriptions/{made['id']}/replay", {"after": "x"}), 422, "invalid-request")
    assert fields(problem) == ["after"]
