"""Support: where is this order and why."""

from __future__ import annotations

import os
import signal

import httpx
import pytest
from playwright.sync_api import expect

from tests.scenarios.conftest import PATIENCE, PERSONAL, Stack
from tests.waiting import wait_until

pytestmark = [pytest.mark.scenario]


def test_01_a_pasted_number_leads_to_a_page_whose_first_line_answers(stack: Stack) -> None:
    key = stack.new_key(1)
    stack.dials(erp={"callback": {"delay_s": 300}})
    order = stack.order(key)
    stack.comes_to(order["id"], "ErpRegistrationPending")
    page = stack.page("support", "/work/")

    box = page.get_by_role("search").get_by_role("searchbox").first
    box.fill(f"  {key.lower()} ")
    box.press("Enter")

    lead = page.locator(".lead")
    expect(lead).to_contain_text("Waiting for the ERP to confirm the order since")
    expect(lead).to_contain_text("Next: ask the ERP at")
    expect(lead).to_contain_text("Owner: erp-team.")
    expect(page.locator("h1")).to_contain_text(key)


def test_02_milestones_come_first_and_the_address_keeps_the_choice(stack: Stack) -> None:
    order = stack.order(stack.new_key(2))
    stack.comes_to(order["id"], "Delivered")
    page = stack.page("support", f"/work/order/{order['key']}/")
    expect(page.locator("#tab")).to_contain_text("ERP registered")
    expect(page.locator("#tab")).not_to_contain_text("StepSucceeded")

    page.get_by_role("navigation", name="Parts of this page").get_by_role("link", name="Technical").click()
    expect(page.locator("#tab")).to_contain_text("StepSucceeded")
    page.reload()

    assert "tab=technical" in page.url
    expect(page.locator("#tab")).to_contain_text("StepSucceeded")


def test_03_personal_fields_are_masked_at_every_exit(stack: Stack) -> None:
    order = stack.order(stack.new_key(3))
    stack.comes_to(order["id"], "Delivered")
    seen = []
    for tab in ("milestones", "steps", "graph", "data", "technical"):
        page = stack.page("support", f"/work/order/{order['key']}/?tab={tab}&all")
        expect(page.locator(".lead")).to_contain_text("on its way")
        seen.append(page.content())
        page.close()
    paths = (f"instances/{order['id']}", f"instances/{order['id']}/history", "instances", "events")
    seen += [stack.api("support", "GET", path).text for path in paths]

    assert not [text for text in seen if PERSONAL in text]
    assert PERSONAL in stack.api("operator", "GET", f"instances/{order['id']}").text
    assert order["key"] in seen[0] and "Delivered" in seen[5]


def test_05_what_one_may_not_do_is_off_and_says_why(stack: Stack) -> None:
    stack.dials(erp={"callback": {"delay_s": 300}})
    order = stack.order(stack.new_key(5))
    stack.comes_to(order["id"], "ErpRegistrationPending")
    page = stack.page("support", f"/work/order/{order['key']}/")

    acts = page.locator("#acts")
    expect(acts).to_contain_text("needs the right to cancel instances and correct what was done (operator or admin)")
    cancel = acts.get_by_role("button", name="Cancel")
    assert cancel.count() == 0 or cancel.first.is_disabled()

    page.goto(f"{stack.installation.url}/permissions/")
    expect(page.locator("#page")).to_contain_text("See instances, their status and history")
    expect(page.locator("#page")).to_contain_text("Cancel needs the right to cancel instances")


def test_25_without_redis_the_console_answers_and_loses_nothing(stack: Stack) -> None:
    broker = stack.installation.processes("valkey-server", "redis-server")[0]
    broker_env = stack.api("operator", "GET", "workflows")
    assert broker_env.status_code == 200

    os.kill(broker.pid, signal.SIGSTOP)
    try:
        order = stack.order(stack.new_key(25))
        page = stack.page("support", "/")
        expect(page.locator("h1")).to_be_visible()
        wait_until(lambda: _degraded(stack), "the console says that Redis is away", PATIENCE)
    finally:
        os.kill(broker.pid, signal.SIGCONT)

    stack.comes_to(order["id"], "Delivered")
    assert len(stack.effects(order["key"], "payments")) == 1


def _degraded(stack: Stack) -> bool:

    answer = httpx.get(f"{stack.installation.url}/readyz", trust_env=False, timeout=10)
    return answer.status_code == 200 and "redis" in str(answer.json().get("degraded", ""))
