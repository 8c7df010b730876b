"""Signing in and staying signed in: slowed down, rotated, bounded in time, and over at once when a right is gone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client

from console import patience
from console.live.rights import viewers
from console.sessions import BEGAN, SEEN
from tests.security.people import Somebody, somebody
from workflows.engine import clock

pytestmark = pytest.mark.django_db

IDLE = timedelta(minutes=settings.SESSION_IDLE_MINUTES)
ABSOLUTE = timedelta(seconds=settings.SESSION_COOKIE_AGE)
SLACK = timedelta(seconds=30)


@pytest.fixture
def vera() -> Somebody:
    """Support, just signed in, with one page looked at."""
    found = somebody("vera", "support")
    found.get("/work/")
    return found


def end(person: Somebody) -> datetime:
    """When the session is over, as its row says."""
    return Session.objects.get(session_key=person.browser.session.session_key).expire_date


def ago(person: Somebody, **moments: timedelta) -> None:
    """Let the session have begun, or have been used last, so long ago."""
    session = person.browser.session
    for name, length in moments.items():
        session[name] = (clock.now() - length).isoformat()
    session.save()


def about(left: datetime, right: datetime) -> bool:
    return abs(left - right) < SLACK


def test_a_session_ends_when_nothing_is_done_for_a_while(vera: Somebody) -> None:
    assert about(end(vera), clock.now() + IDLE)


def test_doing_something_moves_the_end(vera: Somebody) -> None:
    ago(vera, seen_at=timedelta(minutes=30))
    Session.objects.update(expire_date=clock.now() + timedelta(minutes=5))

    vera.get("/permissions/")

    assert about(end(vera), clock.now() + IDLE)


def test_a_page_that_re_reads_itself_keeps_nobody_signed_in(vera: Somebody) -> None:
    ago(vera, seen_at=timedelta(minutes=30))
    before = end(vera)

    vera.browser.get("/work/", headers={"HX-Request": "true"})

    assert end(vera) == before


def test_no_doing_moves_the_end_beyond_the_absolute_one(vera: Somebody) -> None:
    ago(vera, began_at=ABSOLUTE - timedelta(minutes=10), seen_at=timedelta(minutes=30))

    vera.get("/permissions/")

    assert about(end(vera), clock.now() + timedelta(minutes=10))


def test_a_session_that_is_over_opens_no_page_no_answer_and_no_socket(vera: Somebody) -> None:
    key = vera.browser.session.session_key
    Session.objects.update(expire_date=clock.now() - timedelta(seconds=1))

    assert vera.get("/work/").status_code == 302
    assert vera.get("/api/v1/instances").status_code == 401
    assert viewers([key]) == {}


def test_what_somebody_does_is_noted_at_most_once_a_minute(vera: Somebody, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(3) as queries:  # session, person and roles; nothing is written
        vera.browser.get("/search/", headers={"HX-Request": "true"})

    assert not [query for query in queries if query["sql"].startswith("UPDATE")]


def test_a_session_knows_when_it_began_and_when_it_was_used(vera: Somebody) -> None:
    session = vera.browser.session

    assert {BEGAN, SEEN} <= set(session.keys())


def test_calls_with_a_token_have_no_session(vera: Somebody) -> None:
    before = Session.objects.count()

    answer = vera.api.get("instances")

    assert answer.status_code == 200 and Session.objects.count() == before and not answer.cookies


def test_the_session_changes_its_key_when_somebody_signs_in() -> None:
    somebody("olga", "operator")
    browser = Client()
    browser.get("/signin/")
    session = browser.session
    session["planted"] = "by somebody else"
    session.save()
    before = session.session_key
    browser.cookies[settings.SESSION_COOKIE_NAME] = before

    browser.post("/signin/", {"username": "olga", "password": "x-secret-x"})

    assert browser.session.session_key != before
    assert not Session.objects.filter(session_key=before).exists()


def test_signing_out_ends_the_session_for_whoever_copied_its_cookie(vera: Somebody) -> None:
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = vera.browser.session.session_key

    vera.browser.post("/signout/")

    assert thief.get("/work/").status_code == 302


def test_cookies_are_out_of_reach_for_scripts_and_other_sites() -> None:
    somebody("olga", "operator")

    answer = Client().post("/signin/", {"username": "olga", "password": "x-secret-x"})

    cookie = answer.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["path"] == "/" and not cookie["domain"]
    assert 0 < int(cookie["max-age"]) <= IDLE.total_seconds()


def test_cookies_are_sent_over_tls_only_where_there_is_tls(settings: Any) -> None:
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    somebody("olga", "operator")

    answer = Client().post("/signin/", {"username": "olga", "password": "x-secret-x"}, secure=True)

    assert all(cookie["secure"] for cookie in answer.cookies.values())


def test_guessing_is_slowed_down_by_name_and_by_address() -> None:
    cache.clear()
    somebody("olga", "operator")
    for attempt in range(patience.PER_NAME):
        Client().post("/signin/", {"username": "OLGA", "password": f"guess {attempt}"})

    assert Client().post("/signin/", {"username": "olga", "password": "x-secret-x"}).status_code == 429
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    assert elsewhere.post("/signin/", {"username": "olga", "password": "x-secret-x"}).status_code == 302
    cache.clear()


def test_one_address_cannot_try_many_names() -> None:
    cache.clear()
    for attempt in range(patience.PER_ADDRESS):
        patience.wrong(f"name {attempt}", "192.0.2.9")

    assert patience.exhausted("a name nobody tried", "192.0.2.9")
    assert not patience.exhausted("a name nobody tried", "192.0.2.10")
    cache.clear()


@pytest.mark.parametrize("change", ["role", "active", "password"])
def test_a_changed_right_takes_effect_with_the_next_click(vera: Somebody, change: str) -> None:
    account = User.objects.get(username="vera")
    assert vera.get("/work/").status_code == 200

    if change == "role":
        account.groups.clear()
    elif change == "active":
        User.objects.update(is_active=False)
    else:
        account.set_password("another one")
        account.save()

    assert vera.get("/work/").status_code == (403 if change == "role" else 302)
    assert viewers([vera.browser.session.session_key or ""]) == {}
