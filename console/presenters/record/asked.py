"""What the address of the record asks for: the tab, and what it is narrowed to; a slip of the pen is named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from workflows.queries.ledger import INBOUND, OUTBOUND, LedgerFilters
from workflows.queries.published import EventFilters
from workflows.queries.record import AuditFilters

TABS = {
    "audit": gettext_lazy("Audit"),
    "events": gettext_lazy("Published events"),
    "ledger": gettext_lazy("Idempotency ledger"),
}
#: what each tab can be narrowed by
NARROWS = {
    "audit": ("actor", "kind", "action", "workflow", "number", "allowed", "from", "to", "act", "correlation"),
    "events": ("workflow", "type", "number"),
    "ledger": ("scope", "key"),
}
#: whoever acts by a decision; the system's own acts are by far the most
DECIDERS = "deciders"
KINDS = {
    DECIDERS: gettext_lazy("anybody but the system"),
    "user": gettext_lazy("a person"),
    "client": gettext_lazy("a program"),
    "policy": gettext_lazy("a policy"),
    "system": gettext_lazy("the system"),
}
OUTCOMES = {"yes": gettext_lazy("what was done"), "no": gettext_lazy("what was refused")}


@dataclass(frozen=True, slots=True)
class Tab:
    """One part of the record."""

    label: str
    url: str
    here: bool


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a filter."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Select:
    """One filter of the sentence; `none` is what it says when it narrows nothing."""

    name: str
    label: str
    none: str
    options: list[Option]


@dataclass(frozen=True, slots=True)
class Term:
    """A filter that is not in the sentence, with the address of the list without it."""

    words: str
    without: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for. `problems` are sentences; with one of them nothing is listed."""

    tab: str
    chosen: Mapping[str, str]
    cursor: str
    problems: tuple[str, ...]
    audit: AuditFilters

    @property
    def events(self) -> EventFilters:
        """What published events are narrowed to."""
        return EventFilters(**{name: self.chosen.get(name, "") for name in NARROWS["events"]})

    @property
    def ledger(self) -> LedgerFilters:
        """What the ledger is narrowed to."""
        return LedgerFilters(**{name: self.chosen.get(name, "") for name in NARROWS["ledger"]})

    @property
    def timed(self) -> bool:
        """Whether the period is given by more than days, which a calendar could not show."""
        return any(len(self.chosen.get(name, "")) not in (0, 10) for name in ("from", "to"))

    def url(self, **changes: str) -> str:
        """The address of this list's first page, with some things changed; an empty value drops one."""
        named = {"tab": "" if self.tab == "audit" else self.tab, **self.chosen}
        kept = {name: value for name, value in (named | changes).items() if value}
        return f"{reverse('record')}?{urlencode(kept)}" if kept else reverse("record")


def read(given: Mapping[str, str]) -> Asked:
    """Understand the query of an address; names nobody knows are dropped, values nobody can mean are named."""
    tab = given.get("tab", "") if given.get("tab") in TABS else "audit"
    chosen = {name: given[name] for name in NARROWS[tab] if given.get(name)}
    problems: list[str] = []
    filters = _audit(chosen, problems) if tab == "audit" else AuditFilters()
    return Asked(tab, chosen, given.get("cursor", ""), tuple(problems), filters)


def _audit(chosen: Mapping[str, str], problems: list[str]) -> AuditFilters:
    if chosen.get("kind") not in (None, *KINDS):
        problems.append(_("“Who” is a person, a program, a policy or the system."))
    if chosen.get("allowed") not in (None, *OUTCOMES):
        problems.append(_("“Show” is everything, what was done, or what was refused."))
    after = _moment(chosen.get("from", ""), _("“From” takes a day such as 2026-01-31."), problems)
    before = _moment(chosen.get("to", ""), _("“To” takes a day such as 2026-01-31."), problems, whole_day=True)
    if after and before and after >= before:
        problems.append(_("The period ends before it begins."))
    return AuditFilters(
        actor=chosen.get("actor", ""),
        kinds=_kinds(chosen.get("kind", "")),
        action=chosen.get("action", ""),
        workflow=chosen.get("workflow", ""),
        number=chosen.get("number", ""),
        correlation_id=chosen.get("correlation", ""),
        act_id=_identity(chosen.get("act", ""), problems),
        allowed={"yes": True, "no": False}.get(chosen.get("allowed", "")),
        after=after,
        before=before,
    )


def _kinds(kind: str) -> tuple[str, ...]:
    if kind == DECIDERS:
        return ("user", "client", "policy")
    return (kind,) if kind else ()


def _moment(text: str, problem: str, problems: list[str], *, whole_day: bool = False) -> datetime | None:
    """A day, or a time of RFC 3339; the end of a period is the end of its day. Without a zone it is UTC."""
    if not text:
        return None
    try:
        if len(text) == 10:
            return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC) + timedelta(days=whole_day)
        found = datetime.fromisoformat(text.replace(" ", "+"))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        problems.append(problem)
        return None


def _identity(text: str, problems: list[str]) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        problems.append(_("An act has an id such as 01a21756-7b46-7091-ad04-63d8a05fec89."))
        return None


def tabs(asked: Asked) -> list[Tab]:
    """The parts of the record; each begins without filters."""
    urls = {name: Asked(name, {}, "", (), AuditFilters()).url() for name in TABS}
    return [Tab(str(label), urls[name], asked.tab == name) for name, label in TABS.items()]


def select(asked: Asked, name: str, label: str, none: str, options: Iterable[tuple[str, str]]) -> Select:
    """A filter with these choices (value, words); what is chosen is among them, whatever it is."""
    known = dict(options)
    value = asked.chosen.get(name, "")
    if value and value not in known:
        known[value] = value
    return Select(name, label, none, [Option(one, str(words), one == value) for one, words in known.items()])


def terms(asked: Asked) -> list[Term]:
    """Filters that links set: one act, one correlation id."""
    words = {
        "act": _("everything that act %(value)s caused"),
        "correlation": _("everything with correlation id %(value)s"),
    }
    return [
        Term(words[name] % {"value": value}, asked.url(**{name: ""}))
        for name, value in asked.chosen.items()
        if name in words
    ]


def directions() -> list[tuple[str, str]]:
    """The two sides of the ledger."""
    return [(INBOUND, _("we were given")), (OUTBOUND, _("we gave"))]
