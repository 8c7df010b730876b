"""Approvers: what happens if I click Approve."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.pages import settled
from tests.scenarios.conftest import PATIENCE, Stack
from tests.waiting import wait_until

pytestmark = pytest.mark.scenario


def waiting(stack: Stack, scenario: int, user: str = "operator") -> tuple[dict[str, Any], dict[str, Any]]:
    """An order of 1,500 GBP and the question about it."""
    order = stack.order(stack.new_key(scenario), user, total=1500.0)
    stack.comes_to(order["id"], "PendingHumanDecision")
    return order, question(stack, order["id"])


def question(stack: Stack, instance_id: str) -> dict[str, Any]:
    found = stack.api("approver", "GET", "approvals?page_size=500").json()["results"]
    return next(one for one in found if one["instance"] == instance_id)


def test_19_a_card_says_what_both_answers_do_and_one_key_decides(stack: Stack) -> None:
    order, asked = waiting(stack, 19)
    watching = stack.page("support", f"/work/order/{order['key']}/")
    page = stack.page("approver", "/decide/")
    page.get_by_role("link", name=order["key"]).click()

    main = page.locator("main")
    expect(main).to_contain_text("Is this order genuine?")
    expect(main).to_contain_text("1,500")
    expect(main).to_contain_text("Without a decision it is rejected")
    expect(page.locator("#verdict")).to_contain_text("Approve")
    expect(page.locator("#verdict")).to_contain_text("Nothing has been done")
    settled(page)
    page.keyboard.press("a")

    stack.comes_to(order["id"], "Delivered", seconds=90)
    expect(watching.locator(".lead")).to_contain_text("on its way")
    assert stack.api("approver", "GET", f"approvals/{asked['id']}").json()["decided_by"] == "approver"


def test_19_rejected_it_ends_with_a_sentence_one_can_read_out(stack: Stack) -> None:
    order, asked = waiting(stack, 19)
    page = stack.page("approver", f"/decide/{asked['id']}/")

    page.get_by_label("Comment").fill("The card was reported stolen.")
    page.get_by_role("button", name="Reject").click()

    stack.comes_to(order["id"], "OrderRejected")
    reader = stack.page("support", f"/work/order/{order['key']}/")
    expect(reader.locator(".lead")).to_contain_text("The card was reported stolen.")
    expect(reader.locator("main")).to_contain_text("You were not charged.")
    assert not stack.effects(order["key"], "payments")


def test_20_nobody_decides_about_their_own_order_and_the_attempt_is_on_record(stack: Stack) -> None:
    order, asked = waiting(stack, 20, user="approver")
    page = stack.page("approver", f"/decide/{asked['id']}/")
    expect(page.locator("#verdict")).to_contain_text("Nobody decides about their own work: you started it.")
    assert page.get_by_role("button", name="Approve").count() == 0

    refused = stack.api("approver", "POST", f"approvals/{asked['id']}/approve", {"comment": "mine"})

    assert refused.status_code == 403
    assert "you started it" in refused.json()["detail"]
    record = stack.page("admin", f"/record/?q={order['key']}")
    record.goto(f"{stack.installation.url}/record/")
    expect(record.locator("main")).to_contain_text("Nobody decides about their own work")
    assert stack.api("approver2", "POST", f"approvals/{asked['id']}/approve", {"comment": "known"}).status_code == 200


def test_21_two_decide_in_the_same_moment_and_the_second_learns_who_was_first(stack: Stack) -> None:
    order, asked = waiting(stack, 21)
    first = stack.page("approver", f"/decide/{asked['id']}/")
    second = stack.page("approver2", f"/decide/{asked['id']}/")
    scanned = stack.api("approver", "GET", f"approvals/{asked['id']}")
    assert scanned.json()["state"] == "open", "looking decides nothing"

    first.get_by_role("button", name="Approve").click()
    wait_until(lambda: question_state(stack, asked["id"]) == "approved", "the first click decides", PATIENCE)

    expect(second.locator("#decision")).to_contain_text("approver")
    late = stack.api("approver2", "POST", f"approvals/{asked['id']}/reject", {"comment": "too late"})
    assert late.status_code == 409
    assert "approved by approver" in late.json()["detail"]
    stack.comes_to(order["id"], "Delivered", seconds=90)


def question_state(stack: Stack, approval_id: str) -> str:
    return str(stack.api("approver", "GET", f"approvals/{approval_id}").json()["state"])
