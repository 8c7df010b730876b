"""Roles for one workflow: what belongs to another does not exist for that person, on any page or address."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError

from approvals.models import Approval
from tests.api.world import an_order, is_problem, told
from tests.engine.desk import Desk
from tests.security.people import Somebody, somebody
from tests.stories import an_instance, ended, stuck
from tests.worlds import principal, settled
from workflows import interventions
from workflows.engine import clock, ids
from workflows.interventions import Principal, governing
from workflows.models import AuditEntry, Instance, LateResult, Message, Operation, RefusedStart, Rollup, Tombstone
from workflows.queries import board, callbacks, definitions, instances, keys, late, operations, record
from workflows.queries.instances import Filters
from workflows.queries.record import AuditFilters
from workflows.queries.visibility import EVERYTHING, Viewer

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
RETURNS = Viewer(frozenset({"return"}), frozenset())
NOBODY = Viewer(frozenset(), frozenset())


@pytest.fixture
def rita() -> Somebody:
    """Operator for returns only."""
    return somebody("rita", **{"return": "operator"})


def test_a_role_for_one_workflow_holds_there_and_nowhere_else(rita: Somebody) -> None:
    principal = interventions.user(rita.account)

    assert interventions.may(principal, "retry", "return").allowed
    assert not interventions.may(principal, "retry", "order").allowed
    assert not interventions.may(principal, "retry").allowed, "without a workflow it means all of them"
    assert interventions.may_somewhere(principal, "retry").allowed
    assert not interventions.may_somewhere(principal, "govern").allowed


def test_a_refusal_says_where_one_has_the_right(rita: Somebody) -> None:
    verdict = interventions.may(interventions.user(rita.account), "retry", "order")

    assert verdict.reason == (
        "Retry needs the right to try failed work again (operator or admin); you have it for return only."
    )


def test_a_role_for_all_workflows_and_one_for_a_single_one_add_up() -> None:
    principal = interventions.user(somebody("sam", "support", order="operator").account)

    assert interventions.viewer(principal) == Viewer(None, frozenset({"order"}))
    assert interventions.may(principal, "retry", "order").allowed
    assert not interventions.may(principal, "retry", "return").allowed


def test_a_role_without_a_workflow_cannot_be_stored() -> None:
    with pytest.raises(IntegrityError, match="scoped_role_somewhere"):
        somebody("sam", **{"": "admin"})


def test_what_one_may_do_is_read_in_one_query_for_any_number_of_people(
    django_assert_num_queries: Any,
) -> None:
    people = [somebody(f"p{n}", "support", order="operator").account for n in range(4)]

    with django_assert_num_queries(1):
        found = interventions.users(people)

    assert len(found) == 4


def test_whoever_sees_everything_is_asked_for_no_workflow() -> None:
    found = instances._matching(EVERYTHING, Filters())

    assert "workflow" not in str(found.query).partition("WHERE")[2]


def test_lists_and_counts_hold_only_what_one_may_see() -> None:
    stuck("O1")
    mine = stuck("R1", workflow="return", stage="Matching")

    assert [row.id for row in instances.page(RETURNS, Filters()).rows] == [UUID(mine)]
    assert instances.count(RETURNS, Filters()) == 1
    assert {group.workflow for group in board.groups(RETURNS, clock.now())} == {"return"}
    assert {cause.workflow for cause in board.causes(RETURNS)} == {"return"}
    assert [one.name for one in board.processes(RETURNS)] == ["return"]
    assert [one.name for one in definitions.newest(RETURNS)] == ["return"]
    assert instances.count(NOBODY, Filters()) == 0 and not board.groups(NOBODY, clock.now())
    assert not board.anything(NOBODY) and board.anything(RETURNS)


def test_one_object_of_another_workflow_is_not_there() -> None:
    hidden = UUID(ended("O1"))

    assert instances.one(RETURNS, hidden) is None
    assert instances.some(RETURNS, [hidden]) == []
    assert instances.visible(RETURNS, [hidden]) == set()
    assert keys.runs(RETURNS, "order", "O1") == []
    assert definitions.one(RETURNS, "order") is None
    assert instances.one(EVERYTHING, hidden) is not None


def test_search_finds_nothing_of_another_workflow() -> None:
    hidden = an_instance("O1", correlation_id="c-77", attributes={"country": "France"})

    for text in ("O1", "c-77", hidden, "France"):
        assert instances.page(RETURNS, Filters(q=text)).rows == [], text
        assert len(instances.page(EVERYTHING, Filters(q=text)).rows) == 1, text


def test_why_there_is_nothing_is_told_only_where_one_may_look() -> None:
    an_instance("536365")
    RefusedStart.objects.create(at=NOW, workflow="order", key="999", actor="shop", problems=[["total", "wrong"]])
    Tombstone.objects.create(instance_id=ids.new_id(), workflow="order", key="888", run=1, input_hash="", ended_at=NOW)

    assert keys.absent(RETURNS, "order", "999") == keys.Absent([], None, [])
    assert keys.absent(RETURNS, "order", "888").archived_at is None
    assert keys.absent(RETURNS, "return", "536365").near == []
    assert keys.spelled_otherwise(RETURNS, "order", " 536365") == ""
    assert keys.absent(EVERYTHING, "order", "999").refused


def test_late_results_and_operations_are_hidden_with_their_instance() -> None:
    hidden = UUID(an_instance("O1"))
    LateResult.objects.create(
        instance_id=hidden, step="charge", direction="forward", token=1, at=NOW, outcome="succeeded", disposition="used"
    )
    operation = Operation.objects.create(
        id=ids.new_id(), action="retry", instance_id=hidden, actor_kind="user", actor="olga", accepted_at=NOW,
        accepted_seq=1,
    )  # fmt: skip

    assert late.results(RETURNS, hidden) == [] and len(late.results(EVERYTHING, hidden)) == 1
    assert operations.page(RETURNS).rows == [] and operations.one(RETURNS, operation.id) is None
    assert operations.one(EVERYTHING, operation.id) is not None


def a_message(kind: str, instance_id: str | None = None) -> UUID:
    return Message.objects.create(
        id=ids.new_id(), source="erp", webhook_id=str(ids.new_id()), type=kind, key="E-1", body='{"a": 1}',
        received_at=NOW, instance_id=instance_id,
    ).id  # fmt: skip


def test_a_callback_is_hidden_with_the_instance_it_came_for() -> None:
    hidden = a_message("erp.registered", an_instance("O1"))
    unmatched, unheard_of = a_message("erp.registered"), a_message("no.such.type")

    assert callbacks.page(RETURNS).rows == []
    assert [callbacks.one(RETURNS, one) for one in (hidden, unmatched, unheard_of)] == [None, None, None]
    orders = Viewer(frozenset({"order"}), frozenset())
    assert {row.id for row in callbacks.page(orders).rows} == {hidden, unmatched}
    assert board.unmatched(RETURNS, clock.now())[0] == 0 and board.unmatched(EVERYTHING, clock.now())[0] == 3


def test_the_record_shows_what_concerns_no_workflow_to_those_who_see_all() -> None:
    for workflow in ("order", "return", ""):
        AuditEntry.objects.create(
            act_id=ids.new_id(), at=NOW, actor_kind="user", actor="olga", action="x", workflow=workflow, allowed=True
        )

    assert [row.workflow for row in record.page(RETURNS, AuditFilters()).rows] == ["return"]
    assert len(record.page(EVERYTHING, AuditFilters()).rows) == 3


def test_numbers_per_minute_count_only_ones_own_workflows() -> None:
    minute = clock.now().replace(second=0, microsecond=0)
    Rollup.objects.create(minute=minute, name="started", label="order", count=5)
    Rollup.objects.create(minute=minute, name="started", label="return", count=2)

    assert sum(board.per_minute(RETURNS, ("started",), clock.now())["started"]) == 2
    assert sum(board.per_minute(EVERYTHING, ("started",), clock.now())["started"]) == 7
    assert {one.dependency for one in board.traffic(RETURNS, clock.now())} <= {
        one.dependency for one in board.traffic(EVERYTHING, clock.now())
    }


def test_the_api_answers_404_for_every_object_of_another_workflow(rita: Somebody) -> None:
    hidden = an_instance("O1")
    for path in (f"instances/{hidden}", f"instances/{hidden}/history", "workflows/order", "workflows/order/versions/1"):
        is_problem(rita.api.get(path), 404, "not-found")
    is_problem(rita.api.post(f"instances/{hidden}/actions/pause", {"reason": "x"}), 404, "not-found")
    is_problem(rita.api.post("workflows/order/instances", {"key": "O2", "input": an_order("O2")}), 404, "not-found")

    assert told(rita.api.get("instances"))["results"] == []
    assert AuditEntry.objects.filter(actor="rita", allowed=False).count() == 2, "both attempts are on record"


def test_a_hidden_workflow_is_refused_in_the_same_words_as_one_that_does_not_exist(rita: Somebody) -> None:
    body = {"key": "O2", "input": an_order("O2")}

    hidden = told(rita.api.post("workflows/order/instances", body))
    absent = told(rita.api.post("workflows/orders/instances", body))

    assert hidden["detail"].replace("order", "orders") == absent["detail"]


def test_pages_show_another_workflow_to_nobody_without_a_role_for_it(rita: Somebody) -> None:
    hidden = stuck("O-HIDDEN")

    assert rita.get("/work/order/O-HIDDEN/").status_code == 404
    assert rita.get(f"/work/id/{hidden}/").status_code == 404
    assert rita.get("/search/", q="O-HIDDEN").status_code == 404
    for page in ("/", "/work/", "/work/?workflow=order", "/work/?q=O-HIDDEN"):
        html = rita.get(page).content.decode()
        assert "O-HIDDEN" not in html.replace('value="O-HIDDEN"', "").replace("q=O-HIDDEN", ""), page
        assert "Checking" not in html and "Fraud" not in html, page


def test_the_page_of_a_hidden_instance_reads_like_that_of_none(rita: Somebody) -> None:
    an_instance("O1")

    hidden, absent = (rita.get(f"/work/order/{key}/").content.decode() for key in ("O1", "O2"))

    assert "There is no order O1" in hidden
    assert _still(hidden.replace("O1", "O2")) == _still(absent)


def _still(html: str) -> str:
    """Without what differs between any two answers: the time and the token of forms."""
    return re.sub(r'data-now="[^"]*"|value="\w{64}"|X-CSRFToken":"\w+"', "", html)


def test_acting_on_a_hidden_instance_by_its_page_changes_nothing(rita: Somebody) -> None:
    hidden = stuck("O1")

    answer = rita.browser.post("/work/order/O1/", {"action": "retry", "reason": "because"})

    assert answer.status_code == 404
    assert Instance.objects.get(id=hidden).revision == 1


@pytest.mark.django_db(transaction=True)
def test_published_events_of_another_workflow_are_not_told(rita: Somebody) -> None:
    desk = Desk()
    desk.play(desk.start("O1"))
    olga = somebody("olga", "operator")
    settled("workflows_outboxevent")
    known = told(olga.api.get("events"))["results"][0]["id"]

    assert told(rita.api.get("events"))["results"] == []
    is_problem(rita.api.get(f"events?after={known}"), 404, "not-found")


@pytest.mark.django_db(transaction=True)
def test_within_their_workflow_people_act_as_ever() -> None:
    desk = Desk()
    instance_id = desk.start("O1")
    omar = somebody("omar", order="operator")

    answer = omar.api.post(f"instances/{instance_id}/actions/pause", {"reason": "stock count"})

    assert answer.status_code == 202
    detail = told(omar.api.get(f"instances/{instance_id}"))
    assert {"resume", "cancel"} <= {one["action"] for one in detail["allowed_actions"] if one["allowed"]}
    assert told(omar.api.get("audit"))["results"][0]["action"] == "pause"


def test_the_record_is_not_for_those_who_only_read() -> None:
    sam = somebody("sam", "support")

    is_problem(sam.api.get("audit"), 403, "forbidden")


def test_policies_act_without_the_right_to_read() -> None:
    healer = interventions.policy("healing")

    assert isinstance(healer, Principal) and interventions.may(healer, "retry", "order").allowed


HIDDEN = "HIDDEN-4711"


@pytest.mark.django_db(transaction=True)
def test_somebody_with_every_right_in_another_workflow_finds_no_trace_of_this_one() -> None:
    desk = Desk()
    order = desk.start(HIDDEN, total=5000.0)
    for key, trouble in ((f"{HIDDEN}-2", "fail"), (f"{HIDDEN}-3", "refuse")):
        other = desk.start(key)
        getattr(desk, trouble)(desk.claimed(other, "stock"), **({"retryable": False} if trouble == "fail" else {}))
    desk.play(order)
    operator = principal("olga")
    interventions.act(operator, "pause", order, reason=f"about {HIDDEN}")
    a_message("erp.registered", str(order))
    Message.objects.update(key=HIDDEN)
    rita = somebody("rita", **{"return": "admin"})
    operation = Operation.objects.values_list("id", flat=True).get()
    governing.pause_intake(operator, "order", reason=f"about {HIDDEN}")

    pages = ["/", "/work/", "/work/?tab=person", "/permissions/", "/decide/", "/decide/?tab=all", "/decide/count/"]
    pages += ["/repair/", "/repair/?tab=people&kind=all", "/repair/?tab=corrections", "/repair/?tab=operations"]
    pages += ["/repair/?tab=callbacks&state=all", "/record/", "/record/?tab=events", "/record/?tab=ledger"]
    pages += ["/dependencies/", "/dependencies/payments/", "/processes/", "/processes/return/"]
    lists = ["instances", "operations", "approvals", "failures", "callbacks", "audit", "events", "idempotency"]
    pages += [f"/api/v1/{one}" for one in (*lists, "workflows", "breakers")]
    seen = {page: rita.get(page) for page in pages}
    assert {page: answer.status_code for page, answer in seen.items() if answer.status_code != 200} == {}
    assert [page for page, answer in seen.items() if HIDDEN in answer.content.decode()] == []

    questions = [f"approvals/{pk}" for pk in Approval.objects.values_list("id", flat=True)]
    assert questions, "somebody is asked about an order of this size"
    objects = [f"instances/{order}", f"instances/{order}/history", f"operations/{operation}", *questions]
    assert {one: rita.get(f"/api/v1/{one}").status_code for one in objects} == dict.fromkeys(objects, 404)
    for pk in Approval.objects.values_list("id", flat=True):
        assert rita.get(f"/decide/{pk}/").status_code == 404
        is_problem(rita.api.post(f"approvals/{pk}/approve", {"comment": "x", "subject_hash": ""}), 404, "not-found")
    olga = somebody("otto", "operator")
    assert HIDDEN in olga.get("/api/v1/instances").content.decode()
    assert HIDDEN in olga.get("/record/").content.decode()
