"""The parts of the Repair page and what its address asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext_lazy

#: name of the tab and its label
TABS = {
    "causes": gettext_lazy("Causes"),
    "people": gettext_lazy("People needed"),
    "corrections": gettext_lazy("Corrections"),
    "callbacks": gettext_lazy("Callbacks"),
    "operations": gettext_lazy("Operations"),
}
#: what narrows a tab, by its name
NARROWS = {
    "causes": ("cause", "show"),
    "people": ("kind", "cause"),
    "corrections": (),
    "callbacks": ("state", "source", "type", "key"),
    "operations": ("state", "actor"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for; everything unknown in it was dropped."""

    tab: str
    narrowed: Mapping[str, str]
    cursor: str = ""

    def get(self, name: str) -> str:
        """What the tab is narrowed to; empty if it is not."""
        return self.narrowed.get(name, "")

    def url(self, **changes: str) -> str:
        """The address of the same tab from its beginning, with some things changed; an empty value drops one."""
        tab = "" if self.tab == "causes" else self.tab
        kept = {name: value for name, value in ({"tab": tab, **self.narrowed} | changes).items() if value}
        return f"{reverse('repair')}?{urlencode(kept)}" if kept else reverse("repair")


@dataclass(frozen=True, slots=True)
class Tab:
    """One part of the page; `count` is empty where there is nothing or counting would be dear."""

    name: str
    label: str
    url: str
    here: bool
    count: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to narrow a tab."""

    label: str
    url: str
    here: bool
    count: str = ""


def asked(query: Mapping[str, str]) -> Asked:
    """What the query parameters ask for, as far as a database can be asked it."""
    named = {name: value.replace("\x00", "").strip()[:1000] for name, value in query.items()}
    tab = named.get("tab", "")
    tab = tab if tab in TABS else "causes"
    narrowed = {name: named[name] for name in NARROWS[tab] if named.get(name)}
    return Asked(tab, narrowed, named.get("cursor", ""))


def tabs(here: Asked, counts: Mapping[str, str]) -> list[Tab]:
    """All parts of the page, with the counts that are known."""
    return [
        Tab(name, str(label), Asked(name, {}).url(), name == here.tab, counts.get(name, ""))
        for name, label in TABS.items()
    ]


def bounded(count: int, most: int) -> str:
    """A count in words, honestly bounded; empty for none."""
    if not count:
        return ""
    return f"{most:,}+" if count > most else f"{count:,}"


def cause_url(key: str) -> str:
    """The address of one cause on the Repair page."""
    return Asked("causes", {"cause": key}).url()
