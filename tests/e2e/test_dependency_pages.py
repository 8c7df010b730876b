"""Breakers in a real browser: what others do appears by itself, and what somebody is writing stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from breakers.models import Breaker
from tests.engine.desk import Desk
from tests.worlds import principal
from workflows.core import facts
from workflows.core.state import Direction
from workflows.engine import gate
from workflows.interventions import breaking

SignIn = Callable[..., Page]


@pytest.fixture(autouse=True)
def declared(transactional_db: None) -> None:
    gate.open_up()


def colleague(action: str, name: str = "fraud") -> None:
    breaking.act(principal("otto"), action, name, reason="they told us so")


def test_what_a_colleague_does_to_a_breaker_appears_by_itself(sign_in: SignIn) -> None:
    page = sign_in("/dependencies/", role="support")
    card = page.locator("#breaker-fraud")
    expect(card).to_contain_text("Calls pass.")

    colleague("hold-open")

    expect(card).to_contain_text("otto keeps calls away")
    expect(page.locator(".lead")).to_contain_text("Calls are kept away from: Fraud.")


def test_a_reason_that_is_being_written_stays_while_the_page_reads_itself_again(sign_in: SignIn) -> None:
    page = sign_in("/dependencies/fraud/")
    form = page.locator("#act-hold-closed")
    form.locator("summary").click()
    form.locator("textarea").press_sequentially("the month ends")
    form.locator("select").select_option("30")

    colleague("hold-open")

    expect(page.locator(".breaker-large")).to_contain_text("otto keeps calls away")
    expect(form.locator("textarea")).to_have_value("the month ends")
    expect(form.locator("textarea")).to_be_focused()
    expect(form.locator("select")).to_have_value("30")


def test_a_person_holds_a_breaker_and_releases_it(sign_in: SignIn) -> None:
    page = sign_in("/dependencies/fraud/")

    page.locator("#act-hold-open summary").click()
    page.locator("#act-hold-open textarea").fill("maintenance")
    page.locator("#act-hold-open button").click()
    expect(page.locator(".breaker-large")).to_contain_text("olga keeps calls away: “maintenance”.")
    page.locator("#act-release summary").click()
    page.locator("#act-release textarea").fill("done")
    page.locator("#act-release button").click()

    expect(page.locator(".breaker-large")).to_contain_text("find out whether it is back")
    assert Breaker.objects.get(name="fraud").state == "half_open"


def test_an_order_that_waits_hears_what_becomes_of_its_breaker(sign_in: SignIn) -> None:
    desk = Desk()
    order = desk.start("536365")
    claim = desk.claimed(order, "risk")
    desk.report(claim, facts.Barred(step="risk", direction=Direction.FORWARD, token=claim.token, dependency="fraud"))
    page = sign_in("/work/order/536365/")
    expect(page.locator(".lead")).to_contain_text("the fraud system can be called again")

    colleague("hold-open")

    expect(page.locator(".lead")).to_contain_text("otto keeps calls away from the fraud system until")


def test_on_a_phone_the_rest_of_the_places_is_behind_more(sign_in: SignIn) -> None:
    page = sign_in("/")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator(".entries > a[href='/dependencies/']")).to_be_hidden()

    page.locator(".more summary").click()
    page.locator(".more a[href='/dependencies/']").click()

    expect(page.locator("#breaker-fraud")).to_be_visible()
