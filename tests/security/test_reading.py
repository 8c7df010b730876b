"""Looking changes nothing: whatever is asked with GET or HEAD, every table stays as it is."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qsl
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from console.administration.looking import TABLES
from console.pages import urlpatterns
from tests.deciders import asked, in_team
from tests.engine.desk import Desk
from tests.security.people import somebody
from tests.worlds import Kept
from workflows.engine import clock, ids
from workflows.models import Message, Operation

pytestmark = pytest.mark.django_db(transaction=True)

#: what is noted about whoever looks
NOTED = ("django_session", "workflows_apitoken")


def tables() -> dict[str, tuple[int, str]]:
    """Every table's rows, as a count and a hash."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table not in NOTED:
                rows = "string_agg(t::text, $$ $$ ORDER BY t::text)"
                cursor.execute(f'SELECT count(*), md5(coalesce({rows}, $$$$)) FROM "{table}" t')
                found[table] = cursor.fetchone()
    return found


#: what forms send; in an address it is only an address
SENT = "action=cancel&action=take&verdict=approve&form=csv&reason=because&cause=order/charge/payments/permanent"


def addresses(instance: UUID, operation: UUID, question: UUID) -> list[str]:
    """Every address that shows something. The card of a question is where links in mails lead."""
    pages = ["/", "/work/", "/work/?tab=person", "/search/?q=1", "/permissions/", "/demo/", "/repair/", "/record/"]
    pages += ["/decide/", "/decide/count/", "/dependencies/", "/dependencies/payments/", f"/work/id/{instance}/"]
    pages += ["/processes/", "/processes/order/", "/processes/order/?version=1"]
    pages += [f"/repair/?tab={tab}" for tab in ("people", "corrections", "callbacks", "operations")]
    pages += ["/record/?tab=events", "/record/?tab=ledger", f"/decide/{question}/", "/decide/?tab=all&state=all"]
    asked = ["/work/order/1/", "/repair/", "/dependencies/payments/", "/processes/order/", f"/decide/{question}/"]
    pages += [f"{page}?{SENT}" for page in (*asked, "/record/", "/signin/")]
    pages += [f"/work/order/1/?tab={tab}" for tab in ("milestones", "steps", "graph", "data", "technical")]
    api = ["workflows", "workflows/order", "workflows/order/versions/1", "instances", f"instances/{instance}"]
    api += [f"instances/{instance}/history", "operations", f"operations/{operation}", "approvals", "breakers"]
    api += ["breakers/payments", "breakers/payments/transitions", "callbacks", "failures", "audit", "idempotency"]
    api += ["events", "subscriptions", f"approvals/{question}"]
    admin = ["/admin/", "/admin/auth/user/", "/admin/auth/group/", "/admin/workflows/apitoken/add/"]
    admin += [reverse(f"admin:{one._meta.app_label}_{one._meta.model_name}_changelist") for one in TABLES]
    admin += [f"/admin/workflows/instance/{instance}/change/", f"/admin/approvals/approval/{question}/change/"]
    return [*pages, *(f"/api/v1/{one}" for one in api), *admin, "/metrics", "/healthz", "/readyz", "/nowhere/"]


def acting(instance: UUID, message: UUID, question: UUID) -> list[str]:
    """Every address that does something when something is sent to it."""
    found = [f"instances/{instance}/actions/{action}" for action in ("retry", "pause", "cancel", "compensate", "skip")]
    found += [f"breakers/payments/{action}" for action in ("reset", "hold-open", "release")]
    found += [f"callbacks/{message}/ignore", f"callbacks/{message}/apply", "workflows/order/instances"]
    found += [f"approvals/{question}/approve", f"approvals/{question}/reject"]
    found += ["workflows/order/rollout", "workflows/order/intake/pause", "subscriptions/1/replay"]
    return [*(f"/api/v1/{one}" for one in found), "/signout/"]


def test_reading_changes_nothing() -> None:
    desk, ada = Desk(), somebody("ada", "admin")
    in_team(ada.account)
    question = asked(desk, "2").id
    instance = desk.start("1")
    desk.play(instance)
    now = clock.now()
    operation = Operation.objects.create(
        id=ids.new_id(), action="retry", instance_id=instance, actor="x", actor_kind="user", accepted_at=now,
        accepted_seq=1,
    ).id  # fmt: skip
    message = Message.objects.create(
        id=ids.new_id(), source="erp", webhook_id="w", type="erp.registered", key="k", body="{}",
        received_at=now - timedelta(hours=1),
    ).id  # fmt: skip
    ada.get("/permissions/")
    before, revision = tables(), Kept(instance).row.revision

    for path in addresses(instance, operation, question):
        for method in (ada.browser.get, ada.browser.head):
            assert method(path).status_code < 500, path
        assert ada.browser.get(path, headers={"HX-Request": "true"}).status_code < 500, path
    for path in acting(instance, message, question):
        for method in (ada.browser.get, ada.browser.head):
            assert method(path).status_code in (404, 405), path

    after = tables()
    assert [table for table, rows in after.items() if rows != before[table]] == []
    assert Kept(instance).row.revision == revision


def test_no_page_and_no_office_takes_what_another_site_makes_somebody_send() -> None:
    instance, ada = Desk().start("1"), somebody("ada", "admin")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ada.account)
    known = {"workflow": "order", "key": "1", "name": "payments", "instance_id": instance, "approval_id": instance}
    pages = [
        reverse(str(page.name), kwargs={name: known[name] for name in page.pattern.converters}) for page in urlpatterns
    ]
    before = tables()

    for address in (*pages, "/admin/auth/user/add/", "/admin/login/", "/admin/workflows/apitoken/add/"):
        answer = browser.post(f"{address}?{SENT}", dict(parse_qsl(SENT)), headers={"Origin": "https://evil.example"})
        assert answer.status_code == 403 and "This form is too old" in answer.content.decode(), address

    assert tables() == before
