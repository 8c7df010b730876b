"""Operators: what is broken, how many does it touch, and can I fix it safely."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page, expect
from standardwebhooks import Webhook

from tests.scenarios.conftest import PATIENCE, Stack
from tests.waiting import wait_until

pytestmark = pytest.mark.scenario

BROKEN = {"error_rate": 1.0}


def act(page: Page, action: str, reason: str, **fields: str) -> None:
    """Open an act of the page, fill its form in and send it."""
    form = page.locator(f"#act-{action}")
    form.locator("summary").first.click()
    form.get_by_label("Reason", exact=True).fill(reason)
    for name, value in fields.items():
        form.locator(f"[name={name}]").fill(value)
    form.locator("form button").last.click()


def test_07_a_worker_dies_and_its_work_is_found_and_finished(stack: Stack) -> None:
    stack.dials(fraud={"latency_ms": 2500})
    order = stack.order(stack.new_key(7))
    wait_until(lambda: _leased(stack, order["id"]), "the fraud check runs", PATIENCE)
    page = stack.page("operator", f"/work/order/{order['key']}/?tab=technical&all=1")

    for worker in stack.installation.processes("celery"):
        os.kill(worker.pid, signal.SIGKILL)

    expect(page.locator("#tab")).to_contain_text("was lost", timeout=90_000)
    stack.dials(fraud={"latency_ms": 0})
    stack.comes_to(order["id"], "Delivered", seconds=90)
    assert len(stack.effects(order["key"], "payments")) == 1


def _leased(stack: Stack, instance_id: str) -> bool:
    query = "SELECT 1 FROM workflows_work WHERE instance_id = %s AND step = 'risk' AND session_id IS NOT NULL"
    return bool(stack.installation.ask(query, instance_id))


def test_10_and_11_a_retry_says_whether_it_can_do_harm_and_is_called_done_when_it_is(stack: Stack) -> None:
    stack.dials(payments={"timeout_after_effect_rate": 1.0, "hang_s": 6})
    order = stack.order(stack.new_key(10))
    stack.comes_to(order["id"], "PaymentRetrying", "PaymentUnavailable")
    assert len(stack.effects(order["key"], "payments")) == 1, "it was charged, and nobody here knows"
    page = stack.page("operator", f"/work/order/{order['key']}/")

    form = page.locator("#act-retry")
    form.locator("summary").first.click()
    expect(form).to_contain_text("returns the stored outcome")
    stack.dials(payments={"timeout_after_effect_rate": 0.0})
    form.get_by_label("Reason", exact=True).fill("the provider answers again")
    form.locator("form button").last.click()

    asked = page.locator("#operations")
    expect(asked).to_contain_text("the provider answers again")
    stack.comes_to(order["id"], "Delivered", seconds=120)
    expect(asked).to_contain_text("verified")
    expect(asked.get_by_role("link", name="history")).to_be_visible()
    assert len(stack.effects(order["key"], "payments")) == 1


def test_14_what_was_done_is_reversed_and_a_refund_that_fails_is_done_outside(stack: Stack) -> None:
    stack.dials(carrier=BROKEN)
    order = stack.order(stack.new_key(14))
    stack.comes_to(order["id"], "DeliveryRetrying", "DeliveryUnavailable")
    page = stack.page("operator", f"/work/order/{order['key']}/")
    plan = page.locator("#act-compensate")
    plan.locator("summary").first.click()
    steps = plan.locator("ol.plan li")
    expect(steps.first).to_be_visible()
    assert steps.count() >= 3
    stack.dials(payments=BROKEN)

    plan.get_by_label("Reason", exact=True).fill("cannot be shipped")
    plan.locator("[name=word]").fill("correct")
    plan.locator("form button").last.click()
    expect(page.locator(".lead")).to_contain_text("being corrected")
    stack.dials(carrier={"error_rate": 0.0})  # delivery comes first, then what was registered, then the money
    wait_until(lambda: _refund_is_in_trouble(stack, order["id"]), "the refund is in trouble", 90)
    page.reload()
    act(page, "complete", "refunded by bank transfer", evidence="transfer 4711")

    stack.comes_to(order["id"], "OrderCorrected", seconds=90)
    page.reload()
    expect(page.locator(".lead")).to_contain_text("cannot be shipped")
    undone = [one["operation"] for one in stack.effects(order["key"], "warehouse")]
    assert len(undone) == 2, "reserved, and released once"


def _refund_is_in_trouble(stack: Stack, instance_id: str) -> bool:
    history = stack.api("operator", "GET", f"instances/{instance_id}/history?page_size=200").json()["results"]
    return any(
        one["step"] == "charge" and one["type"] in ("AttemptFailed", "StepParked", "PersonAsked")
        and one["data"].get("direction") == "compensate"
        for one in history
    )  # fmt: skip


def test_17_an_open_breaker_shows_what_it_holds_up_and_can_be_held_open(stack: Stack) -> None:
    stack.dials(fraud=BROKEN)
    orders = [stack.order(stack.new_key(17)) for _ in range(8)]
    wait_until(lambda: stack.api("admin", "GET", "breakers/fraud").json()["state"] == "open", "it opens", 60)
    late = stack.order(stack.new_key(17))
    stack.comes_to(late["id"], "FraudCheckUnavailable")
    page = stack.page("operator", "/dependencies/fraud/")
    expect(page.locator("main")).to_contain_text("next try")
    assert stack.api("admin", "GET", "breakers/fraud").json()["held_up"] >= 1

    act(page, "hold-open", "they asked us to stay away")
    expect(page.locator(".breaker-word")).to_contain_text("held open", ignore_case=True)
    stack.dials(fraud={"error_rate": 0.0})
    assert stack.instance(late["id"])["status"] == "FraudCheckUnavailable"
    act(page, "release", "they are back")

    for order in [*orders, late]:
        stack.comes_to(order["id"], "Delivered", seconds=120)
    query = "SELECT count(*) FROM workflows_event WHERE instance_id = %s AND type = 'AttemptFailed'"
    assert stack.installation.ask(query, late["id"])[0][0] <= 1, "only as a probe can it have failed"


def test_18_a_callback_has_one_effect_or_waits_in_the_inbox(stack: Stack) -> None:
    stack.dials(erp={"callback": {"duplicate_rate": 1.0, "delay_s": 0.5}})
    order = stack.order(stack.new_key(18))
    stack.comes_to(order["id"], "Delivered")
    nobody = f"ERP-{uuid4().hex[:8]}"
    assert _callback(stack, nobody).status_code == 202

    page = stack.page("operator", "/repair/?tab=callbacks")

    expect(page.locator("main")).to_contain_text(nobody)
    types = [one["type"] for one in _history(stack, order["id"])]
    assert types.count("InstanceEnded") == 1
    assert len([one for one in _history(stack, order["id"]) if one["step"] == "registered"]) == 2, "waited, answered"


def _history(stack: Stack, instance_id: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = stack.api(
        "operator", "GET", f"instances/{instance_id}/history?page_size=200"
    ).json()["results"]
    return found


def _callback(stack: Stack, key: str) -> httpx.Response:
    """A signed message about something nobody here knows."""
    body = (
        f'{{"type": "erp.registered", "key": "{key}", "data": {{"reference": "{key}", "erp_number": "1",'
        ' "accepted": true, "reason": null}}'
    )
    secret = stack.installation.services()["WEBHOOK_SECRETS"].split("=", 1)[1]
    identity, now = str(uuid4()), datetime.now(UTC)
    headers = {
        "webhook-id": identity, "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(identity, now, body), "Content-Type": "application/json",
    }  # fmt: skip
    address = f"{stack.installation.url}/api/v1/callbacks/erp"
    return httpx.post(address, content=body, headers=headers, timeout=30, trust_env=False)
