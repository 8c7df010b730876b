"""Reading and finding work in a browser that runs no scripts at all."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.stories import alive, person, stuck


def test_signing_in_finding_and_narrowing_need_no_script(browser: Browser, web: str) -> None:
    alive("worker", "pump")
    person("vera")
    stuck("536365")
    page = browser.new_context(java_script_enabled=False).new_page()

    page.goto(web)
    page.fill("[name=username]", "vera")
    page.fill("[name=password]", "secret")
    page.click("main button")
    expect(page.locator("h1")).to_contain_text("1 cause needs a person")

    page.goto(f"{web}/work/")
    page.select_option("[name=workflow]", "return")
    page.click("form.filter button")
    expect(page.locator("#list")).to_contain_text("Nothing fits")

    page.fill(".bar input", "536365")
    page.press(".bar input", "Enter")
    page.wait_for_url("**/work/order/536365/")
