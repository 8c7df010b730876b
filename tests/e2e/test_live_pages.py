"""What changes is on the screen without a reload, and the page says when it is not live."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from playwright.sync_api import BrowserContext, Page, expect

from console.live import hub, publish
from tests.engine.desk import Desk
from tests.live.sockets import session_of
from tests.stories import an_instance, moved, person, stuck
from tests.webserver import serving
from tests.worlds import principal
from workflows.engine import inbox
from workflows.interventions import repairing, strays
from workflows.models import ScopedRole

SignIn = Callable[..., Page]


def told(*ids: str) -> None:
    """As the engine does after its commit."""
    publish.changed([(one, 99) for one in ids])


def test_the_home_page_shows_a_new_cause_by_itself(sign_in: SignIn) -> None:
    page = sign_in("/")
    expect(page.locator("h1")).to_contain_text("Nothing is under way")

    told(stuck("536365"))

    expect(page.locator(".needs")).to_contain_text("Order 536365")
    expect(page.locator("h1")).to_contain_text("1 cause needs a person")


def test_the_list_shows_new_work_by_itself_and_keeps_what_is_being_typed(sign_in: SignIn) -> None:
    page = sign_in("/work/")
    page.locator("form.filter input[type=search]").press_sequentially("5363")

    told(an_instance("536365"))

    expect(page.locator(".listing")).to_contain_text("Order 536365")
    expect(page.locator("form.filter input[type=search]")).to_have_value("5363")
    expect(page.locator("form.filter input[type=search]")).to_be_focused()


def test_an_open_order_moves_on_while_somebody_writes_a_reason(sign_in: SignIn, web: str) -> None:
    desk = Desk()
    order = desk.start("536365")
    desk.play(order, until="reserve")
    page = sign_in("/work/order/536365/")
    expect(page.locator(".lead")).to_contain_text("Charging")
    pausing = page.locator("details.act").filter(has_text="Pause").first
    pausing.locator("summary").click()
    pausing.locator("textarea").press_sequentially("the customer called")

    desk.play(order)
    told(str(order))

    expect(page.locator(".lead")).to_contain_text("Waiting for the ERP to confirm the order")
    expect(pausing.locator("textarea")).to_be_visible()
    expect(pausing.locator("textarea")).to_have_value("the customer called")
    expect(pausing.locator("textarea")).to_be_focused()


def test_a_cause_that_somebody_else_takes_is_shown_while_one_writes_a_note(sign_in: SignIn) -> None:
    stuck("536365")
    page = sign_in("/repair/")
    page.locator(".cause-more summary").click()
    page.locator(".cause-more textarea").press_sequentially("the issuer opens")

    repairing.take(principal("pavel"), "order/charge/payments/other")

    expect(page.locator(".cause-who")).to_contain_text("pavel has it")
    expect(page.locator(".cause-more textarea")).to_be_visible()
    expect(page.locator(".cause-more textarea")).to_have_value("the issuer opens")
    expect(page.locator(".cause-more textarea")).to_be_focused()


def test_a_stray_callback_appears_by_itself_and_again_when_it_was_set_aside(sign_in: SignIn) -> None:
    page = sign_in("/repair/?tab=callbacks")
    expect(page.locator("#repair")).to_contain_text("No callback lies here")

    stray = inbox.receive("erp", "w1", "erp.registered", "mistyped", "{}")
    expect(page.locator(".stray")).to_contain_text("mistyped")
    strays.ignore(principal("pavel"), stray.id, reason="from the test system")

    expect(page.locator("#repair")).to_contain_text("No callback lies here")


def test_what_redis_lost_appears_with_the_next_heartbeat(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "BEAT", 0.3)
    page = sign_in("/")
    order = stuck("536365")

    moved(order)

    expect(page.locator(".needs")).to_contain_text("Order 536365")


def test_a_page_without_its_server_says_so_and_catches_up_by_itself(
    context: BrowserContext, transactional_db: None
) -> None:
    with serving() as address:
        key = session_of(person("olga", "operator"))
        context.add_cookies([{"name": "sessionid", "value": key, "url": address}])
        page = context.new_page()
        page.goto(address)
        expect(page.locator("h1")).to_be_visible()
    expect(page.locator("#live")).to_contain_text("Not live. What you see is from")

    stuck("536365")
    with serving(urlsplit(address).port or 0):
        expect(page.locator(".needs")).to_contain_text("Order 536365", timeout=15_000)
        expect(page.locator("#live")).to_be_hidden()


def test_a_page_whose_person_signed_out_elsewhere_says_so(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "BEAT", 0.3)
    monkeypatch.setattr(hub, "RECHECK", 0.0)
    page = sign_in("/")

    Session.objects.all().delete()

    expect(page.locator("#live")).to_contain_text("You are no longer signed in")


def test_an_open_page_is_taken_away_from_somebody_who_may_no_longer_read_it(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "BEAT", 0.2)
    monkeypatch.setattr(hub, "RECHECK", 0.0)
    an_instance("536365")
    page = sign_in("/work/order/536365/")
    expect(page.locator("h1, .lead").first).to_be_visible()
    account = User.objects.get(username="olga")

    ScopedRole.objects.create(user=account, role="support", workflow="return")
    account.groups.clear()

    expect(page.locator("h1")).to_have_text("There is no order 536365")
