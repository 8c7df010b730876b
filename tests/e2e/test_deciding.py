"""Deciding in a real browser: by keys, without scripts, and on everybody else's screen at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from approvals.models import Approval, Vote
from tests.deciders import asked, decider, in_team
from tests.e2e.pages import settled
from tests.e2e.test_accessibility import problems
from tests.engine.desk import Desk
from tests.live.sockets import session_of
from tests.stories import person
from workflows import interventions
from workflows.interventions.deciding import decide

SignIn = Callable[..., Page]


def approver(sign_in: SignIn, address: str) -> Page:
    """The console as an approver of the fraud team."""
    page = sign_in("/permissions/", role="approver")
    in_team(User.objects.get(username="olga"))
    page.goto(page.url.replace("/permissions/", address))
    return page


def beside(browser: Browser, web: str, *addresses: str) -> list[Page]:
    """The screens of somebody else, one for each address."""
    context = browser.new_context()
    key = session_of(person("vera"))
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": web}])
    pages = [context.new_page() for _ in addresses]
    for page, address in zip(pages, addresses, strict=True):
        page.goto(web + address)
    return pages


def test_two_keys_walk_the_queue(sign_in: SignIn) -> None:
    desk = Desk()
    for key in ("A1", "A2", "A3"):
        asked(desk, key)
    page = approver(sign_in, "/decide/")

    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator(".kicker")).to_contain_text("Order A1")
    page.keyboard.press("n")
    expect(page.locator(".kicker")).to_contain_text("Order A2")
    settled(page)
    page.keyboard.press("a")
    expect(page.locator(".done")).to_contain_text("Order A2: Approved by olga.")
    expect(page.locator(".kicker")).to_contain_text("Order A3")
    settled(page)
    page.keyboard.press("r")  # a rejection needs a reason: the field is asked for
    expect(page.locator("#comment")).to_be_focused()
    page.keyboard.type("are these real?")
    page.keyboard.press("Tab")
    page.keyboard.press("r")
    expect(page.locator(".done")).to_contain_text("Order A3: Rejected by olga.")
    expect(page.locator(".kicker")).to_contain_text("Order A1")

    assert Approval.objects.get(key="A1").state == "open"
    assert Vote.objects.get(verdict="reject").comment == "are these real?"


def test_a_key_that_is_held_down_decides_one_question_only(sign_in: SignIn) -> None:
    desk = Desk()
    first = asked(desk, "A1")
    asked(desk, "A2")
    page = approver(sign_in, f"/decide/{first.id}/")
    settled(page)

    page.keyboard.down("a")
    expect(page.locator(".kicker")).to_contain_text("Order A2")
    settled(page)
    page.keyboard.down("a")  # repeats
    page.keyboard.up("a")

    assert Vote.objects.count() == 1


def test_letters_of_a_comment_decide_nothing(sign_in: SignIn) -> None:
    question = asked(Desk())
    page = approver(sign_in, f"/decide/{question.id}/")
    settled(page)

    page.locator("#comment").press_sequentially("a rather nice order")

    expect(page.locator("#comment")).to_have_value("a rather nice order")
    assert not Vote.objects.exists()


def test_a_click_moves_every_screen_that_shows_it(sign_in: SignIn, browser: Browser, web: str) -> None:
    desk = Desk()
    question = asked(desk, "A1")
    card, order, queue, home = beside(
        browser, web, f"/decide/{question.id}/", "/work/order/A1/", "/decide/?tab=all", "/"
    )
    expect(home.locator(".decisions")).to_contain_text("1 open")
    mine = approver(sign_in, f"/decide/{question.id}/")
    expect(mine.locator(".badge")).to_contain_text("1")

    mine.get_by_role("button", name="Approve").click()

    expect(mine.locator(".done")).to_contain_text("Approved by olga")
    expect(card.locator("#verdict")).to_contain_text("What came of it")
    expect(card.locator(".lead")).to_contain_text("Approved by olga")
    expect(order.locator(".events")).to_contain_text("olga approves")
    expect(order.get_by_text("A question is open")).to_have_count(0)
    expect(queue.locator("#list")).to_contain_text("No question is in this state")
    expect(home.locator(".decisions")).to_contain_text("Nobody is asked anything.")


def test_whoever_is_writing_a_comment_sees_that_somebody_was_first(sign_in: SignIn) -> None:
    question = asked(Desk())
    page = approver(sign_in, f"/decide/{question.id}/")
    page.locator("#comment").press_sequentially("I am not so sure")

    decide(decider("anna"), "approve", question.id, comment="a known customer")

    expect(page.locator(".lead")).to_contain_text("Approved by anna")
    expect(page.locator("#comment")).to_have_count(0)


def test_a_new_question_appears_in_the_queue_and_in_the_bar_by_itself(sign_in: SignIn) -> None:
    page = approver(sign_in, "/decide/")
    expect(page.locator("#list")).to_contain_text("Nothing waits for you")
    expect(page.locator(".badge")).to_be_hidden()

    asked(Desk(), "A1")

    expect(page.locator("#list")).to_contain_text("Order A1")
    expect(page.locator(".badge")).to_contain_text("1")


def test_deciding_needs_no_script(browser: Browser, web: str) -> None:
    desk = Desk()
    for key in ("A1", "A2"):
        asked(desk, key)
    in_team(person("anna", "approver"))
    page = browser.new_context(java_script_enabled=False).new_page()

    page.goto(web)
    page.fill("[name=username]", "anna")
    page.fill("[name=password]", "secret")
    page.click("main button")
    page.wait_for_url("**/decide/")
    page.click("text=Order A1")
    page.fill("#comment", "no such street")
    page.click("#verdict button:has-text('Reject')")
    expect(page.locator(".done")).to_contain_text("Order A1: Rejected by anna.")
    expect(page.locator(".kicker")).to_contain_text("Order A2")
    page.click("#verdict button:has-text('Approve')")

    page.wait_for_url("**/decide/?after=*")
    expect(page.locator("#list")).to_contain_text("Nothing waits for you")


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_every_page_of_deciding_is_accessible(sign_in: SignIn, web: str, look: str) -> None:
    desk = Desk()
    line = {"sku": "85123A", "description": "HEART T-LIGHT HOLDER", "quantity": 6, "unit_price": 2.55}
    page = approver(sign_in, "/decide/")
    page.emulate_media(color_scheme="dark" if look == "dark" else "light")
    page.set_viewport_size({"width": 390, "height": 844} if look == "phone" else {"width": 1280, "height": 800})
    empty = problems(page)
    own = asked(desk, "A1", by=interventions.user(User.objects.get(username="olga")))
    decided, waiting = asked(desk, "A2"), asked(desk, "A3", lines=[line] * 675)
    decide(decider("anna"), "reject", decided.id, comment="stolen card")

    found = {"empty": empty}
    cards = [f"/decide/{one.id}/" for one in (own, decided, waiting)]
    for address in ("/decide/", "/decide/?tab=decided", "/decide/?tab=all&state=all", "/", *cards):
        page.goto(web + address)
        wide = [] if page.evaluate("document.documentElement.scrollWidth <= innerWidth") else ["wider than the screen"]
        found[address] = problems(page) + wide
    assert not any(found.values()), {address: what for address, what in found.items() if what}


def test_the_buttons_are_on_the_first_screen_of_a_small_laptop(sign_in: SignIn) -> None:
    question = asked(Desk())
    page = approver(sign_in, f"/decide/{question.id}/")
    page.set_viewport_size({"width": 1280, "height": 800})

    for part in ("h1", ".reasons", "#comment", ".answers"):
        box = page.locator(part).first.bounding_box()
        assert box
        assert box["y"] + box["height"] <= 800, part
