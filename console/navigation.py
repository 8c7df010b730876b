"""Where one can go: the entries of the app bar that exist for this installation and are open to this person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from workflows.interventions import Principal, deciding, may_somewhere


@dataclass(frozen=True)
class Place:
    """One place the console may have: the name of its address, and the capability that opens it somewhere.

    On a phone only the `first` ones are in the bar, the others behind *More*.
    """

    label: Promise
    icon: str
    address: str
    needs: str
    #: how many things wait there for the person who looks
    counts: Callable[[Principal], int] | None = None
    first: bool = False


@dataclass(frozen=True)
class Entry:
    """One place in the app bar. `here` is true on the place itself and on everything below it."""

    label: str
    icon: str
    url: str
    here: bool
    #: None where nothing is counted
    count: int | None
    first: bool


#: every place, in the order of the bar; one whose address does not exist here is left out
PLACES = (
    Place(_("Watch"), "waypoints", "watch", "read", first=True),
    Place(_("Work"), "list", "work", "read", first=True),
    Place(_("Decide"), "hand", "decide", "approve", deciding.waiting_for, first=True),
    Place(_("Repair"), "rotate-ccw", "repair", "read"),
    Place(_("Dependencies"), "unplug", "dependencies", "read"),
    Place(_("Processes"), "workflow", "processes", "read"),
    Place(_("Record"), "history", "record", "audit"),
    Place(_("Demo"), "flask-conical", "demo", "read"),
)


def entries(path: str, principal: Principal) -> list[Entry]:
    """The app bar as this person sees it from `path`."""
    found = []
    for place in PLACES:
        try:
            url = reverse(place.address)
        except NoReverseMatch:
            continue
        if may_somewhere(principal, place.needs).allowed:
            here = path == url if url == "/" else path.startswith(url)
            count = place.counts(principal) if place.counts else None
            found.append(Entry(str(place.label), place.icon, url, here, count, place.first))
    return found
