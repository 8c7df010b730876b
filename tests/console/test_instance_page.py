"""What the page of an instance says in the situations an order gets into, and what it says when there is none."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.console.people import Seen, seen, signed_in
from tests.engine.desk import Desk, order
from workflows import interventions
from workflows.engine.intake import InvalidInput
from workflows.interventions import CAPABILITIES, Principal
from workflows.models import Instance, Session

pytestmark = pytest.mark.django_db

SOMEBODY = Principal("user", "olga", frozenset(CAPABILITIES))
KEY = "700001"
PAGE = f"/work/order/{KEY}/"
TABS = ("milestones", "steps", "graph", "data", "technical")


def look(role: str = "operator", address: str = PAGE, **query: Any) -> Seen:
    return seen(signed_in(role).get(address, query))


def waiting(desk: Desk, **changes: Any) -> None:
    desk.play(desk.start(KEY, **changes))


def test_the_first_screen_says_where_it_is_what_is_true_outside_and_what_comes_next() -> None:
    waiting(Desk())

    page = look()

    assert page.status == 200
    assert "Order 700001" in page.text
    assert "Waiting for the ERP to confirm the order since" in page.text
    assert "Next: ask the ERP at" in page.text
    assert "Your order is being registered." in page.text
    assert "Stock reserved" in page.text
    assert "Payment charged £15.30" in page.text
    assert "ERP submitted" in page.text
    assert "Delivery to come" in page.text
    assert "Nothing is needed: it goes on by itself." in page.text


def test_no_engine_word_or_raw_name_is_on_the_first_screen() -> None:
    waiting(Desk())

    page = look()

    for raw in ("ErpRegistrationPending", "erp_registration", "StepSucceeded", "None", "UUID", "{", " lease"):
        assert raw not in page.text


def test_a_stuck_order_says_why_and_recommends_one_act() -> None:
    desk = Desk()
    instance_id = desk.start(KEY)
    desk.play(instance_id, until="reserve")
    desk.fail(desk.claimed(instance_id, "charge"), "The card issuer is closed", retryable=False, may_have_happened=True)

    page = look()

    assert "The card issuer is closed" in page.text
    assert "Payment unknown (check)" in page.text
    assert "Payment needs a person" in page.text
    assert "payments-team" in page.text
    assert page.html.count("act-main") == 1
    assert "Payment: returns the stored outcome. It may have happened already." in page.text


def test_a_corrected_order_speaks_in_the_past() -> None:
    desk = Desk()
    instance_id = desk.start(KEY)
    desk.play(instance_id)
    desk.answer(instance_id, accepted=False)
    desk.play(instance_id)

    page = look()

    assert "How it ended" in page.text
    assert "Not fulfilled; what had been done was corrected . Ended at" in page.text
    assert "Reason limit" in page.text
    assert "Payment charged £15.30 refund card" in page.text
    assert "It has already ended as order corrected." in page.text
    assert "Next:" not in page.text


def test_a_delivered_order_can_still_be_corrected_and_says_what_would_stay() -> None:
    Desk().delivered(KEY)

    page = look()

    assert "Paid, registered and on its way" in page.text
    assert "Correct what was done" in page.text
    assert "These cannot be undone: Thank you note done" in page.text


def test_the_tab_is_in_the_address_and_every_tab_opens() -> None:
    Desk().delivered(KEY)
    browser = signed_in("operator")

    pages = {tab: seen(browser.get(PAGE, {"tab": tab})) for tab in TABS}

    assert all(page.status == 200 for page in pages.values())
    for tab, page in pages.items():
        here = 'href="?"' if tab == "milestones" else f'href="?tab={tab}"'
        assert f'<a {here} aria-current="page">' in page.html
    assert "order/700001/r1/charge/g1" in pages["steps"].text
    assert pages["graph"].html.count('<g class="past">') == 9
    assert "Description HEART T-LIGHT HOLDER" in pages["data"].text or "HEART T-LIGHT HOLDER" in pages["data"].text
    assert "Status: stock check pending" in pages["technical"].text.replace("Status stock", "Status: stock")


def test_the_history_tells_what_came_in_what_changed_and_what_followed() -> None:
    waiting(Desk())

    page = look(tab="technical")

    assert "Payment begins , order.total > 0 is true (15.3)" in page.text
    assert "payment pending ERP submission pending" in page.text
    assert "StepSucceeded · attempt 1" in page.text
    assert "lease token" in page.text
    assert "17 events in all" in page.text


def test_messages_that_came_twice_or_too_late_are_told_and_changed_nothing() -> None:
    desk = Desk()
    instance_id = desk.delivered(KEY)
    desk.answer(instance_id, webhook_id="w2")

    page = look(tab="technical")

    assert "erp.registered from erp was taken into account" in page.text
    assert "erp.registered from erp said the same again and changed nothing" in page.text


def test_what_a_person_has_to_choose_from_is_shown() -> None:
    desk = Desk()
    instance_id = desk.start("C700003", workflow="return", cancellation=True)
    claim = desk.claimed(instance_id, "match")
    desk.fail(claim, "It is not clear", retryable=False, person=True, evidence={"candidates": ["700001", "700002"]})

    page = look(address="/work/return/C700003/")

    assert "Candidates 700001, 700002" in page.text
    assert 'href="/search/?q=700001%2C%20700002"' in page.html


def test_a_long_history_comes_in_pages_that_lead_to_each_other() -> None:
    desk = Desk()
    instance_id = desk.start(KEY)
    desk.play(instance_id)
    for number in range(40):
        for action in ("pause", "resume"):
            interventions.act(SOMEBODY, action, instance_id, reason=f"round {number}")
    browser = signed_in("operator")

    first = seen(browser.get(PAGE, {"tab": "technical"}))
    older = first.html.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    second = seen(browser.get(PAGE + older))

    assert ">Newer<" not in first.html
    assert 'id="e1"' not in first.html
    assert 'id="e1"' in second.html
    assert ">Newer<" in second.html
    assert ">Older<" not in second.html


def test_personal_fields_are_masked_without_the_right_to_see_them() -> None:
    waiting(Desk(), customer_id="C-4711-SECRET")

    browser = signed_in("support")

    pages = {tab: seen(browser.get(PAGE, {"tab": tab})) for tab in TABS}

    assert all("C-4711-SECRET" not in page.html for page in pages.values())
    assert "Personal fields are masked: Payload needs the right" in pages["data"].text
    assert "C-4711-SECRET" in look(tab="data").html


def test_hostile_values_stay_text() -> None:
    hostile = '"><svg onload=alert(1)><template hx-get="/signout/">'
    desk = Desk()
    waiting(desk, customer_id=hostile[:40], lines=[{**order()["lines"][0], "description": hostile}])
    browser = signed_in("operator")

    for tab in TABS:
        html = browser.get(PAGE, {"tab": tab}).content.decode()
        assert "<svg onload" not in html
        assert '<template hx-get="/signout/"' not in html


def test_large_orders_show_their_beginning_and_all_of_it_on_request() -> None:
    line = order()["lines"][0]
    waiting(Desk(), lines=[{**line, "sku": f"SKU-{number}"} for number in range(675)])
    browser = signed_in("operator")

    short = seen(browser.get(PAGE, {"tab": "data"}))
    full = seen(browser.get(PAGE, {"tab": "data", "all": "1"}))

    assert "SKU-11" in short.text
    assert "SKU-12" not in short.text
    assert "Show all 675" in short.text
    assert "SKU-674" in full.text


@pytest.mark.parametrize("tab", TABS)
def test_a_page_costs_few_queries_however_long_the_story(tab: str) -> None:
    desk = Desk()
    instance_id = desk.start(KEY)
    desk.play(instance_id)
    browser = signed_in("operator")
    browser.get(PAGE)

    with CaptureQueriesContext(
        connection,
    ) as before:
        browser.get(PAGE, {"tab": tab})
    for number in range(10):
        for action in ("pause", "resume"):
            interventions.act(SOMEBODY, action, instance_id, reason=f"round {number}")
    with CaptureQueriesContext(connection) as after:
        browser.get(PAGE, {"tab": tab})

    assert len(after) == len(before) <= (13 if tab == "technical" else 11), [query["sql"][:80] for query in after]


def test_the_page_re_reads_only_its_changing_part() -> None:
    waiting(Desk())
    browser = signed_in("operator")

    page, part = seen(browser.get(PAGE)), seen(browser.get(PAGE, headers={"HX-Request": "true"}))

    assert "<html" in page.html
    assert "<html" not in part.html
    assert part.html.lstrip().startswith('<div class="stack" id="instance" data-live="')
    assert 'hx-trigger="live"' in part.html


def test_each_run_has_its_page_and_the_latest_comes_first() -> None:
    desk = Desk()
    instance_id = desk.start(KEY)
    interventions.act(SOMEBODY, "cancel", instance_id, reason="the customer called")
    desk.play(instance_id)
    again = interventions.start(SOMEBODY, "order", order(KEY), correlation_id="c-2", restart=True)
    browser = signed_in("operator")

    latest, first = seen(browser.get(PAGE)), seen(browser.get(PAGE, {"run": "1"}))
    by_id = browser.get(f"/work/id/{instance_id}/")

    assert again.new
    assert "run 2 run 1" in latest.text
    assert "Cancelled, and what had been done was corrected" not in latest.text
    assert "Cancelled, and what had been done was corrected" in first.text
    assert by_id["Location"] == f"{PAGE}?run=1"
    assert browser.get(f"/work/id/{uuid4()}/").status_code == 404


def test_another_spelling_of_the_number_leads_to_the_page() -> None:
    Desk().start("C700002", cancellation=True, workflow="return")

    answer = signed_in("operator").get("/work/return/c700002/")

    assert answer["Location"] == "/work/return/C700002/"


def test_a_refused_order_says_which_field_was_wrong() -> None:
    with pytest.raises(InvalidInput):
        interventions.start(SOMEBODY, "order", order("700009", total="much"), correlation_id="c")

    page = look(address="/work/order/700009/")

    assert page.status == 404
    assert "It came in but was not accepted ; nothing was done for it." in page.text
    assert "Sent by olga" in page.text
    assert "total" in page.text


def test_a_number_that_never_came_is_said_so_with_the_nearest_ones() -> None:
    waiting(Desk())

    page = look(address="/work/order/700002/")

    assert page.status == 404
    assert "Nothing with this number was ever received here." in page.text
    assert "order 700001" in page.text


def test_strangers_are_sent_to_the_sign_in_and_people_without_rights_learn_why_not() -> None:
    waiting(Desk())

    assert Client().get(PAGE)["Location"].startswith("/signin/")
    assert look("").status == 403


def test_an_instance_without_code_still_shows_what_is_known() -> None:
    waiting(Desk())
    Instance.objects.update(version=99)
    browser = signed_in("support")

    pages = [seen(browser.get(PAGE, {"tab": tab})) for tab in TABS]

    assert all(page.status == 200 for page in pages)
    assert all("17850" not in page.html for page in pages)
    assert "Received" in pages[0].text
    assert "17 events in all" in pages[4].text


def test_a_version_without_a_worker_says_that_nothing_happens_by_itself() -> None:
    Desk().start(KEY)
    Session.objects.filter(kind="worker").update(capabilities=["return/1"])

    page = seen(signed_in("operator").get(PAGE))

    assert "nothing until a worker starts that has the code for version 2; none has now" in page.text
    assert "it goes on by itself" not in page.text
