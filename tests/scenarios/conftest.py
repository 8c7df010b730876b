"""One installation for all scenarios, people who sign in to it, and orders for them to look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.chaos.installation import Installation, installed
from tests.waiting import wait_until

#: business time passes sixty times faster, as in the demonstration
PACE = 60
#: seconds within which something must be on the screen, on a busy machine
PATIENCE = 30
PERSONAL = "CANARY-17850"

# Machines that test are busy; what never happens is found out late, what happens is seen at once.
expect.set_options(timeout=PATIENCE * 1000)

_numbers = count(1)


@dataclass
class Stack:
    """A running installation as people and programs use it."""

    installation: Installation
    browser: Browser
    contexts: dict[str, BrowserContext] = field(default_factory=dict)

    # --- people -----------------------------------------------------------------------------------------------------

    def page(self, user: str, path: str = "/") -> Page:
        """A page of the console, opened by a person who is signed in. A script error fails the test."""
        if user not in self.contexts:
            self.contexts[user] = self._signed_in(user)
        page = self.contexts[user].new_page()
        page.on("pageerror", _fail)
        page.goto(self.installation.url + path)
        return page

    def _signed_in(self, user: str) -> BrowserContext:
        context = self.browser.new_context()
        page = context.new_page()
        page.goto(f"{self.installation.url}/signin/")
        page.get_by_label("Name", exact=True).fill(user)
        page.get_by_label("Password").fill(f"{user}-demo")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("navigation", name="Main")).to_be_visible()
        page.close()
        return context

    # --- programs ---------------------------------------------------------------------------------------------------

    def api(self, user: str, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """One request to the API in the name of this user."""
        return httpx.request(
            method, f"{self.installation.url}/api/v1/{path}", json=body, trust_env=False, timeout=30,
            headers={"Authorization": f"Bearer {self.installation.token(user)}", **headers},
        )  # fmt: skip

    def order(self, key: str, user: str = "operator", **changes: Any) -> dict[str, Any]:
        """An order that was accepted; small and harmless unless more is said."""
        line = {"sku": "85123A", "description": "HEART T-LIGHT HOLDER", "quantity": 6, "unit_price": 2.55}
        raw = {
            "order_id": key, "placed_at": "2010-12-01T08:26:00Z", "customer_id": PERSONAL, "country": "United Kingdom",
            "currency": "GBP", "cancellation": False, "total": 15.3, "lines": [line], **changes,
        }  # fmt: skip
        answer = self.api(user, "POST", "workflows/order/instances", {"key": key, "input": raw})
        assert answer.status_code in (200, 201), answer.text
        found: dict[str, Any] = answer.json()
        return found

    def new_key(self, scenario: int) -> str:
        """An order number nobody has used, with a risk below 0.6."""
        from workflows.demo.simulators.fraud import SUSPICIOUS_SHARE, share_of

        names = (f"SC{scenario:02}-{number}" for number in _numbers)
        return next(name for name in names if share_of(f"fraud/{name}") > SUSPICIOUS_SHARE)

    def instance(self, instance_id: str) -> dict[str, Any]:
        """How an instance stands."""
        found: dict[str, Any] = self.api("operator", "GET", f"instances/{instance_id}").json()
        return found

    def comes_to(self, instance_id: str, *statuses: str, seconds: float = 60) -> None:
        """Wait until the instance has one of these statuses."""
        wait_until(
            lambda: self.instance(instance_id)["status"] in statuses,
            f"{self.instance(instance_id)['key']} is one of {statuses}", seconds,
        )  # fmt: skip

    def effects(self, key: str, service: str = "") -> list[dict[str, Any]]:
        """What really happened outside for this order."""
        ledger = httpx.get(f"{self.installation.simulators}/ledger", trust_env=False, timeout=30).json()
        return [one for one in ledger if one["subject"] == key and service in ("", one["service"])]

    def dials(self, **services: Any) -> None:
        """Turn the fault dials."""
        self.installation.turn_dials(services)

    def all_is_well(self) -> None:
        """Dials at their defaults, breakers closed."""
        self.installation.turn_dials({"reset": True})
        breakers = self.api("admin", "GET", "breakers").json()["results"]
        for breaker in breakers:
            if breaker["state"] in ("held_open", "held_closed"):
                self.api("admin", "POST", f"breakers/{breaker['name']}/release", {"reason": "next scenario"})
        wait_until(self._all_closed, "every breaker is closed", 60)

    def _all_closed(self) -> bool:
        breakers = self.api("admin", "GET", "breakers").json()["results"]
        for breaker in breakers:
            if breaker["state"] == "open":
                self.api("admin", "POST", f"breakers/{breaker['name']}/reset", {"reason": "next scenario"})
            if breaker["state"] in ("open", "half_open"):
                self.order(self.new_key(99))  # somebody has to probe
        return all(breaker["state"] == "closed" for breaker in breakers)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Stack]:
    """The installation, started by the one command a newcomer uses."""
    folder: Path = tmp_path_factory.mktemp("scenarios")
    for one in (folder, *folder.parents):
        if one.stat().st_mode & 0o005 != 0o005 and one != Path("/"):
            one.chmod(0o755)
    with installed(folder, pace=PACE) as installation:
        made = Stack(installation, browser)
        yield made
        for context in made.contexts.values():
            context.close()


@pytest.fixture(autouse=True)
def calm(stack: Stack) -> Iterator[None]:
    """Every scenario begins in a world in which everything works."""
    stack.all_is_well()
    yield
    for context in stack.contexts.values():
        for page in context.pages:
            page.close()


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """How the browser is started."""
    from tests.chromium import launch_options

    return launch_options()


@pytest.fixture(scope="session")
def base_url() -> None:
    """Addresses are written out in full here."""


def _fail(problem: object) -> None:
    raise AssertionError(f"the browser reports: {problem}")
