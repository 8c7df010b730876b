"""Tells the full history turn by turn: what came in, what changed in the words of the business, what went out.

One turn is one transaction: the first event is the cause, the rest are its consequences, recorded at the same moment.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django.utils.translation import gettext as _

from console.presenters.milestones import Entry
from console.presenters.telling import actor_words, tell
from console.statuswords import words
from workflows.core.evolve import evolve
from workflows.core.face import Face, face
from workflows.core.state import State
from workflows.dsl.definition import Definition
from workflows.queries.history import HistoryEvent

#: events per page
PAGE = 60


@dataclass(frozen=True, slots=True)
class Item:
    """One event: its number, its type as programs know it, what it says, and its recorded fields."""

    seq: int
    type: str
    tone: str
    words: str
    note: str
    facts: str
    data: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing about the instance that is other than before."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Turn:
    """What one fact led to."""

    first: int
    at: datetime
    who: str
    correlation_id: str
    cause: Item
    changed: list[Difference]
    consequences: list[Item]


@dataclass(frozen=True, slots=True)
class Pages:
    """Turns of one page, newest first, and the seq to continue from (0 at an end)."""

    turns: list[Turn]
    older: int
    newer: int
    total: int


def pages(entries: Sequence[Entry], definition: Definition | None, before: int = 0) -> Pages:
    """The turns that begin below seq `before` (0: the newest), at least PAGE events of them."""
    turns = list(_turns(entries, definition))[::-1]
    start = next((i for i, turn in enumerate(turns) if not before or turn.first < before), len(turns))
    end, events = start, 0
    while end < len(turns) and events < PAGE:
        events += 1 + len(turns[end].consequences)
        end += 1
    older = turns[end - 1].first if 0 < end < len(turns) else 0
    back = _back(turns, start)
    return Pages(turns[start:end], older, back, len(entries))


def _back(turns: Sequence[Turn], start: int) -> int:
    """From which seq the page with newer turns begins; -1 is the newest page, 0 none."""
    if start == 0:
        return 0
    events, at = 0, start
    while at > 0 and events < PAGE:
        at -= 1
        events += 1 + len(turns[at].consequences)
    return -1 if at == 0 else turns[at - 1].first


def _turns(entries: Sequence[Entry], definition: Definition | None) -> Iterator[Turn]:
    state = State()
    shown: Face | None = None
    for at, group in groupby(entries, key=lambda entry: entry[0].at):
        together = list(group)
        for __, event in together:
            state = evolve(state, event)
        after = face(definition, state) if definition else None
        first = together[0][0]
        items = [_item(entry, definition) for entry in together]
        changed = _differences(shown, after)
        shown = after
        yield Turn(first.seq, at, actor_words(first), first.correlation_id, items[0], changed, items[1:])


def _item(entry: Entry, definition: Definition | None) -> Item:
    source, event = entry
    told = tell(event, definition, source)
    data = {name: value for name, value in source.data.items() if name not in ("step", "rule")}
    return Item(
        source.seq, source.type, told.tone, told.words, told.note, _facts(source),
        json.dumps(data, indent=2, ensure_ascii=False) if data else "",
    )  # fmt: skip


def _facts(source: HistoryEvent) -> str:
    """Attempt, direction and lease token, where there are any."""
    data = source.data
    parts = []
    if data.get("attempt"):
        parts.append(_("attempt %(n)s") % {"n": data["attempt"]})
    if data.get("token"):
        parts.append(_("lease token %(n)s") % {"n": data["token"]})
    if data.get("message"):
        parts.append(_("message %(id)s") % {"id": data["message"]})
    return " · ".join(parts)


def _differences(before: Face | None, after: Face | None) -> list[Difference]:
    """What is other than before; at the start, where it stands."""
    if after is None:
        return []
    watched = {_("Status"): "status", _("Stage"): "stage", _("Lifecycle"): "lifecycle"}
    if before is not None:
        watched |= {_("Owner"): "owner", _("Needs a person"): "needs_person"}
    pairs = [(label, _word(before, name), _word(after, name)) for label, name in watched.items()]
    return [Difference(label, old, new) for label, old, new in pairs if old != new]


def _word(shown: Face | None, name: str) -> str:
    if shown is None:
        return ""
    value = getattr(shown, name)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return (words(value) if name in ("status", "lifecycle") else str(value)) or "–"
