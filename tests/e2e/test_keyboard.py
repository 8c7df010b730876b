"""Everything can be reached with the keyboard, and most of it with one key."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.stories import an_instance

SignIn = Callable[..., Page]


def test_slash_leads_to_the_search_and_the_number_to_its_page(sign_in: SignIn) -> None:
    an_instance("536365")
    page = sign_in("/work/")

    page.keyboard.press("/")
    page.keyboard.type(" 536365 ")
    page.keyboard.press("Enter")

    page.wait_for_url("**/work/order/536365/")


def test_j_and_k_walk_the_rows_and_enter_opens_one(sign_in: SignIn) -> None:
    for key in ("1", "2", "3"):
        an_instance(key)
    page = sign_in("/work/")

    for pressed in "jjjk":
        page.keyboard.press(pressed)
    expect(page.locator("[data-row]:focus")).to_have_text("Order 2")
    page.keyboard.press("Enter")

    page.wait_for_url("**/work/order/2/")


def test_n_turns_the_page(sign_in: SignIn) -> None:
    for number in range(51):
        an_instance(f"{number:02}")
    page = sign_in("/work/")

    page.keyboard.press("n")

    expect(page.locator(".listing tbody tr")).to_have_count(1)


def test_letters_typed_into_a_field_are_only_letters(sign_in: SignIn) -> None:
    page = sign_in("/")

    page.keyboard.press("/")
    page.keyboard.type("jkn?/")

    expect(page.locator(".find input")).to_have_value("jkn?/")
    expect(page.locator("#help")).to_be_hidden()


def test_the_question_mark_explains_the_keys(sign_in: SignIn) -> None:
    page = sign_in("/")

    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")

    expect(page.locator("#help")).to_be_hidden()


def test_the_first_stop_of_the_tab_key_skips_the_bar(sign_in: SignIn) -> None:
    page = sign_in("/")

    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")

    expect(page.locator("#page")).to_be_focused()
