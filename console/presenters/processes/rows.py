"""The list of processes: a row each, with its versions, what is under way, and whether it takes new ones in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from console.presenters.processes import telling
from console.presenters.processes.process import work_url
from console.statuswords import capital
from workflows.dsl.definition import Definition
from workflows.queries.board import Group
from workflows.queries.governance import Decided


@dataclass(frozen=True, slots=True)
class VersionMark:
    """One installed version; `role` says what it is for new instances, empty if nothing."""

    number: int
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One process. `paused_by` is empty while it takes new instances in; `until` may be open even then."""

    name: str
    title: str
    about: str
    url: str
    owner: str
    versions: list[VersionMark]
    live: str
    live_url: str
    person: str
    person_url: str
    paused_by: str
    until: datetime | None
    #: changes tint the row
    revision: str


def rows(declared: Sequence[Definition], decided: Mapping[str, Decided], groups: Sequence[Group]) -> list[Row]:
    """Every process by name."""
    names = sorted({one.name for one in declared})
    return [
        _row(
            sorted((one for one in declared if one.name == name), key=lambda one: one.version),
            decided[name],
            [group for group in groups if group.workflow == name],
        )
        for name in names
    ]


def _row(versions: Sequence[Definition], decided: Decided, groups: Sequence[Group]) -> Row:
    newest, pause = versions[-1], decided.pause
    live = sum(group.count for group in groups)
    person = sum(group.count for group in groups if group.kind == "person")
    marks = _marks(decided, [one.version for one in versions])
    return Row(
        name=newest.name,
        title=capital(f"{newest.noun}s"),
        about=newest.title,
        url=reverse("process", args=[newest.name]),
        owner=newest.owner,
        versions=marks,
        live=f"{live:,}",
        live_url=work_url(newest.name) if live else "",
        person=f"{person:,}",
        person_url=work_url(newest.name, tab="person") if person else "",
        paused_by=pause.by if pause else "",
        until=pause.until if pause else None,
        revision=f"{decided.share.at} {pause.at if pause else ''}",
    )


def _marks(decided: Decided, installed: Sequence[int]) -> list[VersionMark]:
    return [VersionMark(number, telling.role(decided.share, number, installed)) for number in reversed(installed)]
