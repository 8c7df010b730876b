"""The stage board: a row per process, a cell per stage, each with what is the matter there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.presenters.watch.news import work_url
from console.statuswords import capital
from workflows.dsl.definition import Definition
from workflows.queries.board import Group

#: the kinds of work that share a cell's bar, in the order drawn
KINDS = ("flow", "wait", "paused", "undo", "held", "parked", "person")
#: kinds that are drawn like another
_LIKE = {"paused": "wait", "parked": "held"}


@dataclass(frozen=True, slots=True)
class Share:
    """A piece of a bar 100 wide."""

    kind: str
    x: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One stage of one workflow. `note` replaces the age of the oldest when something is the matter."""

    stage: str
    count: int
    oldest: datetime | None
    note: str
    tone: str
    shares: list[Share]
    said: str
    url: str


@dataclass(frozen=True, slots=True)
class Row:
    """One workflow of the stage board."""

    name: str
    url: str
    count: int
    cells: list[Cell]


def row(definition: Definition, found: Sequence[Group]) -> Row:
    declared = [stage.name for stage in definition.stages]
    former = sorted({group.stage for group in found} - set(declared))
    cells = [
        _cell(definition.name, stage, [group for group in found if group.stage == stage])
        for stage in [*declared, *former]
    ]
    plural = capital(f"{definition.noun}s")
    return Row(plural, work_url(workflow=definition.name, tab="live"), sum(group.count for group in found), cells)


def _cell(workflow: str, stage: str, found: Sequence[Group]) -> Cell:
    counts = {kind: sum(group.count for group in found if group.kind == kind) for kind in KINDS}
    total, late = sum(counts.values()), sum(group.late for group in found)
    note, tone = _matter(counts, late)
    said = ", ".join(f"{_kind_words()[kind]}: {count}" for kind, count in counts.items() if count)
    return Cell(
        stage=stage,
        count=total,
        oldest=min((group.oldest for group in found), default=None),
        note=note,
        tone=tone,
        shares=_shares(counts, total),
        said=said or _("nothing here"),
        url=work_url(workflow=workflow, stage=stage, tab="live"),
    )


def _matter(counts: dict[str, int], late: int) -> tuple[str, str]:
    """What is the matter in a stage, most pressing first, with its tone."""
    if counts["person"]:
        template = ngettext("%(n)s needs a person", "%(n)s need a person", counts["person"])
        return template % {"n": f"{counts['person']:,}"}, "person"
    if late:
        return _("%(n)s late") % {"n": f"{late:,}"}, "person"
    if counts["parked"]:
        return _("%(n)s held up") % {"n": f"{counts['parked']:,}"}, "held"
    if counts["held"]:
        return _("%(n)s tried again") % {"n": f"{counts['held']:,}"}, "held"
    if counts["undo"]:
        return _("%(n)s being corrected") % {"n": f"{counts['undo']:,}"}, "undo"
    return "", ""


def _kind_words() -> dict[str, str]:
    return {
        "flow": _("moving"),
        "wait": _("waiting for an answer"),
        "paused": _("paused"),
        "undo": _("being corrected"),
        "held": _("tried again"),
        "parked": _("held up by a system"),
        "person": _("needs a person"),
    }


def _shares(counts: dict[str, int], total: int) -> list[Share]:
    shares, x = [], 0.0
    for kind in KINDS:
        if counts[kind]:
            width = counts[kind] / total * 100
            shares.append(Share(_LIKE.get(kind, kind), round(x, 2), round(width, 2)))
            x += width
    return shares
