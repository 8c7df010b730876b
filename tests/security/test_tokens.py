"""API tokens: never more than their user may do now, and at once nothing when they are revoked or their user leaves."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from tests.api.world import Person, an_order, is_problem, told
from tests.engine.desk import Desk
from tests.security.people import somebody
from tests.stories import an_instance
from workflows import interventions
from workflows.engine import clock
from workflows.interventions import tokens
from workflows.models import ApiToken, AuditEntry

pytestmark = pytest.mark.django_db


def olgas(capabilities: tuple[str, ...] = (), workflows: tuple[str, ...] = (), **more: Any) -> Person:
    """Olga, who is an operator, with a token that is good for this."""
    account = somebody("olga", "operator").account
    return Person("olga", tokens.issue(account, limits=tokens.limits(capabilities, workflows), **more))


def works(person: Person) -> bool:
    return person.get("instances").status_code == 200


def test_only_a_digest_is_kept_of_a_token() -> None:
    text = olgas().token

    kept = [str(value) for token in ApiToken.objects.values() for value in token.values()]

    assert text not in " ".join(kept) and tokens.digest(text) in kept


def test_a_token_for_one_capability_is_good_for_nothing_else() -> None:
    hidden = an_instance("1")
    reader = olgas(("read",))

    assert works(reader)
    is_problem(reader.post(f"instances/{hidden}/actions/pause", {"reason": "x"}), 403, "forbidden")
    is_problem(reader.post("workflows/order/instances", {"key": "2", "input": an_order("2")}), 403, "forbidden")
    is_problem(reader.get("audit"), 403, "forbidden")


def test_a_token_without_the_right_to_personal_fields_shows_none_of_them() -> None:
    an_instance("1", attributes={"customer_id": "17850"})

    shown = told(olgas(("read",)).get("instances"))["results"][0]

    assert shown["attributes"] == {"customer_id": "•••"}


def test_a_token_for_one_workflow_sees_no_other() -> None:
    order, back = an_instance("1"), an_instance("2", workflow="return")
    person = olgas(workflows=("return",))

    assert [one["id"] for one in told(person.get("instances"))["results"]] == [back]
    is_problem(person.get(f"instances/{order}"), 404, "not-found")


def test_a_token_for_one_workflow_loses_what_belongs_to_none() -> None:
    account = somebody("ada", "admin").account
    person = Person("ada", tokens.issue(account, limits=tokens.limits(workflows=["order"])))

    is_problem(person.get("subscriptions"), 403, "forbidden")


def test_a_subscription_needs_the_right_to_personal_fields_because_it_receives_them() -> None:
    account = somebody("ada", "admin").account
    hook = {"name": "crm", "url": "https://crm.example/hooks"}
    narrow = Person("ada", tokens.issue(account, limits=tokens.limits(["read", "subscribe"])))
    wide = Person("ada", tokens.issue(account, limits=tokens.limits(["read", "subscribe", "payload"])))

    is_problem(narrow.post("subscriptions", hook), 403, "forbidden")
    assert wide.post("subscriptions", hook).status_code == 201


def test_a_token_names_rights_its_user_does_not_have_in_vain() -> None:
    account = somebody("sam", "support").account
    person = Person("sam", tokens.issue(account, limits=tokens.limits(["read", "audit", "payload"])))

    is_problem(person.get("audit"), 403, "forbidden")
    assert interventions.viewer(interventions.user(account, "api", tokens.limits(["read", "payload"]))).unmasked == (
        frozenset()
    )


def test_a_token_for_starting_tells_about_what_it_started_and_nothing_else(transactional_db: None) -> None:
    other = Desk().start("other")
    starter = olgas(("start",), ("order",))

    started = starter.started("9")

    assert started["key"] == "9" and started["attributes"]["customer_id"] == "•••"
    is_problem(starter.get("instances"), 403, "forbidden")
    is_problem(starter.get(f"instances/{other}"), 403, "forbidden")


def test_a_role_that_is_taken_away_is_gone_from_the_token_at_once() -> None:
    person = olgas()
    assert works(person)

    Group.objects.get(name="operator").user_set.clear()

    is_problem(person.get("instances"), 403, "forbidden")


def test_a_token_dies_with_its_users_account() -> None:
    person = olgas()
    account = ApiToken.objects.latest("id").user
    account.is_active = False
    account.save()

    is_problem(person.get("instances"), 401, "unauthenticated")
    is_problem(person.post("workflows/order/instances", {"input": {}}), 401, "unauthenticated")


def test_an_expired_token_is_no_token() -> None:
    person = olgas(lifetime=timedelta(hours=1))
    assert works(person)

    ApiToken.objects.update(expires_at=clock.now() - timedelta(seconds=1))

    is_problem(person.get("instances"), 401, "unauthenticated")


def test_a_revoked_token_is_no_token_and_revoking_twice_changes_nothing() -> None:
    person = olgas()
    ada = interventions.user(somebody("ada", "admin").account)
    token = ApiToken.objects.get(digest=tokens.digest(person.token))

    assert tokens.revoke(token.id, by=ada, reason="left on a train")
    assert not tokens.revoke(token.id, by=ada, reason="again")

    is_problem(person.get("instances"), 401, "unauthenticated")
    entry = AuditEntry.objects.get(action="revoke-token")
    assert (entry.actor, entry.target, entry.reason) == ("ada", "olga", "left on a train")


def test_issuing_and_revoking_need_the_right_and_refusals_are_on_record() -> None:
    olga = interventions.user(somebody("olga", "operator").account)
    account = somebody("sam", "support").account
    before = ApiToken.objects.count()

    with pytest.raises(interventions.Forbidden, match="manage people, roles and tokens"):
        tokens.issue(account, by=olga)
    with pytest.raises(interventions.Forbidden):
        tokens.revoke(1, by=olga)

    assert ApiToken.objects.count() == before
    assert [e.action for e in AuditEntry.objects.filter(actor="olga", allowed=False).order_by("id")] == [
        "issue-token",
        "revoke-token",
    ]


def test_the_use_of_a_token_is_noted_at_most_once_a_minute(django_assert_num_queries: Any) -> None:
    text = olgas().token

    tokens.bearer(text)
    first = ApiToken.objects.get(digest=tokens.digest(text)).last_used_at
    with django_assert_num_queries(1):
        tokens.bearer(text)

    assert first is not None
    assert ApiToken.objects.get(digest=tokens.digest(text)).last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(seconds=61))
    tokens.bearer(text)
    assert ApiToken.objects.get(digest=tokens.digest(text)).last_used_at >= first


def test_a_stored_answer_is_not_told_again_under_other_rights() -> None:
    account = somebody("olga", "operator").account
    full, narrow = (
        Person("olga", tokens.issue(account)),
        Person("olga", tokens.issue(account, limits=tokens.limits(["read", "start"]))),
    )
    body = {"key": "9", "input": an_order("9")}
    first = full.post("workflows/order/instances", body, Idempotency_Key="k-1")

    again = full.post("workflows/order/instances", body, Idempotency_Key="k-1")
    other = narrow.post("workflows/order/instances", body, Idempotency_Key="k-1")

    assert first.status_code == 201 and again["Idempotency-Replayed"] == "true"
    is_problem(other, 422, "idempotency-key-reused")


def test_idempotency_keys_of_two_callers_do_not_meet() -> None:
    one, two = somebody("olga", "operator").api, somebody("otto", "operator").api
    body = {"key": "9", "input": an_order("9")}
    one.post("workflows/order/instances", body, Idempotency_Key="k-1")

    answer = two.post("workflows/order/instances", body, Idempotency_Key="k-1")

    assert answer.status_code == 200 and "Idempotency-Replayed" not in answer.headers


@pytest.mark.parametrize("key", ["", " ", '"', "a b", "ä", "x" * 256, '"a\nb"', "a\x00"])
def test_malformed_idempotency_keys_are_refused(key: str) -> None:
    person = somebody("olga", "operator").api

    answer = person.post("workflows/order/instances", {"key": "9", "input": an_order("9")}, Idempotency_Key=key)

    is_problem(answer, 400, "invalid-header")


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("token", *arguments, stdout=out)
    return out.getvalue().strip()


def test_the_command_limits_a_token_to_capabilities_workflows_and_days() -> None:
    somebody("olga", "operator")

    bearer = tokens.bearer(
        command("olga", "--capability", "read", "--capability", "start", "--workflow", "order", "--days", "2")
    )

    assert bearer is not None and bearer.limits == tokens.limits(["read", "start"], ["order"])
    made = ApiToken.objects.latest("id")
    assert made.expires_at - made.created_at == timedelta(days=2)
    assert AuditEntry.objects.filter(action="issue-token", target="olga", after__workflows=["order"]).exists()


@pytest.mark.parametrize("option", [("--capability", "fly"), ("--workflow", "claims")])
def test_the_command_refuses_what_does_not_exist(option: tuple[str, str]) -> None:
    somebody("olga", "operator")

    with pytest.raises(CommandError, match=option[1]):
        command("olga", *option)
