"""Reading and finding work in a browser that runs no scripts at all."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.engine.desk import Desk
from tests.stories import alive, person, stuck
from workflows import audit
from workflows.audit import Act
from workflows.engine import inbox


def test_signing_in_finding_and_narrowing_need_no_script(browser: Browser, web: str) -> None:
    alive("worker", "pump")
    person("vera")
    stuck("536365")
    page = browser.new_context(java_script_enabled=False).new_page()

    page.goto(web)
    page.fill("[name=username]", "vera")
    page.fill("[name=password]", "secret")
    page.click("main button")
    expect(page.locator(".bar .find input")).to_be_focused()
    page.goto(web)
    expect(page.locator("h1")).to_contain_text("1 cause needs a person")

    page.goto(f"{web}/work/")
    page.select_option("[name=workflow]", "return")
    page.click("form.filter button")
    expect(page.locator("#list")).to_contain_text("Nothing fits")

    page.fill(".bar .find input", "536365")
    page.press(".bar .find input", "Enter")
    page.wait_for_url("**/work/order/536365/")


def test_taking_a_cause_and_handing_over_an_answer_need_no_script(browser: Browser, web: str) -> None:
    alive("worker", "pump")
    person("olga", role="operator")
    stuck("536365")
    desk = Desk()
    order = desk.start("536366")
    desk.play(order)
    answer = {"reference": "ERP-536366", "erp_number": "45", "accepted": True, "reason": None}
    inbox.receive("erp", "w1", "erp.registered", "erp 536366", json.dumps(answer))
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{web}/repair/")
    page.fill("[name=username]", "olga")
    page.fill("[name=password]", "secret")
    page.click("main button")

    page.get_by_role("button", name="Take").click()
    expect(page.locator(".cause-who")).to_contain_text("olga has it")

    page.goto(f"{web}/repair/?tab=callbacks")
    page.get_by_text("Hand it over").first.click()
    page.locator(".stray-acts textarea").first.fill("mistyped by the ERP")
    page.get_by_role("button", name="Hand it over").click()
    expect(page.locator("#repair")).to_contain_text("No callback lies here")


def test_the_record_is_narrowed_unfolded_and_taken_away_without_a_script(browser: Browser, web: str) -> None:
    alive("worker", "pump")
    person("olga", "operator")
    act = Act("user", "vera", "pause", "page", "c-42", "stocktaking")
    audit.record(act, allowed=True, workflow="order", target="1", before={"owner": "ann"}, after={"owner": "bob"})
    audit.record(Act("policy", "night watch", "retry"), allowed=True, workflow="order", target="2")
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(web)
    page.fill("[name=username]", "olga")
    page.fill("[name=password]", "secret")
    page.click("main button")

    page.click("nav.entries a[href='/record/']")
    page.select_option("[name=kind]", "user")
    page.fill("[name=actor]", "vera")
    page.click("form.filter button")
    expect(page.locator(".record tbody tr")).to_have_count(1)
    page.click(".record summary")
    expect(page.locator(".record tbody .facts")).to_contain_text("c-42")

    page.click(".export summary")
    with page.expect_download() as saved:
        page.click("button[value=csv]")
    text = Path(saved.value.path()).read_text()
    assert saved.value.suggested_filename.startswith("audit-")
    assert "stocktaking" in text and "night watch" not in text
