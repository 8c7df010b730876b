"""Every page passes the accessibility rules (WCAG 2.2 AA) in light, dark and on a phone, also after a re-read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from breakers import operations
from breakers.machine import State
from tests.engine.desk import Desk
from tests.stories import an_instance, ended, retrying, stuck
from tests.worlds import principal
from workflows import audit, interventions
from workflows.audit import Act
from workflows.engine import clock, gate, inbox
from workflows.interventions import governing, repairing

SignIn = Callable[..., Page]
PAGES = [
    "/", "/work/", "/work/?tab=late", "/search/", "/search/?q=nothing", "/permissions/", "/nowhere/", "/demo/",
    "/processes/", "/processes/order/", "/processes/order/?version=1", "/processes/return/",
    "/dependencies/", "/dependencies/fraud/", "/dependencies/payments/",
    "/work/order/536365/", "/work/order/536365/?tab=steps", "/work/order/536365/?tab=graph",
    "/repair/", "/repair/?tab=people&kind=all", "/repair/?tab=corrections", "/repair/?tab=callbacks",
    "/repair/?tab=operations", "/repair/?tab=callbacks&state=late", "/work/?cause=*%2F*%2Fpayments%2Ffailing",
    "/work/order/536365/?tab=data", "/work/order/536365/?tab=technical", "/work/order/536399/",
    "/record/", "/record/?actor=nobody", "/record/?from=tomorrow", "/record/?tab=events", "/record/?tab=ledger",
]  # fmt: skip
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def every_state() -> None:
    """Something in every state a list can show, and one real order."""
    desk = Desk()
    gate.open_up()
    until = clock.now() + timedelta(hours=1)
    operations.hold("payments", State.HELD_OPEN, until, clock.now(), actor="olga", reason="maintenance")
    operations.hold("fraud", State.HELD_OPEN, until, clock.now(), actor="olga", reason="maintenance")
    operations.release("fraud", clock.now(), actor="olga", reason="done")
    desk.play(desk.start("536365"))
    stuck("1")
    retrying("2")
    repairing.note(principal("pavel"), "*/*/payments/failing", "Maintenance until noon")
    back = desk.start("536366")
    desk.play(back)
    interventions.act(principal("pavel"), "cancel", back, reason="The customer called")
    desk.fail(desk.claimed(back, "submitted"), "already shipped", retryable=False)
    inbox.receive("erp", "w1", "erp.registered", "erp 536365", '{"reference": "ERP-536365", "accepted": true}')
    an_instance("3", lifecycle="paused", status="PaymentPending", stage="Payment")
    an_instance("4", lifecycle="compensating", status="CompensationInProgress", stage="Delivery")
    for number, (lifecycle, status) in enumerate(
        [
            ("completed", "Delivered"),
            ("compensated", "OrderCorrected"),
            ("cancelled", "OrderCancelled"),
            ("failed", "X"),
        ]
    ):
        ended(f"e{number}", lifecycle, status)
    governing.pause_intake(principal("pavel"), "return", reason="the warehouse counts")
    governing.roll_out(principal("ada", "admin"), "order", stable=2, candidate=1, percent=10, reason="fewer questions")
    act = Act("user", "vera", "pause", "page", "c-42", "the customer called " * 20)
    audit.record(act, allowed=False, refusal="It is paused.", workflow="order", target="1")
    audit.record(act, allowed=True, workflow="order", target="1", before={"owner": "ann"}, after={"owner": "bob"})


def problems(page: Page) -> list[str]:
    """What the rules say about the page, one line each."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_every_page_is_accessible(sign_in: SignIn, web: str, look: str) -> None:
    every_state()
    page = sign_in("/")
    page.emulate_media(color_scheme="dark" if look == "dark" else "light")
    page.set_viewport_size({"width": 390, "height": 844} if look == "phone" else {"width": 1280, "height": 800})

    found: dict[str, list[str]] = {}
    for address in PAGES:
        page.goto(web + address)
        wide = [] if page.evaluate("document.documentElement.scrollWidth <= innerWidth") else ["wider than the screen"]
        found[address] = problems(page) + wide
    assert not any(found.values()), {address: what for address, what in found.items() if what}


def test_the_sign_in_page_is_accessible(page: Page, web: str) -> None:
    page.goto(f"{web}/signin/")

    assert problems(page) == []


def test_a_page_is_still_accessible_after_it_read_itself_again(sign_in: SignIn) -> None:
    from console.live import publish

    page = sign_in("/")

    publish.changed([(stuck("1"), 1)])
    expect(page.locator(".needs")).to_be_visible()

    assert problems(page) == []


def test_the_home_page_needs_no_scrolling_on_a_small_laptop(sign_in: SignIn) -> None:
    every_state()
    page = sign_in("/")
    page.set_viewport_size({"width": 1280, "height": 800})

    for part in ("h1", ".needs", ".board", ".pulse"):
        box = page.locator(part).first.bounding_box()
        assert box
        assert box["y"] + box["height"] <= 800, part
