"""Whatever number somebody has in front of them leads to the case, or to the reason why there is none."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.stories import an_instance, person
from workflows.engine import clock
from workflows.models import RefusedStart

pytestmark = pytest.mark.django_db


@pytest.fixture
def vera(client: Client) -> Client:
    """Support, signed in."""
    client.force_login(person("vera"))
    return client


@pytest.mark.parametrize("typed", ["C536379", " c536379 ", "#C536379", "c536379\x00"])
def test_a_number_in_any_case_with_spaces_leads_to_its_page(vera: Client, typed: str) -> None:
    an_instance("C536379", workflow="return", stage="Matching")

    answer = vera.get("/search/", {"q": typed})

    assert answer["Location"] == "/work/return/C536379/"


def test_the_exact_number_wins_over_numbers_that_begin_like_it(vera: Client) -> None:
    an_instance("536365")
    an_instance("5363651")

    assert vera.get("/search/", {"q": "536365"})["Location"] == "/work/order/536365/"


def test_several_hits_become_a_list_whose_address_can_be_shared(vera: Client) -> None:
    an_instance("536365")
    an_instance("536366")

    assert vera.get("/search/", {"q": "53636"})["Location"] == "/work/?q=53636"


def test_several_runs_of_one_case_are_one_hit(vera: Client) -> None:
    an_instance("536365", run=1)
    an_instance("536365", run=2)

    assert vera.get("/search/", {"q": "536365"})["Location"] == "/work/order/536365/"


def test_an_instance_id_and_a_correlation_id_are_found(vera: Client) -> None:
    found = an_instance("536365", correlation_id="shop-77")

    assert vera.get("/search/", {"q": found})["Location"] == "/work/order/536365/"
    assert vera.get("/search/", {"q": "shop-77"})["Location"] == "/work/order/536365/"


def test_a_customer_is_found_by_number_by_those_who_may_know_customers(vera: Client) -> None:
    an_instance("536365", attributes={"customer_id": "17850"})
    an_instance("536366", attributes={"customer_id": "17850"})
    olga = Client()
    olga.force_login(person("olga", role="operator"))

    assert olga.get("/search/", {"q": "17850"})["Location"] == "/work/?q=17850"
    assert vera.get("/search/", {"q": "17850"}).status_code == 404


def test_a_refused_order_says_why_it_was_not_accepted(vera: Client) -> None:
    RefusedStart.objects.create(
        at=clock.now(),
        workflow="order",
        key="999",
        actor="shop",
        problems=[["total", "Input should be a valid number"]],
    )

    answer = vera.get("/search/", {"q": "999"})

    assert answer.status_code == 404
    assert b"The order 999 was refused when it came in" in answer.content
    assert b"Input should be a valid number" in answer.content


def test_nothing_found_offers_the_closest_numbers(vera: Client) -> None:
    an_instance("536365")

    answer = vera.get("/search/", {"q": "536399"})

    assert answer.status_code == 404
    assert b'href="/work/order/536365/"' in answer.content


def test_an_empty_search_shows_what_can_be_searched(vera: Client) -> None:
    assert b"idempotency keys" in vera.get("/search/").content


def test_what_was_typed_stays_text(vera: Client) -> None:
    answer = vera.get("/search/", {"q": "<script>alert(1)</script>"})

    assert b"<script>alert" not in answer.content
