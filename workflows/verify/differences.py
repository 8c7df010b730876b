"""Compares what is stored about an instance with what its history says (I34, and what `replay` prints)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from workflows import registry
from workflows.core.face import face
from workflows.engine import codec
from workflows.verify.findings import Offender
from workflows.verify.snapshot import Snapshot
from workflows.verify.stories import Story

#: What lists filter by. Owner and reason are left out: their wording may change with a deployment.
_SHOWN = (
    "lifecycle", "status", "stage", "needs_person", "step", "dependency", "waiting_kind", "waiting_until", "next_what",
    "next_at",
)  # fmt: skip


def judge(story: Story, snapshot: Snapshot) -> Iterator[Offender]:
    """I34."""
    if story.broken:
        yield Offender("I34", story.name, story.broken)
        return
    for difference in of(story):
        yield Offender("I34", story.name, difference)


def of(story: Story) -> Iterator[str]:
    """Every difference between the stored row and the fold of the history, in words."""
    folded = json.loads(json.dumps(codec.dump(story.state)))
    yield from _between(story.row.state, folded, "state")
    if story.row.seq != story.state.seq:
        yield f"seq is stored as {story.row.seq}, the history has {story.state.seq} events"
    definition = registry.definitions().get((story.row.workflow, story.row.version))
    if definition is None or not story.moments:
        return
    shown = face(definition, story.state)
    for name in _SHOWN:
        stored, expected = getattr(story.row, name), getattr(shown, name)
        if stored != expected:
            yield f"{name} is stored as {stored!s:.100}, the history says {expected!s:.100}"


def _between(stored: Any, folded: Any, path: str) -> Iterator[str]:
    if isinstance(stored, dict) and isinstance(folded, dict):
        for name in sorted(stored.keys() | folded.keys()):
            yield from _between(stored.get(name), folded.get(name), f"{path}.{name}")
    elif stored != folded and not _same_number(stored, folded):
        yield f"{path} is stored as {_short(stored)}, the history says {_short(folded)}"


def _same_number(stored: Any, folded: Any) -> bool:
    """The database writes a large float out in digits, which read back as an integer."""
    numbers = isinstance(stored, int | float) and isinstance(folded, int | float)
    return numbers and not isinstance(stored, bool) and not isinstance(folded, bool) and float(stored) == float(folded)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 120 else text[:119] + "…"
