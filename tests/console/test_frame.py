"""The frame around every page: who gets in, what is offered, and what the browser is forbidden."""

from __future__ import annotations

import re

import pytest
from django.core.cache import cache
from django.test import Client, RequestFactory
from django.utils.translation import gettext_lazy

from console import navigation
from console.navigation import PLACES, Place
from console.presenters.permissions import AREAS
from console.views.styleguide import styleguide
from tests.stories import person
from workflows.interventions import CAPABILITIES
from workflows.models import ScopedRole

pytestmark = pytest.mark.django_db

PAGES = [
    "/",
    "/work/",
    "/decide/",
    "/decide/count/",
    "/search/",
    "/search/?q=nothing",
    "/permissions/",
    "/demo/",
    "/repair/",
    "/work/order/none/",
]


@pytest.mark.parametrize("address", PAGES)
def test_nobody_sees_a_page_without_signing_in(client: Client, address: str) -> None:
    answer = client.get(address)

    assert answer.status_code == 302
    assert answer["Location"].startswith("/signin/?next=")


@pytest.mark.parametrize("address", [page for page in PAGES if page != "/permissions/"])
def test_a_person_without_a_role_learns_why_they_see_nothing(client: Client, address: str) -> None:
    client.force_login(person("newcomer", role=""))

    answer = client.get(address)

    assert answer.status_code == 403
    assert b"Not yours to see" in answer.content
    assert b"Read needs the right to see instances" in answer.content


@pytest.mark.parametrize("address", [*PAGES, "/nowhere/", "/signin/?next=/work/"])
def test_no_page_needs_what_the_content_policy_forbids(client: Client, address: str) -> None:
    if not address.startswith("/signin"):
        client.force_login(person("vera"))

    answer = client.get(address)

    html = answer.content.decode()
    policy = answer["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"<[^>]+\sstyle=", html)
    assert not re.search(r"<[^>]+\son\w+=", html)
    for script in re.findall(r"<script[^>]*>", html):
        assert "src=" in script or 'type="application/json"' in script


def test_the_sign_in_page_of_the_demo_names_who_can_sign_in(client: Client) -> None:
    html = client.get("/signin/").content.decode()

    assert "operator-demo" in html


def test_signing_in_leads_to_the_page_one_came_for(client: Client) -> None:
    person("vera")

    answer = client.post("/signin/?next=/work/", {"username": "vera", "password": "secret", "next": "/work/"})

    assert answer["Location"] == "/work/"


def test_signing_in_never_leads_elsewhere(client: Client) -> None:
    person("vera")
    elsewhere = "https://elsewhere.example/"

    answer = client.post("/signin/", {"username": "vera", "password": "secret", "next": elsewhere})

    assert answer["Location"] == "/work/?find"


@pytest.mark.parametrize(
    ("role", "place"),
    [("approver", "/decide/"), ("support", "/work/?find"), ("operator", "/"), ("admin", "/"), ("", "/")],
)
@pytest.mark.parametrize("wanted", ["", "/"])
def test_people_land_where_their_work_is(client: Client, role: str, place: str, wanted: str) -> None:
    person("vera", role)

    answer = client.post("/signin/", {"username": "vera", "password": "secret", "next": wanted})

    assert answer["Location"] == place
    assert client.get("/signin/")["Location"] == place


def test_support_lands_with_the_search_focused(client: Client) -> None:
    client.force_login(person("vera"))

    assert re.search(r'<input type="search" name="q"[^>]* autofocus>', client.get("/work/?find").content.decode())
    assert "autofocus" not in client.get("/work/").content.decode()


def test_a_wrong_password_is_explained_without_telling_which_part_was_wrong(client: Client) -> None:
    person("vera")

    answer = client.post("/signin/", {"username": "vera", "password": "wrong"})

    assert b"This name and password do not match" in answer.content


def test_guessing_passwords_is_slowed_down_even_for_the_right_one(client: Client) -> None:
    cache.clear()
    person("vera")
    for _ in range(10):
        client.post("/signin/", {"username": "Vera", "password": "wrong"})

    answer = client.post("/signin/", {"username": "vera", "password": "secret"})

    assert answer.status_code == 429
    assert b"Too many wrong passwords" in answer.content
    cache.clear()


def test_the_session_changes_its_key_when_somebody_signs_in(client: Client) -> None:
    person("vera")
    client.get("/signin/")
    client.session.save()
    before = client.session.session_key

    client.post("/signin/", {"username": "vera", "password": "secret"})

    assert client.session.session_key != before


def test_signing_out_takes_a_post(client: Client) -> None:
    client.force_login(person("vera"))

    assert client.get("/signout/").status_code == 405
    assert client.post("/signout/")["Location"] == "/signin/"
    assert client.get("/").status_code == 302


def test_a_form_without_its_token_is_refused_with_a_sentence() -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(person("vera"))

    answer = strict.post("/signout/")

    assert answer.status_code == 403
    assert b"This form is too old" in answer.content


@pytest.mark.parametrize("address", ["/", "/work/", "/decide/", "/decide/count/", "/search/", "/permissions/"])
def test_pages_that_only_show_take_no_post(client: Client, address: str) -> None:
    client.force_login(person("vera"))

    assert client.post(address).status_code == 405
    assert client.head(address).status_code == 200


def test_an_unknown_address_is_answered_by_a_page_that_helps(client: Client) -> None:
    client.force_login(person("vera"))

    answer = client.get("/nowhere/")

    assert answer.status_code == 404
    assert b"Nothing here" in answer.content
    assert b'action="/search/"' in answer.content


def the_bar(client: Client, page: str) -> str:
    html = client.get(page).content.decode()
    return html[html.index('<nav class="entries"') : html.index("</nav>")]


def test_only_places_that_exist_are_in_the_bar(client: Client) -> None:
    client.force_login(person("ada", role="admin"))
    bar = the_bar(client, "/work/")

    shown = set(re.findall(r"<span>(\w+)</span>", bar)) - {"Search", "More"}

    assert {"Watch", "Work", "Demo"} <= shown <= {str(place.label) for place in PLACES}
    assert re.search(r'href="/work/" aria-current="page"', bar)


def test_places_one_may_not_read_are_not_in_the_bar(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = Place(gettext_lazy("Secret"), "lock", "permissions", "audit")
    monkeypatch.setattr(navigation, "PLACES", (*PLACES, secret))
    client.force_login(person("vera"))
    olga = Client()
    olga.force_login(person("olga", role="operator"))

    assert ">Secret<" in the_bar(olga, "/work/")
    assert ">Secret<" not in the_bar(client, "/work/")


def test_somebody_without_a_role_finds_only_what_they_may_do_in_the_bar(client: Client) -> None:
    client.force_login(person("newcomer", role=""))

    assert re.findall(r"<span>(\w+)</span>", the_bar(client, "/permissions/")) == ["Search"]


def test_my_permissions_say_what_i_may_and_who_may_the_rest(client: Client) -> None:
    client.force_login(person("vera", role="support"))

    html = client.get("/permissions/").content.decode()

    assert "See instances, their status and history" in html
    assert "Retry needs the right to try failed work again (operator or admin)." in html
    assert html.count(">In all processes<") == 1


def test_my_permissions_differ_by_process_where_my_roles_do(client: Client) -> None:
    account = person("vera", role="support")
    ScopedRole.objects.create(user=account, role="operator", workflow="return")
    client.force_login(account)

    html = client.get("/permissions/").content.decode()

    assert "<b>operator for return, support</b>" in html
    assert re.findall(r'<th scope="col">(\w+)</th>', html) == ["Order", "Return"]
    row = html[html.index("Try failed work again") :]
    assert re.findall(r"</svg>(yes|no)<", row[: row.index("</tr>")]) == ["no", "yes"]
    assert "you have it for return only" in row[: row.index("</tr>")]


def test_every_capability_is_in_exactly_one_area() -> None:
    named = [name for _, names in AREAS for name in names]

    assert sorted(named) == sorted(CAPABILITIES)


def test_the_style_guide_shows_every_component(rf: RequestFactory) -> None:
    request = rf.get("/styleguide/")
    request.user = person("vera")

    html = styleguide(request).content.decode()

    for piece in ("mark", "track", "outside", "needs", "spark", "notice", "acts", "empty", "course"):
        assert re.search(rf'class="[^"]*\b{piece}\b', html), piece


def test_the_style_guide_is_not_for_visitors(client: Client) -> None:
    client.force_login(person("vera"))

    assert client.get("/styleguide/").status_code == 404
