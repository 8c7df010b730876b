"""Draws the course of an instance through its stages: a mark, a name and a time for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from console.presenters.milestones import Entry
from console.presenters.names import took
from console.statuswords import system
from workflows.core import events as e
from workflows.dsl.definition import Definition
from workflows.queries.instances import InstanceRow


@dataclass(frozen=True, slots=True)
class Leg:
    """One stage. `tone` is past, here, wait, held, person, paused, undo, failed, skipped or ahead.

    `since` is set while it lasts, so that the browser can keep the time; `note` says it for a stage that is over.
    """

    name: str
    tone: str
    word: str
    note: str = ""
    since: datetime | None = None


@dataclass(slots=True)
class _Span:
    entered: datetime | None = None
    left: datetime | None = None


def track(row: InstanceRow, definition: Definition, entries: Sequence[Entry], *, turned_back: bool) -> list[Leg]:
    """One leg per stage, in order. After it has turned back (a correction), no further stage is reached."""
    spans = _spans(entries, len(definition.stages))
    here = max((index for index, span in enumerate(spans) if span.entered), default=0)
    return [
        _leg(row, stage.name, spans[index], index - here, turned_back) for index, stage in enumerate(definition.stages)
    ]


def _spans(entries: Sequence[Entry], count: int) -> list[_Span]:
    """When each stage was entered and left. A correction, or the end, leaves the last one."""
    spans = [_Span() for __ in range(count)]
    last: _Span | None = None
    for source, event in entries:
        if isinstance(event, e.StageEntered) and event.stage < count:
            if last is not None and last.left is None:
                last.left = source.at
            last = spans[event.stage]
            last.entered, last.left = last.entered or source.at, None
        elif isinstance(event, e.CorrectionBegan | e.InstanceEnded) and last is not None and last.left is None:
            last.left = source.at
    return spans


def _leg(row: InstanceRow, name: str, span: _Span, offset: int, turned_back: bool) -> Leg:
    length = took(span.left - span.entered) if span.entered and span.left else ""
    if offset < 0:
        return Leg(name, "past", _("done"), length)
    if offset > 0:
        return Leg(name, "ahead", _("not reached") if row.ended_at or turned_back else _("to come"))
    tone, word = _present(row)
    if row.ended_at is not None or turned_back:
        return Leg(name, tone, word, length)
    return Leg(name, tone, word, since=span.entered)


def _present(row: InstanceRow) -> tuple[str, str]:
    """Tone and word of the stage the instance is in, or ended in."""
    endings = {
        "completed": ("past", _("done")),
        "compensated": ("undo", _("corrected")),
        "compensating": ("undo", _("being corrected")),
        "cancelled": ("cancelled", _("cancelled")),
        "failed": ("failed", _("ended here")),
        "paused": ("paused", _("paused")),
    }
    if row.lifecycle in endings and not (row.needs_person and row.ended_at is None):
        return endings[row.lifecycle]
    if row.needs_person:
        return "person", _("needs a person")
    if row.waiting_kind == "retry":
        return "held", _("being tried again")
    if row.waiting_kind == "breaker":
        return "held", _("held up by %(system)s") % {"system": system(row.waiting_name)}
    if row.lifecycle == "waiting":
        return "wait", _("waiting")
    return "here", _("in progress")
