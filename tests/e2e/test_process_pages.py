"""Processes in a real browser: deciding by form, with and without scripts, and what others see of it at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.test_accessibility import problems
from tests.stories import alive, an_instance, person, retrying, stuck
from tests.worlds import principal
from workflows.engine import clock
from workflows.interventions import governing
from workflows.models import PausedIntake, Rollout

SignIn = Callable[..., Page]


def colleague_pauses(workflow: str = "order", reason: str = "the warehouse counts") -> None:
    governing.pause_intake(principal("otto"), workflow, reason=reason)


def test_an_admin_shares_new_orders_between_versions(sign_in: SignIn) -> None:
    page = sign_in("/processes/order/", role="admin")
    expect(page.locator(".lead")).to_contain_text("New orders take version 2, the newest.")

    page.locator("#act-rollout summary").click()
    page.select_option("#rollout-stable", "1")
    page.select_option("#rollout-candidate", "2")
    page.fill("#rollout-percent", "110")
    page.fill("#reason-rollout", "first real orders")
    page.locator("#act-rollout button").click()
    expect(page.locator("#wrong-percent")).to_contain_text("between 0 and 100")
    expect(page.locator("#reason-rollout")).to_have_value("first real orders")
    page.fill("#rollout-percent", "10")
    page.locator("#act-rollout button").click()

    expect(page.locator(".lead")).to_contain_text("New orders take version 1; 10 % try version 2.")
    expect(page.locator(".process-last")).to_contain_text("olga: “first real orders”")
    assert Rollout.objects.get().percent == 10


def test_an_operator_pauses_and_resumes_and_a_second_screen_sees_it_at_once(sign_in: SignIn, web: str) -> None:
    page = sign_in("/processes/order/")
    second, home = page.context.new_page(), page.context.new_page()
    second.goto(f"{web}/processes/")
    home.goto(web)

    page.locator("#act-pause summary").click()
    page.select_option("#pause-lasts", "15")
    page.fill("#reason-pause", "stock count")
    page.locator("#act-pause button").click()
    expect(page.locator(".lead")).to_contain_text("Intake of orders is paused by olga until")
    expect(second.locator("tr[data-key='process-order']")).to_contain_text("paused by olga")
    expect(home.locator(".watch-notice")).to_contain_text("stock count")

    page.locator("#act-resume summary").click()
    page.fill("#reason-resume", "counted")
    page.locator("#act-resume button").click()
    expect(page.locator(".lead")).to_contain_text("New orders take version 2")
    expect(second.locator("tr[data-key='process-order']")).to_contain_text("open")
    expect(home.locator(".watch-notice")).to_have_count(0)


def test_a_reason_that_is_being_written_stays_while_the_page_reads_itself_again(sign_in: SignIn) -> None:
    page = sign_in("/processes/order/")
    page.locator("#act-pause summary").click()
    page.locator("#reason-pause").press_sequentially("the month ends")
    page.select_option("#pause-lasts", "240")

    colleague_pauses()

    expect(page.locator(".lead")).to_contain_text("paused by otto")
    expect(page.locator("#reason-pause")).to_have_value("the month ends")
    expect(page.locator("#pause-lasts")).to_have_value("240")


def test_the_drawing_leads_to_those_who_are_at_a_step(sign_in: SignIn) -> None:
    stuck("536365", version=2)
    stuck("536366", version=1)
    page = sign_in("/processes/order/", role="support")

    page.locator(".graph a").click()

    page.wait_for_url("**/work/?*step=charge*")
    expect(page.locator("#list")).to_contain_text("Order 536365")
    expect(page.locator("#list")).not_to_contain_text("Order 536366")


def test_pausing_choosing_and_resuming_need_no_script(browser: Browser, web: str) -> None:
    alive("worker", "pump")
    person("ada", "admin")
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{web}/processes/")
    page.fill("[name=username]", "ada")
    page.fill("[name=password]", "secret")
    page.click("main button")
    page.click("a.process-link[href='/processes/order/']")

    until = clock.now() + timedelta(hours=3)
    page.click("#act-pause summary")
    page.fill("#pause-until", f"{until:%Y-%m-%dT%H:%M}")
    page.fill("#reason-pause", "stock count")
    page.click("#act-pause button")
    expect(page.locator(".lead")).to_contain_text(f"is paused by ada until {until:%H:%M}")
    page.click("#act-resume summary")
    page.fill("#reason-resume", "counted")
    page.click("#act-resume button")
    expect(page.locator(".lead")).to_contain_text("New orders take version 2")
    page.click("#act-rollout summary")
    page.select_option("#rollout-stable", "1")
    page.fill("#reason-rollout", "too many questions")
    page.click("#act-rollout button")

    expect(page.locator(".lead")).to_contain_text("New orders take version 1.")
    assert not PausedIntake.objects.exists()


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_open_forms_their_errors_and_folds_are_accessible(sign_in: SignIn, web: str, look: str) -> None:
    stuck("1", version=2)
    retrying("2", version=2)
    an_instance("3", version=7)
    page = sign_in("/processes/", role="admin")
    colleague_pauses(reason="counting" * 60)
    page.emulate_media(color_scheme="dark" if look == "dark" else "light")
    page.set_viewport_size({"width": 390, "height": 844} if look == "phone" else {"width": 1280, "height": 800})

    found = {}
    for action in ("rollout", "pause", "resume"):
        page.goto(f"{web}/processes/order/")
        page.locator("#process-table summary").click()
        page.locator("#process-others summary").click()
        page.locator(f"#act-{action} summary").click()
        if action == "rollout":
            page.fill("#rollout-percent", "many")
            page.fill("#reason-rollout", "x")
            page.locator("#act-rollout button").click()
            expect(page.locator("#wrong-percent")).to_be_visible()
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found[action] = problems(page) + ([f"{wide} px too wide"] if wide > 0 else [])
    assert not any(found.values()), found


@pytest.mark.parametrize("width", [721, 900, 1024, 1181, 1280, 1401, 1600])
def test_the_bar_has_room_for_every_place(sign_in: SignIn, width: int) -> None:
    page = sign_in("/processes/", role="admin")
    page.set_viewport_size({"width": width, "height": 800})

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tall = "[...document.querySelectorAll('.bar a, .bar summary')].filter(one => one.scrollHeight > 50).length"
    assert page.evaluate(tall) == 0
    box = page.locator(".find input").bounding_box()
    assert box and box["width"] >= 120
