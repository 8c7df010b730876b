"""Tells how far corrections are: a row per effect with counts, and the plan of each instance on its way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from console.presenters.names import function_words, step_name
from console.presenters.repair.tabs import Asked
from console.standings import definition_of
from console.statuswords import capital, words
from workflows.dsl.definition import Definition, Function
from workflows.queries.corrections import Plan, Tally
from workflows.queries.instances import InstanceRow

#: the places of a correction in the order of the board's columns
COLUMNS = {
    "stuck": gettext_lazy("Needs a person"),
    "retrying": gettext_lazy("Tried again"),
    "ready": gettext_lazy("Running"),
    "awaiting": gettext_lazy("Waits for an outcome"),
    "planned": gettext_lazy("Planned"),
    "done": gettext_lazy("Corrected"),
    "dropped": gettext_lazy("Nothing to correct"),
    "waived": gettext_lazy("Left as it is"),
}
_RARE = ("awaiting", "dropped", "waived")
_TONES = {
    "stuck": "person", "retrying": "held", "ready": "here", "awaiting": "wait", "planned": "ahead", "done": "undo",
    "dropped": "skipped", "waived": "held",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Count:
    """One number of the board and the list it stands for; an empty number is shown as nothing."""

    label: str
    number: str
    url: str
    tone: str


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One effect of one process: what undoes it, and how many stand where."""

    name: str
    effect: str
    counts: list[Count]


@dataclass(frozen=True, slots=True)
class Chip:
    """One effect of a plan."""

    tone: str
    words: str
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One instance on its way back."""

    id: str
    key: str
    url: str
    revision: int
    tone: str
    said: str
    reason: str
    error: str
    chips: list[Chip]
    since: datetime
    owner: str


def columns(tallies: Sequence[Tally]) -> list[str]:
    """The places that are shown: the usual ones, and the others where something stands there."""
    present = {tally.phase for tally in tallies}
    return [phase for phase in COLUMNS if phase not in _RARE or phase in present]


def board(tallies: Sequence[Tally]) -> list[BoardRow]:
    """A row per process and step, in the order in which the process does things."""
    found: dict[tuple[str, str], list[Tally]] = {}
    for tally in tallies:
        found.setdefault((tally.workflow, tally.step), []).append(tally)
    shown = columns(tallies)
    return [_row(workflow, step, mine, shown) for (workflow, step), mine in sorted(found.items(), key=_place)]


def ended(counts: Mapping[str, int]) -> str:
    """What ended lately, in a sentence."""
    corrected, cancelled = counts.get("compensated", 0), counts.get("cancelled", 0)
    if not corrected and not cancelled:
        return _("Nothing ended corrected or cancelled within 24 hours.")
    about = {"corrected": f"{corrected:,}", "cancelled": f"{cancelled:,}"}
    return _("Within 24 hours %(corrected)s ended corrected and %(cancelled)s cancelled.") % about


def ways(rows: Sequence[InstanceRow], plans: Mapping[UUID, Plan]) -> list[Way]:
    """The instances with their plans."""
    return [_way(row, plans.get(row.id)) for row in rows]


def _place(pair: tuple[tuple[str, str], list[Tally]]) -> tuple[str, int]:
    (workflow, step), mine = pair
    definition = definition_of(workflow, mine[0].version)
    return workflow, definition.position.get(step, 0) if definition else 0


def _row(workflow: str, step: str, mine: Sequence[Tally], shown: Sequence[str]) -> BoardRow:
    definition = definition_of(workflow, max(tally.version for tally in mine))
    counts = {tally.phase: tally.count for tally in mine}
    noun = definition.noun if definition else words(workflow)
    return BoardRow(
        name=capital(_undoing(definition, step)),
        effect=_("%(noun)s, %(step)s") % {"noun": capital(noun), "step": step_name(definition, step)},
        counts=[_count(workflow, step, phase, counts.get(phase, 0)) for phase in shown],
    )


def _count(workflow: str, step: str, phase: str, number: int) -> Count:
    if phase in ("stuck", "retrying", "ready", "awaiting"):
        narrowed = {"workflow": workflow, "step": step, "tab": "undo"}
    else:
        narrowed = {"workflow": workflow, "tab": "undo"}
    url = f"{reverse('work')}?{urlencode(narrowed)}" if number else ""
    return Count(str(COLUMNS[phase]), f"{number:,}" if number else "", url, _TONES[phase] if number else "")


def _undoing(definition: Definition | None, step: str) -> str:
    """What is done to correct the step."""
    node = definition.by_name.get(step) if definition else None
    if node is None or not isinstance(node.compensate, Function):
        return step_name(definition, step)
    return function_words(node.compensate.name)


def _way(row: InstanceRow, plan: Plan | None) -> Way:
    definition = definition_of(row.workflow, row.version)
    items = plan.items if plan else ()
    home = reverse("instance", args=[row.workflow, row.key])
    run = f"?run={row.run}" if row.run > 1 else ""
    stuck = [item for item in items if item.phase == "stuck"]
    return Way(
        id=str(row.id),
        key=f"{capital(definition.noun if definition else row.workflow)} {row.key}",
        url=f"{home}{run}#acts" if stuck else f"{home}{run}",
        revision=row.revision,
        tone="person" if stuck else "paused" if row.lifecycle == "paused" else "undo",
        said=_said(plan),
        reason=row.reason,
        error=next((item.error for item in items if item.error and item.phase in ("stuck", "retrying")), ""),
        chips=[
            Chip(_TONES[item.phase], capital(_undoing(definition, item.step)), str(COLUMNS[item.phase]).lower())
            for item in items
        ],
        since=row.since,
        owner=row.owner,
    )


def _said(plan: Plan | None) -> str:
    if plan is None or not plan.items:
        return _("Nothing was done that has to be corrected; everybody is told.")
    done = sum(1 for item in plan.items if item.phase in ("done", "dropped", "waived"))
    template = ngettext("%(done)s of %(n)s effect corrected", "%(done)s of %(n)s effects corrected", len(plan.items))
    return template % {"done": done, "n": len(plan.items)}


def paged(here: Asked, cursor: str | None) -> str:
    """The address of a neighbouring page; empty where there is none."""
    return here.url(cursor=cursor) if cursor else ""
