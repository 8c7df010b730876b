"""What is wrong now, one row per cause however many instances it touches, with what people know about it.

Four queries at most: the instances in trouble grouped, a sample of their errors, the notes, and the breakers that hold
some of them back. Notes outlive what they were written about: the next person finds them when it comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from django.db import connection

from breakers import queries as breakers
from workflows import registry
from workflows.dsl.definition import Definition, Node
from workflows.queries import notes
from workflows.queries.notes import Note
from workflows.queries.trouble import CORRECTING_SQL, ERROR, KIND, TROUBLED_SQL, Cause, cause_of, parse
from workflows.queries.visibility import Viewer

#: groups of one process, step and kind of error that are read; the largest come first
MOST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one cause does to one step of one process.

    Of `count` instances `people` need a person and `held` wait behind a circuit breaker; the rest is tried again.
    """

    workflow: str
    version: int
    step: str
    #: the business status they have
    status: str
    dependency: str
    correcting: bool
    kind: str
    #: who looks after the step, as the process declares it
    owner: str
    count: int
    people: int
    held: int
    #: since when the longest and the newest of them have been in trouble
    oldest: datetime
    newest: datetime
    #: when the next of them is tried again by itself
    next_at: datetime | None
    newest_id: UUID

    @property
    def cause(self) -> Cause:
        """The cause it belongs to."""
        return cause_of(self.workflow, self.step, self.dependency, self.kind, correcting=self.correcting)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One cause with everything that hangs on it. Without parts nothing does at present: only the note is left."""

    cause: Cause
    parts: tuple[Part, ...]
    note: Note | None
    #: what the newest of them was answered, or what opened the circuit breaker
    error: str
    #: when the breaker lets the next call through to find out
    probe_at: datetime | None = None

    @property
    def count(self) -> int:
        return sum(part.count for part in self.parts)

    @property
    def people(self) -> int:
        """How many need a person."""
        return sum(part.people for part in self.parts)

    @property
    def held(self) -> int:
        """How many wait behind a circuit breaker."""
        return sum(part.held for part in self.parts)

    @property
    def oldest(self) -> datetime | None:
        return min((part.oldest for part in self.parts), default=None)

    @property
    def newest(self) -> datetime | None:
        return max((part.newest for part in self.parts), default=None)

    @property
    def next_at(self) -> datetime | None:
        """When the next of them is tried again by itself."""
        times = [part.next_at for part in self.parts if part.next_at]
        return min([*times, self.probe_at] if self.probe_at else times, default=None)

    @property
    def workflows(self) -> tuple[str, ...]:
        """The processes it touches; without instances, the one it is about."""
        touched = tuple(sorted({part.workflow for part in self.parts}))
        return touched or (() if self.cause.whole else (self.cause.workflow,))

    @property
    def state(self) -> str:
        return self.note.state if self.note else "new"

    @property
    def back(self) -> bool:
        """Whether something failed again after it was marked done."""
        return self.note is not None and self.state == "done" and self.newest is not None and self.newest > self.note.at


def failures(viewer: Viewer, now: datetime, *, only: Cause | None = None, done: bool = False) -> list[Failure]:
    """Every cause with a present failure, the most pressing first, then those with nothing but a note.

    `done` includes notes that are marked done although nothing hangs on them; `only` leaves out all other causes.
    """
    found: dict[Cause, list[Part]] = {}
    for part in troubled(viewer):
        found.setdefault(part.cause, []).append(part)
    kept = notes.all_of(viewer, found, done=done or only is not None)
    present = _present({cause: tuple(parts) for cause, parts in found.items() if only in (None, cause)}, kept, now)
    living = {cause.key for cause in found}
    past = [(parse(key), note) for key, note in kept.items() if key not in living]
    every = [Failure(cause=cause, parts=(), note=note, error="") for cause, note in past if cause is not None]
    return sorted([*present, *(one for one in every if only in (None, one.cause))], key=_pressing)


def _present(found: Mapping[Cause, tuple[Part, ...]], kept: Mapping[str, Note], now: datetime) -> list[Failure]:
    """The causes something hangs on, each with a sample of its errors."""
    errors = _errors(parts[0].newest_id for parts in found.values())
    held = {cause.dependency for cause, parts in found.items() if any(part.held for part in parts)}
    doors = {door.name: door for door in breakers.standings(held, now)} if held else {}
    return [
        Failure(
            cause=cause,
            parts=parts,
            note=kept.get(cause.key),
            error=errors.get(parts[0].newest_id) or (door.last_error if door else ""),
            probe_at=door.next_probe_at if door else None,
        )
        for cause, parts in found.items()
        for door in (doors.get(cause.dependency),)
    ]


def _pressing(failure: Failure) -> tuple[int, int, str]:
    """What may be wrong outside first, then what needs a person, then what is tried again, then mere notes."""
    if not failure.parts:
        return 3, 0, failure.cause.key
    wrong = failure.people and (failure.cause.kind == "unknown" or any(part.correcting for part in failure.parts))
    return (0 if wrong else 1 if failure.people else 2), -failure.count, failure.cause.key


def runbook(part: Part) -> str:
    """What to read about this part of a cause; empty where this process has no code for it."""
    definition, node = declared(part)
    return definition.runbook_of(node) if definition else ""


def declared(part: Part) -> tuple[Definition | None, Node | None]:
    """The definition and the step a part is about, as far as this process has code for them."""
    definition = registry.definitions().get((part.workflow, part.version))
    return definition, definition.by_name.get(part.step) if definition else None


_NAMES = tuple(one.name for one in fields(Part))
_PARTS = f"""
SELECT workflow, max(version), step, max(status), dependency, {CORRECTING_SQL} AS correcting, {KIND} AS kind,
       max(owner),
       count(*), count(*) FILTER (WHERE needs_person),
       count(*) FILTER (WHERE waiting_kind = 'breaker' AND NOT needs_person), min(since), max(since),
       min(next_at) FILTER (WHERE waiting_kind = 'retry'), max(id::text)::uuid
FROM workflows_instance
WHERE {TROUBLED_SQL} AND (%(sees)s::text[] IS NULL OR workflow = ANY(%(sees)s::text[]))
GROUP BY workflow, step, dependency, correcting, kind ORDER BY count(*) DESC, workflow, step LIMIT %(most)s
"""  # noqa: S608 - made of constants
_SAMPLES = f"SELECT id, {ERROR}, reason FROM workflows_instance WHERE id = ANY(%(ids)s::uuid[])"  # noqa: S608


def troubled(viewer: Viewer) -> list[Part]:
    """The instances in trouble, one row per process, step and kind of error, the largest first. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_PARTS, {"sees": viewer.named, "most": MOST})
        rows = cursor.fetchall()
    return [Part(**dict(zip(_NAMES, row, strict=True))) for row in rows]


def _errors(ids: Iterable[UUID]) -> dict[UUID, str]:
    """What these instances were answered last, else why they need a person."""
    wanted = list(ids)
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_SAMPLES, {"ids": wanted})
        return {instance_id: error or reason for instance_id, error, reason in cursor.fetchall()}
