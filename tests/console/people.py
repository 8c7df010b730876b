"""People with roles who look at pages in a browser without scripts."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from django.contrib.auth.models import Group, User
from django.http import HttpResponse
from django.test import Client


def signed_in(role: str, *, csrf: bool = False) -> Client:
    """The browser of a new person with this role; the role's name is theirs. An empty role has no rights."""
    account = User.objects.create_user(role or "nobody", password="x-secret-x")
    if role:
        account.groups.add(Group.objects.get_or_create(name=role)[0])
    browser = Client(enforce_csrf_checks=csrf)
    browser.force_login(account)
    return browser


@dataclass(frozen=True)
class Seen:
    """What a page says."""

    status: int
    text: str
    html: str

    def form(self, action: str) -> dict[str, str]:
        """The hidden fields of the form that does `action`."""
        at = self.html.index(f'name="action" value="{action}"')
        end = self.html.index("</form>", at)
        found = _Fields()
        found.feed(self.html[self.html.rindex("<form", 0, at) : end])
        return found.hidden


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.hidden: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input" and given.get("type") == "hidden":
            self.hidden[str(given["name"])] = given.get("value") or ""


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self.silent and data.strip():
            self.parts.append(data)


def seen(response: Any) -> Seen:
    """Status, visible text (spaces run together) and markup of a response."""
    assert isinstance(response, HttpResponse)
    html = response.content.decode()
    reader = _Text()
    reader.feed(html)
    return Seen(response.status_code, " ".join(" ".join(reader.parts).split()), html)
