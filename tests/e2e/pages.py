"""What browser tests wait for on any page."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def settled(page: Page) -> None:
    """Return once the page has been on the screen long enough for a key to decide."""
    expect(page.locator("html.settled")).to_be_attached()
