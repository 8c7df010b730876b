"""Versions and intake over the API: decided by those who may, told to all, and felt by those who start."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.api.world import Person, an_order, fields, is_problem, told
from workflows.engine import clock, releases
from workflows.interventions import Limits, tokens
from workflows.models import AuditEntry, Instance, PausedIntake, Rollout, ScopedRole

SHARE = {"stable": 1, "candidate": 2, "percent": 10, "reason": "first real orders"}
PAUSE = {"reason": "the warehouse counts"}


def order(who: Person) -> dict[str, Any]:
    found: dict[str, Any] = told(who.get("workflows/order"))
    return found


def test_without_a_decision_the_newest_takes_all_and_intake_is_open(support: Person) -> None:
    assert order(support)["rollout"] == {
        "stable": 2, "candidate": None, "percent": 0, "by": "", "reason": "", "at": None,
    }  # fmt: skip
    assert order(support)["intake"] == {"state": "open", "until": None, "by": "", "reason": "", "at": None}


def test_a_share_is_decided_told_and_on_record(admin: Person) -> None:
    answer = admin.put("workflows/order/rollout", SHARE)

    rollout = told(answer)["rollout"]
    assert answer.status_code == 200
    assert {name: rollout[name] for name in ("stable", "candidate", "percent", "by", "reason")} == {
        **SHARE, "by": "admin",
    }  # fmt: skip
    assert order(admin)["rollout"] == rollout == told(admin.get("workflows"))["results"][0]["rollout"]
    entry = AuditEntry.objects.get(action="rollout")
    assert (entry.allowed, entry.actor, entry.through, entry.after["percent"]) == (True, "admin", "api", 10)
    assert entry.correlation_id == answer["X-Correlation-ID"]


def test_new_instances_take_what_was_decided_and_the_same_again_changes_nothing(admin: Person) -> None:
    for _ in range(2):
        assert admin.put("workflows/order/rollout", {"stable": 1, "reason": "back"}).status_code == 200

    assert admin.started("1")["version"] == 1
    admin.put("workflows/order/rollout", {"stable": 1, "candidate": 2, "percent": 100, "reason": "all"})
    assert admin.started("2")["version"] == 2
    assert told(admin.start("1"))["version"] == 1


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"reason": "x"}, ["stable"]),
        ({"stable": 9, "reason": "x"}, ["stable"]),
        ({"stable": 1, "candidate": 7, "reason": "x"}, ["candidate"]),
        ({"stable": 1, "percent": 5, "reason": "x"}, ["percent"]),
        ({"stable": 1, "candidate": 2, "percent": 101, "reason": "x"}, ["percent"]),
        ({"stable": 1, "candidate": 2, "percent": "10", "reason": "x"}, ["percent"]),
        ({"stable": 1, "candidate": 2, "percent": 10}, ["reason"]),
        ({"stable": 1, "reason": "x", "force": True}, ["force"]),
    ],
)
def test_a_share_that_makes_no_sense_is_refused_by_field(admin: Person, body: dict[str, Any], names: list[str]) -> None:
    problem = is_problem(admin.put("workflows/order/rollout", body), 422, "invalid-request")

    assert fields(problem) == names
    assert not Rollout.objects.exists()


def test_without_the_right_and_for_what_is_not_there(operator: Person, support: Person) -> None:
    problem = is_problem(operator.put("workflows/order/rollout", SHARE), 403, "forbidden")
    assert problem["detail"].startswith("Rollout needs the right to choose the version that new instances take")
    is_problem(support.post("workflows/order/intake/pause", PAUSE), 403, "forbidden")
    is_problem(operator.post("workflows/nonsense/intake/pause", PAUSE), 404, "not-found")
    is_problem(operator.post("workflows/order/intake/explode", PAUSE), 404, "not-found")
    is_problem(operator.get("workflows/order/rollout"), 405, "method-not-allowed")
    is_problem(operator.get("workflows/order/intake/pause"), 405, "method-not-allowed")
    assert not Rollout.objects.exists() and not PausedIntake.objects.exists()
    assert AuditEntry.objects.filter(action__in=("rollout", "intake"), allowed=False).count() == 3


def test_whoever_may_see_other_workflows_only_learns_of_none(db: None) -> None:
    rita = User.objects.create_user("rita")
    ScopedRole.objects.create(user=rita, role="admin", workflow="return")
    who = Person("rita", tokens.issue(rita))

    is_problem(who.put("workflows/order/rollout", SHARE), 404, "not-found")
    assert who.put("workflows/return/rollout", {"stable": 1, "reason": "ours"}).status_code == 200


def test_a_token_for_intake_alone_is_told_what_it_did(operator: Person) -> None:
    account = User.objects.get(username="operator")
    who = Person("operator", tokens.issue(account, limits=Limits(frozenset({"intake"}))))

    answer = who.post("workflows/order/intake/pause", PAUSE)

    assert (answer.status_code, told(answer)["intake"]["state"]) == (200, "paused")
    is_problem(who.get("workflows/order"), 403, "forbidden")


def test_while_intake_is_paused_a_start_is_told_who_why_until_when_and_to_come_back(operator: Person) -> None:
    until = (clock.now() + timedelta(minutes=10)).isoformat()
    operator.post("workflows/order/intake/pause", {**PAUSE, "until": until})

    response = operator.start("1")

    problem = is_problem(response, 503, "intake-paused")
    assert problem["detail"].startswith("No new instances are taken in until ")
    assert problem["detail"].endswith(": operator paused it (the warehouse counts).")
    assert 590 < int(response["Retry-After"]) <= 600
    assert not Instance.objects.exists()


def test_a_start_that_came_too_early_may_be_sent_again_under_its_key(operator: Person) -> None:
    body = {"key": "1", "input": an_order("1")}
    operator.post("workflows/order/intake/pause", PAUSE)
    early = operator.post("workflows/order/instances", body, Idempotency_Key="k1")
    operator.post("workflows/order/intake/resume", {"reason": "counted"})

    again = operator.post("workflows/order/instances", body, Idempotency_Key="k1")

    assert (early.status_code, again.status_code) == (503, 201)


def test_it_is_paused_for_an_hour_unless_said_otherwise_and_resumed_at_once(operator: Person) -> None:
    paused = told(operator.post("workflows/order/intake/pause", PAUSE))["intake"]
    ends = datetime.fromisoformat(paused["until"])
    assert timedelta(minutes=59) < ends - clock.now() <= timedelta(hours=1)
    assert (paused["state"], paused["by"], paused["reason"]) == ("paused", "operator", "the warehouse counts")

    resumed = operator.post("workflows/order/intake/resume", {"reason": "counted"})

    assert told(resumed)["intake"]["state"] == "open"
    assert operator.start("1").status_code == 201


def test_pausing_and_resuming_twice_is_told_as_what_it_is(operator: Person) -> None:
    operator.post("workflows/order/intake/pause", PAUSE)
    is_problem(operator.post("workflows/order/intake/pause", PAUSE), 409, "impossible")
    operator.post("workflows/order/intake/resume", PAUSE)
    is_problem(operator.post("workflows/order/intake/resume", PAUSE), 409, "impossible")

    assert AuditEntry.objects.filter(action="intake").count() == 4


@pytest.mark.parametrize(
    ("action", "body", "name"),
    [
        ("pause", {}, "reason"),
        ("pause", {"reason": "x", "until": "soon"}, "until"),
        ("pause", {"reason": "x", "until": "2010-12-01T08:00:00Z"}, "until"),
        ("pause", {"reason": "x", "until": "2999-12-01T08:00:00Z"}, "until"),
        ("resume", {"reason": "x", "until": "2999-12-01T08:00:00Z"}, "until"),
        ("pause", {"reason": "x", "for": "ever"}, "for"),
    ],
)
def test_a_pause_that_makes_no_sense_is_refused_by_field(
    operator: Person, action: str, body: dict[str, Any], name: str
) -> None:
    problem = is_problem(operator.post(f"workflows/order/intake/{action}", body), 422, "invalid-request")

    assert fields(problem) == [name]
    releases.check_intake("order", clock.now())
