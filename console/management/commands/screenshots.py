"""Takes a picture of every page of a running demonstration: light, dark, and on a phone."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import httpx
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: width, height, colour scheme
LOOKS = {"light": (1280, 800, "light"), "dark": (1280, 800, "dark"), "phone": (390, 844, "light")}
#: what makes the pictures worth looking at: money is slow to move and the ERP takes its time
TROUBLE = {"payments": {"error_rate": 0.6}, "erp": {"callback": {"delay_s": 8, "drop_rate": 0.2}}}
CHROMIUM = Path("/usr/bin/chromium")
TABS = ("milestones", "steps", "graph", "data", "technical")


class Command(BaseCommand):
    requires_system_checks = ()
    help = "Take a picture of every page of the running demonstration into docs/screenshots."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--out", type=Path, default=Path(settings.BASE_DIR) / "docs" / "screenshots")
        parser.add_argument("--trouble", type=int, default=40, metavar="SECONDS", help="break things for so long first")

    def handle(self, *args: Any, **options: Any) -> None:
        demo = running_demo(Path(settings.DATA_DIR))
        out: Path = options["out"]
        out.mkdir(parents=True, exist_ok=True)
        with in_trouble(demo, options["trouble"]):
            count = take(demo, out)
        self.stdout.write(f"{count} pictures are in {out}.")


def running_demo(data_dir: Path) -> dict[str, Any]:
    """Addresses and sign-ins of the demonstration that runs on this data directory. CommandError if none does."""
    try:
        demo: dict[str, Any] = json.loads((data_dir / "demo.json").read_text())
        demo |= {name: demo[name].rstrip("/") for name in ("url", "simulators_url")}
        httpx.get(f"{demo['url']}/readyz", timeout=5, trust_env=False).raise_for_status()
    except (OSError, ValueError, KeyError, httpx.HTTPError):
        raise CommandError(f"No demonstration runs on {data_dir}. Start one with `make up`.") from None
    return demo


@contextmanager
def in_trouble(demo: dict[str, Any], seconds: int) -> Iterator[None]:
    """Turn the fault dials until work has piled up; turn them back afterwards."""
    address = f"{demo['simulators_url']}/faults"
    before = httpx.get(address, timeout=5, trust_env=False).json()
    httpx.put(address, json=TROUBLE, timeout=5, trust_env=False).raise_for_status()
    try:
        _until_piled_up(demo, seconds)
        yield
    finally:
        httpx.put(address, json=before, timeout=5, trust_env=False)


def _until_piled_up(demo: dict[str, Any], seconds: int) -> None:
    """Wait until something needs a person, at most so long."""
    end = monotonic() + seconds
    while monotonic() < end and not _some_key(demo, needs_person="true"):
        sleep(1)


def _some_key(demo: dict[str, Any], **filters: str) -> str:
    """The key of an order that fits, or nothing."""
    found = _first(demo, "operator", "instances", workflow="order", **filters)
    return str(found["key"]) if found else ""


def _first(demo: dict[str, Any], user: str, what: str, **filters: str) -> dict[str, Any] | None:
    """The first row of a list of the API."""
    answer = httpx.get(
        f"{demo['url']}/api/v1/{what}",
        params={"page_size": "1", **filters},
        headers={"Authorization": f"Bearer {demo['users'][user]['token']}"},
        timeout=10,
        trust_env=False,
    )
    found = answer.json()["results"]
    return found[0] if found else None


def pages(demo: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Name and address of every page behind the sign-in, by the person who works there."""
    asked = _first(demo, "approver", "approvals", state="open")
    return {
        "operator": _operators_pages(demo),
        "approver": {"decide": "/decide/"} | ({"decision": f"/decide/{asked['id']}/"} if asked else {}),
        "admin": {"admin": "/admin/"},
    }


def _operators_pages(demo: dict[str, Any]) -> dict[str, str]:
    found = {
        "watch": "/", "work": "/work/?tab=live", "search-nothing": "/search/?q=999999", "permissions": "/permissions/",
        "demo": "/demo/", "not-found": "/nowhere/", "repair": "/repair/", "repair-people": "/repair/?tab=people",
        "repair-corrections": "/repair/?tab=corrections", "repair-callbacks": "/repair/?tab=callbacks&state=all",
        "repair-operations": "/repair/?tab=operations",
        "dependencies": "/dependencies/", "dependency": "/dependencies/payments/",
        "processes": "/processes/", "process": "/processes/order/",
        "record": "/record/?kind=deciders",
        "record-events": "/record/?tab=events", "record-ledger": "/record/?tab=ledger",
    }  # fmt: skip
    orders = {
        "order-needs-a-person": _some_key(demo, needs_person="true"),
        "order-waits": _some_key(demo, lifecycle="waiting", needs_person="false"),
        "order-delivered": _some_key(demo, lifecycle="completed"),
        "order-corrected": _some_key(demo, lifecycle="compensated"),
    }
    found |= {name: f"/work/order/{key}/" for name, key in orders.items() if key}
    shown = orders["order-delivered"] or orders["order-waits"]
    return found | {f"order-{tab}": f"/work/order/{shown}/?tab={tab}" for tab in TABS[1:] if shown}


def take(demo: dict[str, Any], out: Path) -> int:
    """Write the pictures as NAME-LOOK.png and say how many there are."""
    from playwright.sync_api import sync_playwright  # a development dependency

    by_user = pages(demo)
    with sync_playwright() as playwright:
        installed = {"executable_path": str(CHROMIUM)} if CHROMIUM.exists() else {}
        browser = playwright.chromium.launch(args=["--no-sandbox"], **installed)  # type: ignore[arg-type]
        for look, (width, height, scheme) in LOOKS.items():
            for user, addresses in by_user.items():
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
                _sign_in(page, demo, user, out / f"signin-{look}.png")
                for name, address in addresses.items():
                    page.goto(demo["url"] + address)
                    page.screenshot(path=out / f"{name}-{look}.png")
                page.close()
        browser.close()
    return len(LOOKS) * (1 + sum(map(len, by_user.values())))


def _sign_in(page: Page, demo: dict[str, Any], user: str, picture: Path) -> None:
    page.goto(f"{demo['url']}/signin/")
    page.screenshot(path=picture)
    page.fill("[name=username]", user)
    page.fill("[name=password]", demo["users"][user]["password"])
    page.click("main button")
