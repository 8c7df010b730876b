"""Looks at a page in a browser for anything that a hostile text has become: an element, a request, a wider page."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Page

#: Every element our own pages would not have, one line each; of this page or, parsed but not carried out, of a text.
_FOREIGN = """html => {
  const root = html === null ? document : new DOMParser().parseFromString(html, "text/html");
  const said = ["value", "title", "aria-label", "data-copy", "data-key", "data-revision"]; // anything may stand there
  const links = ["href", "src", "action", "formaction", "hx-get"];
  const here = value => new URL(value, location).origin === location.origin && !/^\\/+pwned/.test(value);
  const served = url => ["/static/", "/admin/jsi18n/"].some(place => url.startsWith(location.origin + place));
  const never = "iframe, object, embed, base, style, math, template, body link, body meta";
  const odd = element => element.matches(never)
    || element.matches("img, script[src]") && !served(element.src)
    || element.matches("script:not([src])") && element.type !== "application/json"
    || [...element.attributes].some(({ name, value }) => /^(on|hx-on|style$)/.test(name)
      || links.includes(name) && !here(value)
      || value.includes("pwned") && !said.includes(name) && !links.includes(name));
  return [...root.querySelectorAll("*")].filter(odd).map(one => one.outerHTML.slice(0, 200));
}"""
_STATE = """() => {
  const words = document.documentElement.textContent + document.title;
  return {
    "a script ran": window.pwned !== undefined || {}.pwned !== undefined,
    "a template was calculated": words.includes("49049"),
    "the direction of writing is turned": /[\\u202a-\\u202e\\u2066-\\u2069]/.test(words),
    "it is hidden": getComputedStyle(document.body).display === "none",
  };
}"""


def foreign(page: Page, html: str | None = None) -> list[str]:
    """What the page, or a text as a browser would understand it, has that no page of ours has."""
    found: list[str] = page.evaluate(_FOREIGN, html)
    return [f"element: {one}" for one in found]


@dataclass
class Watch:
    """What the browser did that no page of ours asks for."""

    web: str
    #: of the screen; no page is wider than these
    widths: tuple[int, ...] = (1280, 390)
    problems: list[str] = field(default_factory=list)

    def over(self, page: Page) -> None:
        """Note dialogs, windows, downloads, and requests to others or to what a payload names, from now on."""
        page.on("request", lambda request: self._asked(request.url))
        page.on("websocket", lambda socket: self._asked(socket.url.replace("ws://", "http://")))
        page.on("download", lambda download: self.problems.append(f"download: {download.url}"))
        page.on("popup", lambda other: self.problems.append(f"window: {other.url}"))
        page.on("dialog", lambda dialog: (self.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def look(self, page: Page) -> list[str]:
        """All problems since the last look, and those of the page as it is now."""
        found = self.problems + foreign(page) + [what for what, so in page.evaluate(_STATE).items() if so]
        self.problems = []
        for width in self.widths:
            page.set_viewport_size({"width": width, "height": 800})
            if (wide := page.evaluate("document.documentElement.scrollWidth - innerWidth")) > 0:
                found.append(f"{wide} px too wide at {width}")
        return found

    def _asked(self, url: str) -> None:
        if not url.startswith(f"{self.web}/") or urlsplit(url).path.startswith(("/pwned", "/signout")):
            self.problems.append(f"request: {url}")
