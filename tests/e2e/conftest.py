"""A real browser in front of the real web process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import BrowserContext, Page, expect

from tests.webserver import serving

# Machines that test are busy; what never happens is found out late, what happens is seen at once.
expect.set_options(timeout=20_000)

#: the distribution's browser, where there is one; otherwise the one that Playwright brings
CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """How the browser is started."""
    installed = {"executable_path": str(CHROMIUM)} if CHROMIUM.exists() else {}
    return {"args": ["--no-sandbox", "--disable-dev-shm-usage"], **installed}


@pytest.fixture(scope="session")
def base_url() -> None:
    """Addresses are written out in full here; the plugin's own fixture of this name is out of date."""


@pytest.fixture
def web(transactional_db: None) -> Iterator[str]:
    """The base address of the web process on this test's database."""
    with serving() as address:
        yield address


@pytest.fixture
def sign_in(context: BrowserContext, web: str) -> Callable[..., Page]:
    """Opens the console as a new person with a role; a script error or a blocked resource fails the test."""
    from tests.live.sockets import session_of
    from tests.stories import alive, person

    def opened(address: str = "/", role: str = "operator") -> Page:
        alive("worker", "pump")
        key = session_of(person("olga", role))
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": web}])
        page = context.new_page()
        page.on("pageerror", _fail)
        page.on("console", lambda message: _fail(message.text) if "Content Security Policy" in message.text else None)
        page.goto(web + address)
        return page

    return opened


def _fail(problem: object) -> None:
    raise AssertionError(f"the browser reports: {problem}")
