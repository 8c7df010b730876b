"""The list of work: narrowed by an address that can be shared, page by page, without surprises."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.stories import an_instance, ended, person, retrying, stuck

pytestmark = pytest.mark.django_db


@pytest.fixture
def vera(client: Client) -> Client:
    """Support, signed in."""
    client.force_login(person("vera"))
    return client


def keys(client: Client, address: str = "/work/") -> list[str]:
    html = client.get(address).content.decode()
    return re.findall(r'<a class="row" data-row href="[^"]*">\w+ ([^<]*)</a>', html)


def links(client: Client, address: str, relation: str) -> list[str]:
    html = client.get(address).content.decode()
    return [found.replace("&amp;", "&") for found in re.findall(rf'<a href="([^"]*)" rel="{relation}"', html)]


def test_the_newest_is_on_top(vera: Client) -> None:
    an_instance("1")
    an_instance("2")

    assert keys(vera) == ["2", "1"]


@pytest.mark.parametrize(
    ("tab", "found"),
    [
        ("all", {"flowing", "stuck", "retrying", "undoing", "done"}),
        ("live", {"flowing", "stuck", "retrying", "undoing"}),
        ("person", {"stuck"}),
        ("held", {"retrying"}),
        ("undo", {"undoing"}),
        ("late", set()),
        ("ended", {"done"}),
        ("no such tab", {"flowing", "stuck", "retrying", "undoing", "done"}),
    ],
)
def test_a_tab_narrows_the_list_to_a_state(vera: Client, tab: str, found: set[str]) -> None:
    an_instance("flowing")
    stuck("stuck")
    retrying("retrying")
    an_instance("undoing", lifecycle="compensating", status="CompensationInProgress")
    ended("done")

    assert set(keys(vera, f"/work/?tab={tab}")) == found


def test_filters_add_up_and_stay_in_every_link(vera: Client) -> None:
    stuck("mine", attributes={"country": "Norway"})
    stuck("abroad", attributes={"country": "France"})
    an_instance("other", attributes={"country": "Norway"})
    address = "/work/?workflow=order&stage=Payment&status=PaymentFailed&dependency=payments&attr.country=Norway"

    html = vera.get(address).content.decode()

    assert keys(vera, address) == ["mine"]
    assert "country is Norway" in html
    assert "tab=live&amp;workflow=order&amp;stage=Payment" in html
    assert 'value="PaymentFailed" selected' in html


def test_pages_follow_each_other_without_gap_or_repetition(vera: Client) -> None:
    for number in range(120):
        an_instance(f"{number:03}")

    first = keys(vera)
    second_address = links(vera, "/work/", "next")[0]
    second = keys(vera, second_address)
    third_address = links(vera, second_address, "next")[0]
    third = keys(vera, third_address)

    assert first + second + third == [f"{number:03}" for number in range(119, -1, -1)]
    assert links(vera, third_address, "next") == []
    assert keys(vera, links(vera, third_address, "prev")[0]) == second


def test_a_deep_page_listens_only_to_what_it_shows(vera: Client) -> None:
    ids = [an_instance(f"{number:03}") for number in range(60)]

    first = vera.get("/work/").content.decode()
    second = vera.get(links(vera, "/work/", "next")[0]).content.decode()

    assert 'data-live="board"' in first
    assert f'data-live="{" ".join(reversed(ids[:10]))}"' in second


def test_a_broken_cursor_leads_to_the_beginning(vera: Client) -> None:
    answer = vera.get("/work/?tab=live&cursor=nonsense")

    assert answer.status_code == 302
    assert answer["Location"] == "/work/?tab=live"


@pytest.mark.parametrize("name", ["q", "status", "workflow", "attr.country", "attr.%00", "attr.", "tab", "cursor"])
def test_no_address_breaks_the_page(vera: Client, name: str) -> None:
    for value in ("%00", "%00a", "%FF%FE", "'; DROP TABLE x; --", "a" * 5000, "%F0%9F%9A%A2"):
        assert vera.get(f"/work/?{name}={value}").status_code in (200, 302), value


def test_a_page_that_reads_itself_again_gets_only_the_list(vera: Client) -> None:
    an_instance("1")

    part = vera.get("/work/", headers={"HX-Request": "true"})

    assert part.content.lstrip().startswith(b'<section class="stack" id="list"')


def test_a_full_page_costs_no_more_queries_than_a_short_one(
    vera: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(60):
        stuck(str(number))
    vera.get("/permissions/")  # the session is noted once a minute

    with django_assert_max_num_queries(3 + 3):
        vera.get("/work/?tab=person")


def test_personal_fields_never_reach_the_list(vera: Client) -> None:
    an_instance("1", attributes={"customer_id": "canary-17850"})

    assert b"canary" not in vera.get("/work/").content


def test_a_hostile_status_reason_or_key_stays_text(vera: Client) -> None:
    stuck("<template>", reason="<script>alert(1)</script>", status="<svg onload=alert(1)>", stage="<b>")

    html = vera.get("/work/").content.decode()

    assert "<script>alert" not in html
    assert "<svg onload" not in html
    assert "<template>" not in html
