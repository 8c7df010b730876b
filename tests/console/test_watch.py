"""The live home says in one look how everything stands and what needs a person."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.stories import alive, an_instance, ended, person, retrying, stuck
from workflows.engine import clock, ids
from workflows.models import Message, Session

pytestmark = pytest.mark.django_db

#: queries of the page itself; session, user and groups come on top
QUERIES, FRAME = 14, 3


@pytest.fixture
def vera(client: Client) -> Client:
    """Support, looking at the console while a worker and a pump are alive."""
    alive("worker", "pump")
    client.force_login(person("vera"))
    return client


def sentence(client: Client) -> str:
    html = client.get("/").content.decode()
    return plain(re.search(r'<h1 class="lead">(.*?)</h1>', html, re.S)[1])  # type: ignore[index]


def needs(client: Client) -> list[str]:
    html = client.get("/").content.decode()
    return [plain(one) for one in re.findall(r'<li data-key="[^"]*">.*?<p>(.*?)</p>', html, re.S)]


def plain(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", "", html.replace("<br>", " "))).split())


def test_an_idle_installation_says_so_and_teaches_the_first_step(vera: Client) -> None:
    assert sentence(vera) == "Nothing is under way."
    assert "manage.py start order" in vera.get("/").content.decode()


def test_healthy_work_is_one_calm_sentence(vera: Client) -> None:
    an_instance("1")
    an_instance("2")
    ended("3")

    assert sentence(vera) == "Everything flows: 2 orders are under way."
    assert needs(vera) == []


def test_a_cause_is_one_row_however_many_orders_it_touches(vera: Client) -> None:
    for number in range(30):
        stuck(str(number))

    assert len(needs(vera)) == 1
    assert needs(vera)[0].startswith(
        "30 orders: payment cannot go on without a person payments failed (500) · payments-team"
    )
    assert sentence(vera) == "1 cause needs a person. Nothing else is under way."


def test_the_row_of_a_single_order_leads_straight_to_it(vera: Client) -> None:
    stuck("536365")

    html = vera.get("/").content.decode()

    assert "<b>Order 536365</b>" in html
    assert 'href="/work/order/536365/"' in html


def test_work_that_is_tried_again_is_a_warning_with_its_system(vera: Client) -> None:
    retrying("1")
    retrying("2")
    an_instance("3")

    assert sentence(vera) == (
        "The payments system does not answer well: 2 orders are tried again by themselves. "
        "Everything else flows (1 order)."
    )
    assert needs(vera)[0].startswith(
        "The payments system does not answer well. 2 orders are tried again by themselves."
    )


def test_the_most_pressing_comes_first(vera: Client) -> None:
    past = clock.now() - timedelta(hours=1)
    retrying("1")
    Message.objects.create(
        id=ids.new_id(), source="erp", webhook_id="w", type="t", key="k", body="{}", received_at=past
    )
    stuck("2")
    an_instance("3", deadline_at=past)
    stuck("4", lifecycle="compensating", status="CompensationInProgress")

    order = [row.split(": ")[0].split(" is ")[0].split(" came ")[0].split(" does ")[0] for row in needs(vera)]

    assert order == ["Order 4", "1 order", "Order 2", "1 callback", "The payments system"]


def test_a_dead_crew_is_never_shown_as_running(client: Client) -> None:
    client.force_login(person("vera"))
    an_instance("1")

    assert sentence(client) == "2 causes need a person. Nothing moves, because no worker is alive."
    assert [row.split(".")[0] for row in needs(client)] == ["No worker is alive", "No pump is alive"]


def test_every_number_of_the_board_links_to_its_list(vera: Client) -> None:
    stuck("1")
    an_instance("2", stage="Payment")

    html = vera.get("/").content.decode()

    assert 'href="/work/?workflow=order&amp;stage=Payment&amp;tab=live"' in html
    assert "1 needs a person" in html


def test_a_page_that_reads_itself_again_gets_only_its_changing_part(vera: Client) -> None:
    whole, part = vera.get("/"), vera.get("/", headers={"HX-Request": "true"})

    assert b"<html" in whole.content
    assert part.content.lstrip().startswith(b'<div class="stack" id="watch"')
    assert "HX-Request" in part["Vary"]


def test_more_work_costs_no_more_queries(vera: Client, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(40):
        stuck(f"a{number}")
        retrying(f"b{number}")
    vera.get("/permissions/")  # the session is noted once a minute

    with django_assert_max_num_queries(QUERIES + FRAME):
        vera.get("/")


def test_a_hostile_key_and_reason_stay_text(vera: Client) -> None:
    stuck("<img src=x onerror=alert(1)>", reason='"><svg onload=alert(2)>')

    html = vera.get("/").content.decode()

    assert "<img src=x" not in html
    assert "<svg onload" not in html


def test_work_of_a_version_no_worker_has_code_for_needs_a_person(vera: Client) -> None:
    Session.objects.update(capabilities=["order/2"])
    an_instance("1001")
    an_instance("1002", version=2)

    assert needs(vera)[0].startswith("1 order stands still: no worker has the code for version 1.")
    assert 'href="/work/?workflow=order&amp;version=1&amp;tab=live"' in vera.get("/").content.decode()


def test_without_any_worker_it_is_said_once_not_for_every_version(vera: Client) -> None:
    Session.objects.update(capabilities=["order/2"])
    Session.objects.filter(kind="worker").update(alive_until=clock.now() - timedelta(seconds=1))
    an_instance("1001")

    assert [one.split(" is alive")[0] for one in needs(vera)] == ["No worker"]
