"""Circuit breakers over the API: as the interface says, acted on with a reason, refused by the name of the field."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from breakers import operations
from breakers.machine import State
from breakers.models import Breaker, Transition
from breakers.window import Tally
from tests.api.world import Person, fields, is_problem, told
from tests.engine.desk import Desk
from workflows.engine import clock, gate
from workflows.interventions import breaking
from workflows.models import AuditEntry, ScopedRole, Work

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def declared(db: None) -> None:
    gate.open_up()


def failing(name: str = "fraud", calls: int = 5, refused: int = 0) -> None:
    """So many calls failed just now."""
    tally = Tally()
    for _ in range(calls):
        tally = tally.with_call(failed=True, slow=True, error="fraud failed (500)")
    breaker = Breaker.objects.get(name=name)
    operations.seen(name, tally, breaker.generation, refused, clock.now())


def patch(who: Person, path: str, body: dict[str, Any]) -> HttpResponse:
    headers = {"Authorization": f"Bearer {who.token}"}
    return Client().patch(f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers=headers)


def one(who: Person, name: str = "fraud") -> dict[str, Any]:
    found: dict[str, Any] = told(who.get(f"breakers/{name}"))
    return found


def test_a_breaker_is_told_as_the_interface_says(support: Person) -> None:
    failing()
    desk = Desk()
    for key in ("1", "2"):
        desk.start(key)
    Work.objects.filter(dependency="fraud").update(parked=True)
    operations.seen("fraud", Tally(), 0, 3, clock.now())

    breaker = one(support)

    assert {
        "name", "state", "since", "failure_share", "slow_share", "calls", "refused", "held_up", "next_probe_at",
        "override", "policy", "generation",
    } <= breaker.keys()  # fmt: skip
    assert (breaker["name"], breaker["state"], breaker["generation"]) == ("fraud", "open", 2)
    assert (breaker["failure_share"], breaker["slow_share"], breaker["calls"]) == (1, 1, 5)
    assert (breaker["refused"], breaker["held_up"], breaker["override"]) == (3, 2, None)
    assert breaker["next_probe_at"] > breaker["since"]
    assert breaker["policy"]["open_for"] == 10 and breaker["policy"]["drain_per_second"] == 5
    assert breaker["last_error"] == "fraud failed (500)"


def test_all_breakers_are_listed_by_name_page_by_page(support: Person) -> None:
    failing()
    names = ["carrier", "crm", "erp", "fraud", "payments", "warehouse"]

    first = told(support.get("breakers?page_size=4"))
    second = told(support.get("breakers" + first["next"].split("breakers")[1]))

    assert [one["name"] for one in (*first["results"], *second["results"])] == names
    assert second["next"] is None
    assert [one["name"] for one in told(support.get("breakers?state=open,half_open"))["results"]] == ["fraud"]


@pytest.mark.parametrize("path", ["breakers?state=ajar", "breakers?sort=name", "breakers/fraud/transitions?was=open"])
def test_a_mistyped_filter_is_refused(support: Person, path: str) -> None:
    is_problem(support.get(path), 422, "invalid-request")


@pytest.mark.parametrize("cursor", ["x", "WzAsICJcdTAwMDAiXQ"])
def test_a_cursor_of_elsewhere_is_refused(support: Person, cursor: str) -> None:
    is_problem(support.get(f"breakers?cursor={cursor}"), 400, "bad-request")


def test_transitions_tell_cause_and_actor_newest_first(support: Person, operator: Person) -> None:
    failing()
    operator.post("breakers/fraud/reset", {"reason": "They say it is mended"})
    operator.post("breakers/fraud/hold-open", {"reason": "It is not"})

    first = told(support.get("breakers/fraud/transitions?page_size=2"))
    second = told(support.get("breakers/" + first["next"].split("breakers/")[1]))

    moves = [(one["was"], one["became"], one["actor"], one["reason"]) for one in first["results"] + second["results"]]
    assert moves == [
        ("half_open", "held_open", "operator", "It is not"),
        ("open", "half_open", "operator", "They say it is mended"),
        ("closed", "open", "", ""),
    ]
    assert second["results"][0]["cause"] == "5 calls in a row failed"
    assert [one["generation"] for one in first["results"]] == [4, 3]


# --- acting -----------------------------------------------------------------------------------------------------------


def begin(action: str) -> None:
    """Bring the breaker to where the act makes sense."""
    if action == "reset":
        failing()
    if action == "release":
        until = clock.now() + timedelta(minutes=5)
        operations.hold("fraud", State.HELD_CLOSED, until, clock.now(), actor="olga", reason="before")


BECOMES = {"reset": "half_open", "hold-open": "held_open", "hold-closed": "held_closed", "release": "closed"}
every_action = pytest.mark.parametrize("action", breaking.ACTIONS)


@every_action
def test_an_act_is_done_and_told_and_recorded(operator: Person, action: str) -> None:
    begin(action)

    response = operator.post(f"breakers/fraud/{action}", {"reason": "The provider said so"})

    assert response.status_code == 200, response.content
    assert told(response)["state"] == BECOMES[action]
    move = Transition.objects.order_by("-generation")[0]
    assert (move.became, move.actor, move.reason) == (BECOMES[action], "operator", "The provider said so")
    entry = AuditEntry.objects.get(action=action)
    assert (entry.allowed, entry.target, entry.reason) == (True, "fraud", "The provider said so")
    assert entry.through == "api" and entry.correlation_id == response["X-Correlation-ID"]
    assert entry.before["state"] != entry.after["state"]


@every_action
def test_an_act_twice_is_refused_the_second_time_and_changes_nothing(operator: Person, action: str) -> None:
    begin(action)
    operator.post(f"breakers/fraud/{action}", {"reason": "once"})
    generation = Breaker.objects.get(name="fraud").generation

    is_problem(operator.post(f"breakers/fraud/{action}", {"reason": "once"}), 409, "impossible")

    assert Breaker.objects.get(name="fraud").generation == generation
    assert list(AuditEntry.objects.filter(action=action).order_by("id").values_list("allowed", flat=True)) == [
        True,
        False,
    ]


@every_action
def test_without_the_right_an_act_is_refused_and_recorded(support: Person, action: str) -> None:
    begin(action)

    problem = is_problem(support.post(f"breakers/fraud/{action}", {"reason": "please"}), 403, "forbidden")

    entry = AuditEntry.objects.get(action=action)
    assert (entry.allowed, entry.actor, entry.target, entry.reason) == (False, "support", "fraud", "please")
    assert entry.refusal == problem["detail"]


@every_action
@pytest.mark.parametrize("reason", ["", "   ", "x" * 2001])
def test_an_act_needs_a_reason_of_sane_length(operator: Person, action: str, reason: str) -> None:
    begin(action)

    problem = is_problem(operator.post(f"breakers/fraud/{action}", {"reason": reason}), 422, "invalid-request")

    assert fields(problem) == ["reason"]


def test_reset_and_force_are_separate_rights(operator: Person) -> None:
    assert [(one["action"], one["allowed"]) for one in one(operator)["allowed_actions"]] == [
        ("reset", False), ("hold-open", True), ("hold-closed", True), ("release", False), ("tune", False),
    ]  # fmt: skip
    failing()
    assert one(operator)["allowed_actions"][0]["allowed"] is True


def test_a_hold_lasts_an_hour_or_until_somebody_says(operator: Person) -> None:
    before = clock.now()
    held = told(operator.post("breakers/fraud/hold-open", {"reason": "maintenance"}))["override"]
    until = (before + timedelta(days=2)).isoformat()
    longer = told(operator.post("breakers/fraud/hold-open", {"reason": "maintenance", "until": until}))["override"]

    assert held["by"] == "operator" and held["reason"] == "maintenance"
    assert timedelta(0) <= Breaker.objects.get(name="fraud").held_until - before - timedelta(days=2) < timedelta(1)
    assert held["until"] < longer["until"]
    assert Transition.objects.order_by("generation")[0].at + timedelta(hours=1) >= before


@pytest.mark.parametrize("away", [timedelta(seconds=-1), timedelta(days=7, hours=1)])
def test_a_hold_ends_ahead_and_within_seven_days(operator: Person, away: timedelta) -> None:
    until = (clock.now() + away).isoformat()

    problem = is_problem(
        operator.post("breakers/fraud/hold-open", {"reason": "why", "until": until}), 422, "invalid-request"
    )

    assert fields(problem) == ["until"]
    assert Breaker.objects.get(name="fraud").state == "closed"
    assert AuditEntry.objects.get(action="hold-open").allowed is False


@pytest.mark.parametrize("until", ["tomorrow", "12:00", "2026-13-01T00:00:00Z"])
def test_an_until_that_is_no_time_is_refused(operator: Person, until: str) -> None:
    answer = operator.post("breakers/fraud/hold-open", {"reason": "why", "until": until})

    assert fields(is_problem(answer, 422, "invalid-request")) == ["until"]


def test_an_until_is_for_holds_only(operator: Person) -> None:
    failing()
    until = (clock.now() + timedelta(hours=1)).isoformat()

    answer = operator.post("breakers/fraud/reset", {"reason": "why", "until": until})

    assert fields(is_problem(answer, 422, "invalid-request")) == ["until"]


def test_a_reset_does_not_end_a_hold(operator: Person) -> None:
    operator.post("breakers/fraud/hold-open", {"reason": "maintenance"})

    problem = is_problem(operator.post("breakers/fraud/reset", {"reason": "now"}), 409, "impossible")

    assert "a hold ends by being released" in problem["detail"]


@pytest.mark.parametrize("name", ["nobody", "internal", "%00", "a b"])
def test_what_is_no_breaker_is_not_found(operator: Person, admin: Person, name: str) -> None:
    is_problem(operator.get(f"breakers/{name}"), 404, "not-found")
    is_problem(operator.get(f"breakers/{name}/transitions"), 404, "not-found")
    is_problem(operator.post(f"breakers/{name}/reset", {"reason": "why"}), 404, "not-found")
    is_problem(patch(admin, f"breakers/{name}", {"reason": "why", "probes": 1}), 404, "not-found")
    is_problem(operator.post("breakers/fraud/explode", {"reason": "why"}), 404, "not-found")


# --- tuning -----------------------------------------------------------------------------------------------------------


def test_a_rule_is_tuned_and_taken_back(admin: Person) -> None:
    tuned = told(patch(admin, "breakers/fraud", {"failure_share": 0.3, "probes": 1, "reason": "Careful"}))
    assert (tuned["policy"]["failure_share"], tuned["policy"]["probes"]) == (0.3, 1)
    assert (tuned["declared"]["failure_share"], tuned["tuned"]) == (0.5, ["failure_share", "probes"])

    back = told(patch(admin, "breakers/fraud", {"policy": {"failure_share": None}, "reason": "Enough"}))

    assert (back["policy"]["failure_share"], back["tuned"]) == (0.5, ["probes"])
    first, second = AuditEntry.objects.filter(action="tune").order_by("id")
    assert (first.before, first.after) == ({"failure_share": 0.5, "probes": 2}, {"failure_share": 0.3, "probes": 1})
    assert (second.before, second.after, second.reason) == ({"failure_share": 0.3}, {"failure_share": 0.5}, "Enough")


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"naps": 3}, "naps"),
        ({"policy": {"naps": 3}}, "policy.naps"),
        ({"consecutive": 0}, "consecutive"),
        ({"consecutive": 2.5}, "consecutive"),
        ({"consecutive": "5"}, "consecutive"),
        ({"failure_share": 1.5}, "failure_share"),
        ({"failure_share": True}, "failure_share"),
        ({"open_for": 1e300}, "open_for"),
        ({"window": 0.1}, "window"),
        ({"open_cap": 1}, "open_cap"),
        ({"drain_per_second": 0}, "drain_per_second"),
        ({"policy": {"slow_after": -1}}, "slow_after"),
        ({"policy": 3}, "policy"),
        ({}, "policy"),
    ],
)
def test_an_odd_part_is_refused_by_its_name(admin: Person, parts: dict[str, Any], field: str) -> None:
    problem = is_problem(patch(admin, "breakers/fraud", {"reason": "why", **parts}), 422, "invalid-request")

    assert fields(problem) == [field]
    assert Breaker.objects.get(name="fraud").tuned == {}


def test_tuning_needs_its_right_and_a_reason(operator: Person, admin: Person) -> None:
    is_problem(patch(operator, "breakers/fraud", {"probes": 1, "reason": "why"}), 403, "forbidden")
    assert fields(is_problem(patch(admin, "breakers/fraud", {"probes": 1}), 422, "invalid-request")) == ["reason"]

    refused = AuditEntry.objects.filter(action="tune", allowed=False, target="fraud")
    assert set(refused.values_list("actor", flat=True)) == {"operator", "admin"}


def test_a_tuning_that_changes_nothing_is_refused(admin: Person) -> None:
    is_problem(patch(admin, "breakers/fraud", {"probes": 2, "reason": "why"}), 409, "impossible")

    assert Breaker.objects.get(name="fraud").tuned == {}


# --- who sees what ----------------------------------------------------------------------------------------------------


def test_a_role_for_one_workflow_shows_the_systems_it_calls_and_lets_nobody_touch_them(support: Person) -> None:
    account = User.objects.get(username="support")
    account.groups.clear()
    ScopedRole.objects.create(user=account, role="operator", workflow="return")

    seen = [one["name"] for one in told(support.get("breakers"))["results"]]

    assert "payments" in seen and "fraud" not in seen
    is_problem(support.get("breakers/fraud"), 404, "not-found")
    is_problem(support.post("breakers/fraud/hold-open", {"reason": "why"}), 404, "not-found")
    is_problem(support.post("breakers/payments/hold-open", {"reason": "why"}), 403, "forbidden")
    assert Breaker.objects.filter(state="closed").count() == 6


def test_nobody_without_a_token_sees_breakers(declared: None) -> None:
    assert Client().get("/api/v1/breakers").status_code == 401
