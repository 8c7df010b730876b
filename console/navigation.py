"""Where one can go: the entries of the app bar that exist for this installation."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _


@dataclass(frozen=True)
class Entry:
    """One place in the app bar. `here` is true on the place itself and on everything below it."""

    label: str
    icon: str
    url: str
    here: bool


def entries(path: str) -> list[Entry]:
    """The app bar as seen from `path`; places whose pages are not installed are left out."""
    places = [(_("Watch"), "waypoints", "watch"), (_("Work"), "list", "work"), (_("Demo"), "flask-conical", "demo")]
    found = []
    for label, icon, name in places:
        try:
            url = reverse(name)
        except NoReverseMatch:
            continue
        found.append(Entry(label, icon, url, path == url if url == "/" else path.startswith(url)))
    return found
