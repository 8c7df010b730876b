"""Tells what only a person can do: one line per instance, with why, what was found out, and where to act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from console.presenters.bodies import plain
from console.presenters.repair import causes
from console.presenters.repair.tabs import Asked, Choice, cause_url
from console.standings import definition_of
from console.statuswords import capital, system, words
from workflows.queries.asked import Request
from workflows.queries.failures import Part
from workflows.queries.instances import InstanceRow
from workflows.queries.notes import Note
from workflows.queries.trouble import APART, CORRECTION, FAILING, Cause, cause_of

#: candidates that are listed
MOST = 20
#: the kinds of help, the most pressing first
KINDS = {
    "unknown": gettext_lazy("Unknown outcomes"),
    CORRECTION: gettext_lazy("Corrections"),
    "asked": gettext_lazy("To be chosen"),
    "unanswered": gettext_lazy("Without an answer"),
    "permanent": gettext_lazy("Cannot succeed"),
    "lost": gettext_lazy("Lost workers"),
    FAILING: gettext_lazy("Given up"),
    "other": gettext_lazy("Others"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found out. `pieces` are numbers one can look up, such as candidates; else it is text."""

    label: str
    pieces: list[str]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One instance that needs a person."""

    id: str
    key: str
    url: str
    revision: int
    tone: str
    title: str
    reason: str
    #: what to do about it
    advice: str
    evidence: list[Finding]
    verb: str
    since: datetime
    deadline_at: datetime | None
    owner: str
    holder: str
    cause_url: str


def tasks(rows: Sequence[InstanceRow], requests: Mapping[UUID, Request], notes: Mapping[str, Note]) -> list[Task]:
    """The instances in words."""
    return [_task(row, requests.get(row.id), notes) for row in rows]


def kind_of(request: Request | None) -> tuple[str, bool]:
    """The kind of error as causes know it, and whether it is a correction that fails."""
    if request is None:
        return "other", False
    return FAILING if request.code == "exhausted" else request.code, request.correcting


def cause_of_row(row: InstanceRow, request: Request | None) -> Cause:
    """The cause that keeps this instance."""
    kind, correcting = kind_of(request)
    return cause_of(row.workflow, row.step, row.dependency, kind, correcting=correcting)


def choices(here: Asked, parts: Sequence[Part]) -> list[Choice]:
    """The kinds of help that are needed now, with how many need each."""
    counts: dict[str, int] = {}
    for part in parts:
        kind = CORRECTION if part.correcting else part.kind if part.kind in KINDS else "other"
        counts[kind] = counts.get(kind, 0) + part.people
    total = sum(counts.values())
    apart = total - counts.get(FAILING, 0)
    found = [Choice(_("One by one"), here.url(kind=""), not here.get("kind"), f"{apart:,}" if apart else "")]
    found += [
        Choice(str(label), here.url(kind=kind), here.get("kind") == kind, f"{counts.get(kind, 0):,}")
        for kind, label in KINDS.items()
        if counts.get(kind) or here.get("kind") == kind
    ]
    return [*found, Choice(_("Everything"), here.url(kind="all"), here.get("kind") == "all", f"{total:,}")]


def narrowed(here: Asked) -> str:
    """The kind of trouble the address asks for, as a query understands it."""
    kind = here.get("kind")
    if here.get("cause"):
        return ""
    return {"": APART, "all": ""}.get(kind, kind if kind in KINDS else APART)


def together(parts: Sequence[Part]) -> str:
    """What is not listed one by one, because it goes on together when its cause is mended; empty for nothing."""
    count = sum(part.people for part in parts if part.kind == FAILING and not part.correcting)
    template = ngettext(
        "%(n)s more used up its attempts. It can be tried again when its cause is mended.",
        "%(n)s more used up their attempts. They can be tried again together when their cause is mended.",
        count,
    )
    return template % {"n": f"{count:,}"} if count else ""


def _task(row: InstanceRow, request: Request | None, notes: Mapping[str, Note]) -> Task:
    definition = definition_of(row.workflow, row.version)
    kind, correcting = kind_of(request)
    cause = cause_of_row(row, request)
    note = notes.get(cause.key)
    home = reverse("instance", args=[row.workflow, row.key])
    run = f"?run={row.run}" if row.run > 1 else ""
    return Task(
        id=str(row.id),
        key=f"{capital(definition.noun if definition else row.workflow)} {row.key}",
        url=f"{home}{run}#acts",
        revision=row.revision,
        tone="unknown" if kind == "unknown" else "person",
        title=causes.step_title(definition, row.step, kind, correcting=correcting, status=row.status),
        reason=request.reason if request else row.reason,
        advice=_advice(row, kind, correcting=correcting),
        evidence=[_finding(name, value) for name, value in request.evidence.items()] if request else [],
        verb=_("Say it was done outside") if correcting else _("Look"),
        since=row.since,
        deadline_at=row.deadline_at,
        owner=row.owner,
        holder=note.holder if note else "",
        cause_url=cause_url(cause.key),
    )


def _finding(name: str, value: Any) -> Finding:
    label = capital(words(name))
    if isinstance(value, list) and all(isinstance(one, str | int) for one in value):
        return Finding(label, [str(one) for one in value[:MOST]], "" if value else _("none"))
    return Finding(label, [], plain(value))


def _advice(row: InstanceRow, kind: str, *, correcting: bool) -> str:
    """What somebody who knows would do about it."""
    about = {"system": system(row.dependency) if row.dependency else ""}
    if correcting:
        return _("Try again, or correct it there by hand and say so with evidence.")
    match kind:
        case "unknown" if row.dependency:
            return _("Look into %(system)s first: doing it again could do it twice.") % about
        case "asked":
            return _("Choose one of what was found, and enter it.")
        case "unanswered" if row.dependency:
            return _("Ask %(system)s, or hand over an answer that came astray.") % about
        case "permanent":
            return _("Mend what is wrong there or here, then try again; or cancel.")
        case "lost":
            return _("Have a developer look at it before it is tried again.")
    return _("Try again when the cause is mended, or cancel.")
