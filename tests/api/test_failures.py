"""What is wrong now, told to programs: one row per cause, with what people know about it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries

from tests.api.world import Person, fields, is_problem, told
from tests.stories import retrying, stuck
from tests.worlds import principal
from workflows.interventions import repairing, tokens
from workflows.models import Instance, ScopedRole

PERMANENT = {"steps": {"charge": {"phase": "stuck", "patience": [1, 1, 0, False, None, "wrong card", "permanent"]}}}
EXHAUSTED = {"steps": {"charge": {"phase": "stuck", "patience": [9, 9, 0, False, None, "503", "exhausted"]}}}
OUTAGE = "*/*/payments/failing"


def outage() -> None:
    """Two orders that are tried again and one that gave up."""
    for number in range(2):
        retrying(f"again-{number}")
    stuck("gave-up", state=EXHAUSTED, reason="503")


@pytest.mark.django_db
def test_an_outage_is_one_failure_with_everything_about_it(support: Person) -> None:
    outage()
    repairing.take(principal("olga"), OUTAGE)
    repairing.note(principal("olga"), OUTAGE, "Maintenance until noon")

    page = told(support.get("failures"))

    (failure,) = page["results"]
    assert (failure["cause"], failure["kind"], failure["dependency"]) == (OUTAGE, "failing", "payments")
    assert (failure["count"], failure["needs_person"], failure["held_up"]) == (3, 1, 0)
    assert failure["first_seen"] <= failure["last_seen"] and failure["next_at"]
    assert (failure["workflows"], failure["runbook"]) == (["order"], "runbooks/order.md")
    assert (failure["owner"], failure["state"], failure["note"]) == ("olga", "taken", "Maintenance until noon")
    assert failure["title"] == "The payments system fails or does not answer"
    assert {(part["status"], part["count"]) for part in failure["parts"]} == {("PaymentRetrying", 3)}
    assert page["next"] is None and page["previous"] is None


@pytest.mark.django_db
def test_the_cause_finds_its_instances(support: Person) -> None:
    outage()
    stuck("other", state=PERMANENT)

    found = told(support.get(f"instances?cause={OUTAGE}"))["results"]
    other = told(support.get("instances?cause=order/charge/payments/permanent&step=charge"))["results"]

    assert {one["key"] for one in found} == {"again-0", "again-1", "gave-up"}
    assert [one["key"] for one in other] == ["other"]
    assert told(support.get("instances?cause=nonsense"))["results"] == []


@pytest.mark.django_db
def test_one_cause_can_be_asked_for_also_when_it_is_only_remembered(support: Person) -> None:
    stuck("1", state=PERMANENT)
    cause = "order/charge/payments/permanent"
    repairing.mark(principal("olga"), cause, "done")
    retrying("2")

    (only,) = told(support.get(f"failures?cause={cause}"))["results"]

    assert (only["cause"], only["state"], only["count"]) == (cause, "done", 1)
    is_problem(support.get("failures?cause=nonsense"), 422, "invalid-request")
    assert fields(is_problem(support.get("failures?causes=x"), 422, "invalid-request")) == ["causes"]


@pytest.mark.django_db
def test_what_is_done_and_over_is_told_only_on_request(support: Person) -> None:
    cause = "order/charge/payments/permanent"
    stuck("1", state=PERMANENT)
    repairing.mark(principal("olga"), cause, "done")
    Instance.objects.all().delete()

    assert told(support.get("failures"))["results"] == []
    (kept,) = told(support.get("failures?done=true"))["results"]
    assert (kept["cause"], kept["count"], kept["first_seen"]) == (cause, 0, None)


@pytest.mark.django_db
def test_more_failures_cost_no_more_queries(
    support: Person, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        retrying(f"a{number}")
        stuck(f"b{number}", state=PERMANENT)

    with django_assert_max_num_queries(4 + 3):  # three of the four read here, and who asks
        support.get("failures")


@pytest.mark.django_db
def test_a_token_for_one_workflow_sees_its_failures_only() -> None:
    retrying("1")
    retrying("C1", workflow="return", step="refund", status="RefundRetrying", stage="Settling")
    account = User.objects.create_user("retour")
    ScopedRole.objects.create(user=account, role="support", workflow="return")

    (failure,) = told(Person("retour", tokens.issue(account)).get("failures"))["results"]

    assert (failure["cause"], failure["count"], failure["workflows"]) == (OUTAGE, 1, ["return"])


@pytest.mark.django_db
def test_without_the_right_to_read_nothing_is_told() -> None:
    account = User.objects.create_user("nobody")

    is_problem(Person("nobody", tokens.issue(account)).get("failures"), 403, "forbidden")
