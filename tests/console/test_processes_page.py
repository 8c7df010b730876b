"""The processes as people see them: versions, what is under way, differences and outcomes, and who may see what."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.console.people import Seen, seen, signed_in
from tests.stories import an_instance, ended, retrying, stuck
from tests.worlds import principal
from workflows.engine import clock
from workflows.interventions import governing
from workflows.models import Instance, PausedIntake, Rollout, ScopedRole
from workflows.queries import processes
from workflows.queries.visibility import EVERYTHING, NOBODY

pytestmark = pytest.mark.django_db

#: queries of the page itself; session, user and groups come on top
LIST, PAGE, FRAME = 3, 4, 3
HOUR = timedelta(hours=1)


def every(role: str = "support") -> Seen:
    return seen(signed_in(role).get("/processes/"))


def one(name: str = "order", role: str = "support", query: str = "") -> Seen:
    return seen(signed_in(role).get(f"/processes/{name}/{query}"))


def shared(percent: int = 10, stable: int = 1, candidate: int | None = 2) -> None:
    governing.roll_out(
        principal("ada", "admin"), "order", stable=stable, candidate=candidate, percent=percent, reason="a first try"
    )


def paused(workflow: str = "order", reason: str = "the warehouse counts") -> None:
    governing.pause_intake(principal("ada"), workflow, reason=reason)


def reader_of_returns() -> Client:
    browser = signed_in("")
    ScopedRole.objects.create(user=User.objects.get(username="nobody"), role="admin", workflow="return")
    return browser


# --- all of them ------------------------------------------------------------------------------------------------------


def test_a_row_says_versions_load_intake_and_owner() -> None:
    stuck("1")
    retrying("2")
    shared()
    paused("return")

    page = every()

    assert "2 candidate, 10 % 1 stable, 90 % Under way 2 Need a person 1 open Owner order-desk" in page.text
    assert "paused by ada until" in page.text
    assert 'href="/work/?workflow=order&amp;tab=live"' in page.html
    assert 'href="/work/?workflow=order&amp;tab=person"' in page.html
    assert 'href="/processes/return/"' in page.html


def test_without_a_decision_the_newest_takes_all() -> None:
    assert "2 newest takes all 1 Under way" in every().text


def test_whoever_may_read_no_installed_process_learns_what_would_be_here() -> None:
    browser = signed_in("")
    ScopedRole.objects.create(user=User.objects.get(username="nobody"), role="support", workflow="gone")

    assert "No process is installed that you may read" in seen(browser.get("/processes/")).text


def test_more_work_costs_no_more_queries(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    browser = signed_in("support")
    for number in range(30):
        stuck(f"s{number}", version=1 + number % 2)
        ended(f"e{number}", version=1 + number % 2)
    shared()

    with django_assert_max_num_queries(LIST + FRAME):
        browser.get("/processes/")
    with django_assert_max_num_queries(PAGE + FRAME):
        browser.get("/processes/order/")


def test_whoever_sees_one_process_sees_that_one_only() -> None:
    browser = reader_of_returns()
    shared()
    paused("order", "ORDERS-ONLY")

    page, home = seen(browser.get("/processes/")), seen(browser.get("/"))

    assert "Returns" in page.text and "Orders" not in page.text
    assert "ORDERS-ONLY" not in page.html + home.html
    assert browser.get("/processes/order/").status_code == 404
    assert browser.get("/processes/order/?version=1").status_code == 404
    assert browser.get("/processes/return/").status_code == 200


@pytest.mark.parametrize("path", ["/processes/", "/processes/order/"])
def test_it_is_for_people_who_may_read(path: str) -> None:
    assert signed_in("").get(path).status_code == 403
    assert Client().get(path).status_code == 302


@pytest.mark.parametrize("path", ["/processes/", "/processes/order/"])
def test_a_page_that_reads_itself_again_gets_only_its_changing_part(path: str) -> None:
    browser = signed_in("support")

    part = browser.get(path, headers={"HX-Request": "true"})

    assert part.content.lstrip().startswith(b'<div class="stack process-')
    assert b"<html" in browser.get(path).content
    assert "HX-Request" in part["Vary"]


# --- one of them ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nobody", "orders", "%00", "a b", "Order"])
def test_what_is_no_process_is_not_found(name: str) -> None:
    assert signed_in("admin").get(f"/processes/{name}/").status_code == 404


def test_the_first_line_says_which_version_new_ones_take() -> None:
    browser = signed_in("support")

    def line() -> str:
        return seen(browser.get("/processes/order/")).text

    assert "New orders take version 2 , the newest. None is under way." in line()
    assert "New returns take version 1 , the only one." in one("return", "approver").text
    shared(percent=10)
    assert "New orders take version 1 ; 10 % try version 2 ." in line()
    shared(percent=0)
    assert "New orders take version 1 ; none tries version 2 yet." in line()
    shared(percent=0, candidate=None)
    assert "New orders take version 1 ." in line()
    Rollout.objects.update(candidate=9, percent=5)
    assert "version 9 is to be tried but is not installed here." in line()
    Rollout.objects.update(stable=9, candidate=None, percent=0)
    assert "Version 9 was chosen for new orders but is not installed here: version 2 is taken." in line()


def test_the_first_line_says_who_paused_intake_until_when_and_why() -> None:
    browser = signed_in("support")
    paused()

    assert "Intake of orders is paused by ada until" in seen(browser.get("/processes/order/")).text
    PausedIntake.objects.update(until=None)
    page = seen(browser.get("/processes/order/"))
    assert "Intake of orders is paused by ada until somebody resumes it: “the warehouse counts”." in page.text
    PausedIntake.objects.update(until=clock.now() - HOUR)
    assert "paused by" not in seen(browser.get("/processes/order/")).text


def test_a_long_reason_is_cut_in_the_sentence_and_whole_beside_the_forms() -> None:
    paused(reason="counting " * 100)

    page = one()

    assert page.html.count("counting ") < 130
    assert ("counting " * 100).strip() in page.html


def test_the_diagram_counts_who_is_where_and_links_to_them() -> None:
    stuck("1", version=2)
    retrying("2", version=2)
    an_instance("3", version=2, step="stock")
    stuck("4", version=1)
    browser = signed_in("support")

    page = seen(browser.get("/processes/order/"))

    assert "2 here · 1 needs a person" in page.text and "1 here" in page.text
    assert "Payment · 2" in page.text and "Checking · 1" in page.text
    address = "/work/?workflow=order&amp;tab=live&amp;version=2&amp;step=charge"
    assert f'href="{address}"' in page.html
    listed = seen(browser.get(address.replace("&amp;", "&")))
    assert "2 results" in listed.text and "version 2" in listed.text and "Order 4" not in listed.text


def test_another_version_is_drawn_on_request_and_nonsense_is_the_stable_one() -> None:
    browser = signed_in("support")
    shared()

    def drawn(query: str) -> str:
        return seen(browser.get(f"/processes/order/{query}")).text

    assert "Statuses of version 2" in drawn("?version=2")
    for query in ("", "?version=1", "?version=9", "?version=x", "?version=%00", "?version=-1"):
        assert "Statuses of version 1" in drawn(query), query


def test_work_between_two_steps_is_counted_too() -> None:
    an_instance("1", version=2, lifecycle="compensating", status="CompensationInProgress", step="")

    assert "1 is at no step of the drawing" in one().text


def test_statuses_say_how_many_have_them_and_what_they_mean() -> None:
    stuck("1", version=2)
    an_instance("2", version=2, status="StockCheckPending", step="stock")

    page = one()

    assert "Stock check pending 1 Checking whether everything is in stock" in page.text
    assert "Payment failed 1 1 needs a person Payment cannot go on without a person" in page.text
    assert "Payment declined Payment was refused by the business" in page.text
    assert 'href="/work/?workflow=order&amp;tab=live&amp;version=2&amp;status=PaymentFailed"' in page.html


def test_versions_stand_side_by_side_with_what_differs() -> None:
    page = one()

    assert "What version 2 does otherwise than version 1 Human decision added in Checking" in page.text
    assert page.text.count("Fingerprint") == 2


def test_a_version_under_way_without_its_code_is_shown() -> None:
    an_instance("1", version=7)

    page = one()

    assert "Version 7 not installed here" in page.text


def test_outcomes_are_of_those_that_started_within_a_day() -> None:
    ended("1", version=1)
    ended("2", "compensated", "OrderCorrected", version=1)
    ended("3", "failed", "OrderRejected", version=2)
    ended("4", "cancelled", "OrderCancelled", version=2)
    stuck("5", version=2)
    an_instance("6", version=2)
    yesterday = UUID(int=int((clock.now() - 25 * HOUR).timestamp() * 1000) << 80)
    Instance.objects.filter(id=ended("7", version=1)).update(id=yesterday)

    found = processes.compared(EVERYTHING, "order", clock.now())

    said = {
        number: (one.started, one.completed, one.compensated, one.failed, one.cancelled, one.live, one.person)
        for number, one in found.outcomes.items()
    }
    assert said == {1: (2, 1, 1, 0, 0, 0, 0), 2: (4, 0, 0, 1, 1, 2, 1)}
    assert found.whole
    page = one()
    assert "Started 4 Delivered 0 Under way 1 25 % Need a person 1 25 %" in page.text
    assert "Started 2 Delivered 1 50 % Under way 0" in page.text


def test_only_the_newest_are_compared_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MOST", 3)
    for number in range(5):
        ended(str(number), version=2)

    found = processes.compared(EVERYTHING, "order", clock.now())

    assert (found.outcomes[2].started, found.whole) == (3, False)
    assert "Outcomes of the newest 3 that started within 24 h" in one().text


def test_nobody_reads_what_they_may_not_see() -> None:
    stuck("1")

    assert processes.versions(NOBODY, "order") == []
    assert processes.here(NOBODY, "order") == []
    assert processes.compared(NOBODY, "order", clock.now()).outcomes == {}


def test_the_page_names_owner_runbook_and_systems() -> None:
    page = one()

    assert "Owner order-desk Runbook runbooks/order.md" in page.text
    for system in ("carrier", "crm", "erp", "fraud", "payments", "warehouse"):
        assert f'href="/dependencies/{system}/"' in page.html


def test_hostile_reasons_and_names_stay_text() -> None:
    hostile = '"><img src=x onerror=alert(1)><b hx-get="/x">'
    paused(reason=hostile)
    Rollout.objects.create(workflow="order", stable=1, by=hostile, reason=hostile, at=clock.now())
    an_instance("1", version=1, status=hostile, stage=hostile, step=hostile)
    home = signed_in("approver")

    for page in (every(), one(role="operator"), seen(home.get("/"))):
        assert "<img" not in page.html and "<b hx-get" not in page.html
    assert "onerror=alert(1)" in one(role="admin").text


# --- elsewhere --------------------------------------------------------------------------------------------------------


def test_the_home_page_says_what_takes_nothing_in_by_whom_and_links_there() -> None:
    browser = signed_in("support")
    assert "Intake of" not in seen(browser.get("/")).text

    paused()

    page = seen(browser.get("/"))
    assert "Intake of orders is paused by ada until" in page.text and "“the warehouse counts”" in page.text
    assert 'href="/processes/order/"' in page.html


@pytest.mark.parametrize("version", ["x", "-1", "1e3", "9" * 30, "٣"])
def test_a_version_that_is_no_number_does_not_narrow_the_list_of_work(version: str) -> None:
    an_instance("1")

    assert "1 result" in seen(signed_in("support").get("/work/", {"version": version})).text
