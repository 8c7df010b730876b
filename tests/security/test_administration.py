"""Django admin opens with the right to govern, cannot bypass anything, and leaves a row for whatever it changes."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.db import connection, models
from django.test import Client
from django.urls import NoReverseMatch, reverse

from approvals.models import Approval, Vote
from breakers.models import Breaker, Permit, Transition
from console import patience
from console.administration.looking import MOST, TABLES, UNSEEN, Bounded
from tests.engine.desk import Desk
from tests.security.people import Somebody, somebody
from workflows import audit, interventions
from workflows import models as m
from workflows.audit import Act
from workflows.engine import clock, ids
from workflows.interventions import tokens
from workflows.models import ApiToken, AuditEntry, Instance, ScopedRole

pytestmark = pytest.mark.django_db

ENGINE = [
    model
    for label in ("workflows", "breakers", "approvals")
    for model in apps.get_app_config(label).get_models()
    if model not in (ApiToken, ScopedRole)
]


@pytest.fixture
def ada() -> Somebody:
    """Somebody with the role admin, who is no superuser and no "staff"."""
    return somebody("ada", "admin")


def address(model: type[models.Model], what: str, *arguments: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}", args=arguments)


def rows() -> None:
    """One row in every table that the administration shows."""
    desk = Desk()
    now, instance = clock.now(), desk.delivered("1")
    desk.start("2")
    m.Timer.objects.get_or_create(instance_id=instance, name="t", defaults={"fire_at": now})
    m.LateResult.objects.create(
        instance_id=instance, step="s", direction="forward", token=1, at=now, outcome="failed", disposition="ignored"
    )
    m.Operation.objects.create(
        id=ids.new_id(), action="retry", instance_id=instance, actor="x", actor_kind="user", accepted_at=now,
        accepted_seq=1,
    )  # fmt: skip
    subscription = m.Subscription.objects.create(
        name="crm", url="https://crm.example", secret="whsec_1", created_at=now
    )
    event = m.OutboxEvent.objects.first()
    m.Delivery.objects.create(subscription=subscription, event=event, instance_id=instance, number=1, next_at=now)
    m.RefusedStart.objects.create(at=now, workflow="order", key="3", actor="x", problems=[])
    m.Tombstone.objects.create(instance_id=ids.new_id(), workflow="o", key="4", run=1, input_hash="", ended_at=now)
    m.IdempotentRequest.objects.create(scope="user:x", key="k", fingerprint="f", at=now)
    audit.record(Act("user", "x", "y"), allowed=True)
    m.AuditSeal.objects.get_or_create(number=1, defaults={"xid": 1, "last_id": 1, "count": 1, "hash": b"", "at": now})
    m.Rollout.objects.create(workflow="order", stable=1, by="x", reason="y", at=now)
    m.PausedIntake.objects.create(workflow="order", by="x", reason="y", at=now)
    m.FailureNote.objects.create(cause="c", at=now)
    Breaker.objects.get_or_create(name="payments", defaults={"since": now})
    Transition.objects.create(breaker="x", generation=1, at=now, was="closed", became="open", cause="z")
    Permit.objects.create(breaker="x", generation=1, holder=ids.new_id(), taken_at=now, expires_at=now)
    approval = Approval.objects.create(
        id=ids.new_id(), subject=instance, item="review", scope="order", key="1", question="?", audience="team",
        default_outcome="reject", subject_hash="", opened_at=now, due_at=now,
    )  # fmt: skip
    Vote.objects.create(approval=approval, person="x", verdict="approve", subject_hash="", at=now)


# --- the door -------------------------------------------------------------------------------------------------------


def test_the_administration_opens_with_the_right_to_govern_alone(ada: Somebody) -> None:
    assert ada.get("/admin/").status_code == 200
    assert b'href="/admin/"' in ada.get("/permissions/").content


def test_an_operator_learns_why_it_stays_shut_whatever_django_thinks_of_staff() -> None:
    olga = somebody("olga", "operator")
    User.objects.filter(username="olga").update(is_staff=True)

    answer = olga.get("/admin/")

    assert answer.status_code == 403
    assert b"manage people, roles and tokens (admin)" in answer.content
    assert b'href="/admin/"' not in olga.get("/permissions/").content


def test_a_visitor_signs_in_at_the_consoles_own_page() -> None:
    answer = Client().get("/admin/auth/user/", follow=True)

    assert answer.redirect_chain[-1][0].startswith("/signin/?next=")


def test_guessing_at_the_administrations_own_address_is_slowed_down_as_well(ada: Somebody) -> None:
    cache.clear()
    for _ in range(patience.PER_NAME):
        assert Client().post("/admin/login/", {"username": "ada", "password": "wrong"}).status_code == 200

    assert Client().post("/admin/login/", {"username": "ada", "password": "x-secret-x"}).status_code == 429
    cache.clear()
    right = {"username": "ada", "password": "x-secret-x", "next": "/admin/"}
    assert Client().post("/admin/login/", right)["Location"] == "/admin/"


def test_a_role_for_one_workflow_does_not_open_it() -> None:
    assert somebody("sam", order="admin").get("/admin/").status_code == 403


def test_a_refused_attempt_to_change_something_is_on_record() -> None:
    olga = somebody("olga", "operator")

    assert olga.browser.post("/admin/auth/group/add/", {"name": "mine", "reason": "x"}).status_code == 403

    assert not Group.objects.filter(name="mine").exists()
    entry = AuditEntry.objects.get(actor="olga", allowed=False)
    assert (entry.action, entry.target) == ("govern", "/admin/auth/group/add/")


# --- tables nobody changes ------------------------------------------------------------------------------------------


def test_every_table_of_the_engine_is_shown_or_unknown() -> None:
    assert set(TABLES) <= set(ENGINE)
    for model in set(ENGINE) - set(TABLES):
        with pytest.raises(NoReverseMatch):
            address(model, "changelist")


@pytest.mark.django_db(transaction=True)
def test_no_table_of_the_engine_can_be_changed_by_post_even_by_a_superuser() -> None:
    rows()
    root = somebody("root")
    User.objects.filter(username="root").update(is_superuser=True, is_staff=True)

    for model in TABLES:
        one = model._default_manager.order_by("-pk").first()
        assert one is not None, model
        before = model._default_manager.filter(pk=one.pk).values().get()
        for what, arguments in (("change", (one.pk,)), ("delete", (one.pk,)), ("add", ())):
            answer = root.browser.post(address(model, what, *arguments), {"post": "yes", "lifecycle": "completed"})
            assert answer.status_code == 403, (model, what)
        chosen = {"action": "delete_selected", "_selected_action": [str(one.pk)], "post": "yes"}
        root.browser.post(address(model, "changelist"), chosen)
        assert model._default_manager.filter(pk=one.pk).values().get() == before, model


@pytest.mark.django_db(transaction=True)
def test_every_table_can_be_looked_at_without_bodies_and_secrets(ada: Somebody) -> None:
    rows()
    Instance.objects.update(attributes={"customer_id": "CANARY"})
    m.Message.objects.update(body='"CANARY"')
    m.Subscription.objects.update(secret="CANARY")

    for model in TABLES:
        one = model._default_manager.order_by("-pk").first()
        assert one is not None, model
        for page in (address(model, "changelist"), address(model, "change", one.pk)):
            answer = ada.get(page)
            assert answer.status_code == 200, page
            assert "CANARY" not in answer.content.decode(), page


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
def test_lists_search_by_exact_values(ada: Somebody, model: type[models.Model]) -> None:
    for text in ("1", str(ids.new_id())):
        assert ada.get(address(model, "changelist"), q=text).status_code == 200


def test_what_people_decide_about_leads_to_the_page_where_they_do(ada: Somebody) -> None:
    rows()
    for model, page in ((m.Rollout, "/processes/order/"), (m.PausedIntake, "/processes/order/"), (Breaker, None)):
        row = model._default_manager.first()
        assert row is not None
        wanted = page or f"/dependencies/{row.pk}/"

        html = ada.get(address(model, "change", row.pk)).content.decode()

        assert f'href="{wanted}" class="viewsitelink"' in html.replace("http://testserver", "")


def test_bulk_deletion_is_offered_nowhere(ada: Somebody) -> None:
    for model, page in admin.site._registry.items():
        request = type("Request", (), {"user": ada.account, "GET": {}, "POST": {}})()
        assert page.get_actions(request) == {}, model


def test_lists_count_no_further_than_people_read(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1) as queries:
        assert Bounded(Instance.objects.order_by("-pk"), 50).count == 0

    assert f"LIMIT {MOST}" in queries[0]["sql"]


def test_nothing_that_is_left_out_is_missing_by_a_mistyped_name() -> None:
    columns = {field.name for model in ENGINE for field in model._meta.concrete_fields}
    columns |= {field.name for field in ApiToken._meta.concrete_fields}

    assert columns >= UNSEEN


# --- people and groups ----------------------------------------------------------------------------------------------


def form(page: Client, url: str, **changes: Any) -> dict[str, Any]:
    """The fields of an admin form as a browser would send them back, with changes."""
    context = page.get(url).context
    data: dict[str, Any] = {}
    forms = [context["adminform"].form, *(f for s in context["inline_admin_formsets"] for f in s.formset.forms)]
    forms += [s.formset.management_form for s in context["inline_admin_formsets"]]
    for one in forms:
        for bound in one:
            value = bound.value()
            if value is None or value is False:
                continue
            data[bound.html_name] = [getattr(v, "pk", v) for v in value] if isinstance(value, list) else value
    return {name: value for name, value in (data | changes).items() if value is not None}


def test_a_change_to_a_person_is_recorded_with_what_was_before_and_after(ada: Somebody) -> None:
    sam = somebody("sam", "support").account
    operators = Group.objects.get_or_create(name="operator")[0]
    url = address(User, "change", sam.pk)

    answer = ada.browser.post(url, form(ada.browser, url, groups=[operators.pk], reason="moves to operations"))

    assert answer.status_code == 302
    assert [group.name for group in sam.groups.all()] == ["operator"]
    entry = AuditEntry.objects.get(action="change-person")
    assert (entry.actor, entry.target, entry.reason) == ("ada", "sam", "moves to operations")
    assert (entry.before, entry.after) == ({"groups": ["support"]}, {"groups": ["operator"]})


def test_a_role_for_one_workflow_is_given_on_the_persons_page(ada: Somebody) -> None:
    sam = somebody("sam", "support").account
    url = address(User, "change", sam.pk)
    role = {"scoped_roles-0-role": "operator", "scoped_roles-0-workflow": "return"}

    ada.browser.post(url, form(ada.browser, url, reason="looks after returns", **role))

    assert interventions.may(interventions.user(sam), "retry", "return").allowed
    entry = AuditEntry.objects.get(action="change-person")
    assert (entry.before, entry.after) == ({"roles": []}, {"roles": ["operator for return"]})


def test_without_a_reason_nothing_is_changed(ada: Somebody) -> None:
    sam = somebody("sam", "support").account
    url = address(User, "change", sam.pk)

    answer = ada.browser.post(url, form(ada.browser, url, first_name="Sam", reason=""))

    assert answer.status_code == 200 and b"This field is required" in answer.content
    assert not User.objects.filter(first_name="Sam").exists()


def test_change_and_record_are_one_transaction(ada: Somebody, monkeypatch: pytest.MonkeyPatch) -> None:
    sam = somebody("sam", "support").account
    url = address(User, "change", sam.pk)
    sent = form(ada.browser, url, first_name="Sam", reason="a name")
    ada.browser.raise_request_exception = False
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE workflows_auditentry ADD CONSTRAINT shut CHECK (action <> 'change-person')")

    answer = ada.browser.post(url, sent)

    assert answer.status_code == 500
    assert not User.objects.filter(first_name="Sam").exists()


def test_a_new_person_is_recorded_without_the_password(ada: Somebody) -> None:
    password = "correct horse battery staple"
    sent = {"username": "nina", "usable_password": "true", "password1": password, "password2": password}

    ada.browser.post(address(User, "add"), {**sent, "reason": "is new"})

    assert User.objects.filter(username="nina").exists()
    entry = AuditEntry.objects.get(action="add-person")
    assert entry.target == "nina" and entry.after["active"] is True
    assert "password" not in str(entry.before) + str(entry.after)


def test_a_new_password_is_recorded_and_ends_the_persons_sessions(ada: Somebody) -> None:
    sam = somebody("sam", "support")
    password = "correct horse battery staple"

    ada.browser.post(
        reverse("admin:auth_user_password_change", args=[sam.account.pk]),
        {
            "usable_password": "true",
            "set-password": "1",
            "password1": password,
            "password2": password,
            "reason": "lost",
        },
    )

    entry = AuditEntry.objects.get(action="change-password")
    assert (entry.target, entry.after, entry.reason) == ("sam", {"password": "changed"}, "lost")
    assert sam.get("/").status_code == 302


def test_ones_own_new_password_is_recorded(ada: Somebody) -> None:
    new = "correct horse battery staple"

    sent = {"old_password": "x-secret-x", "new_password1": new, "new_password2": new}
    answer = ada.browser.post(reverse("admin:password_change"), sent)

    assert answer.status_code == 302
    assert AuditEntry.objects.get(action="change-password").target == "ada"


def test_making_somebody_inactive_ends_their_sessions_and_tokens_at_once(ada: Somebody) -> None:
    sam = somebody("sam", "support")
    url = address(User, "change", sam.account.pk)
    assert sam.get("/").status_code == 200

    ada.browser.post(url, form(ada.browser, url, is_active=None, reason="left"))

    assert sam.get("/").status_code == 302
    assert sam.api.get("instances").status_code == 401


def test_nobody_is_deleted_or_renamed(ada: Somebody) -> None:
    sam = somebody("sam", "support").account
    url = address(User, "change", sam.pk)

    assert ada.browser.post(address(User, "delete", sam.pk), {"post": "yes"}).status_code == 403
    ada.browser.post(url, form(ada.browser, url, username="samuel", reason="x"))

    assert User.objects.filter(username="sam").exists()


def test_nobody_changes_their_own_rights(ada: Somebody) -> None:
    url = address(User, "change", ada.account.pk)
    more = {"is_superuser": "on", "groups": [], "scoped_roles-0-role": "admin", "scoped_roles-0-workflow": "order"}

    ada.browser.post(url, {**form(ada.browser, url, reason="more"), **more})

    ada.account.refresh_from_db()
    assert not ada.account.is_superuser and not ada.account.scoped_roles.exists()
    assert [group.name for group in ada.account.groups.all()] == ["admin"]


def test_a_group_that_is_a_role_keeps_its_name_and_others_are_recorded(ada: Somebody) -> None:
    ada.browser.post(address(Group, "add"), {"name": "fraud-team", "reason": "decides about fraud"})
    team, role = Group.objects.get(name="fraud-team"), Group.objects.get(name="admin")

    for group in (team, role):
        ada.browser.post(address(Group, "change", group.pk), {"name": f"{group.name}-2", "reason": "renamed"})

    assert set(Group.objects.values_list("name", flat=True)) == {"fraud-team-2", "admin"}
    entries = AuditEntry.objects.filter(actor="ada", action__endswith="-group").order_by("id")
    assert [(entry.action, entry.after) for entry in entries] == [
        ("add-group", {"name": "fraud-team", "members": []}),
        ("change-group", {"name": "fraud-team-2"}),
    ]
    assert ada.browser.post(address(Group, "delete", team.pk), {"post": "yes"}).status_code == 403


# --- tokens ---------------------------------------------------------------------------------------------------------


def test_a_token_is_shown_once_works_within_its_limits_and_is_recorded(ada: Somebody) -> None:
    olga = somebody("olga", "operator").account
    sent = {"user": olga.pk, "label": "laptop", "days": "30", "capabilities": ["read"], "workflows": ["order"]}

    answer = ada.browser.post(address(ApiToken, "add"), {**sent, "reason": "for the shop"})

    found = re.search(r"<pre>(wk_[\w-]+)</pre>", answer.content.decode())
    assert found and "no-store" in answer["Cache-Control"]
    bearer = tokens.bearer(found[1])
    assert bearer is not None and bearer.limits == tokens.limits(["read"], ["order"])
    made = ApiToken.objects.latest("id")
    assert made.expires_at - made.created_at == timedelta(days=30)
    entry = AuditEntry.objects.filter(action="issue-token").latest("id")
    assert (entry.actor, entry.target, entry.reason) == ("ada", "olga", "for the shop")
    for page in (address(ApiToken, "changelist"), address(ApiToken, "change", made.pk)):
        html = ada.get(page).content.decode()
        assert found[1] not in html and made.digest not in html


def test_a_token_is_revoked_with_a_reason(ada: Somebody) -> None:
    olga = somebody("olga", "operator")
    token = ApiToken.objects.get(user=olga.account)
    url = reverse("admin:workflows_apitoken_revoke", args=[token.pk])

    assert ada.get(url).status_code == 200 and olga.api.get("instances").status_code == 200
    assert ada.browser.post(url, {"reason": ""}).status_code == 200
    assert olga.api.get("instances").status_code == 200
    ada.browser.post(url, {"reason": "laptop stolen"})
    ada.browser.post(url, {"reason": "again"})

    assert olga.api.get("instances").status_code == 401
    assert AuditEntry.objects.filter(action="revoke-token", actor="ada").count() == 1


def test_a_token_can_neither_be_changed_nor_deleted(ada: Somebody) -> None:
    token = ApiToken.objects.get(user=somebody("olga", "operator").account)

    assert ada.browser.post(address(ApiToken, "change", token.pk), {"workflows": "[]"}).status_code == 403
    assert ada.browser.post(address(ApiToken, "delete", token.pk), {"post": "yes"}).status_code == 403


def test_tokens_are_no_business_of_operators() -> None:
    olga = somebody("olga", "operator")
    token = ApiToken.objects.get(user=olga.account)

    assert olga.browser.post(address(ApiToken, "add"), {}).status_code == 403
    assert olga.browser.post(reverse("admin:workflows_apitoken_revoke", args=[token.pk]), {}).status_code == 403
