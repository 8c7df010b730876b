"""The systems the processes call: how the breaker of each stands, how much waits for it, and who calls it.

Roles are per workflow: a viewer sees the systems that their workflows call, and counts of what waits in those.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from breakers import queries as breakers
from breakers.models import Breaker, Transition
from breakers.queries import Move, Standing
from workflows.dsl.definition import Definition, Node
from workflows.dsl.dependency import Dependency
from workflows.queries.pages import Page, keyset
from workflows.queries.visibility import EVERYTHING, Viewer, declared_to

#: counts end here; people read "10,000+"
MOST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One process that calls a system, in its newest version, and its steps that do."""

    definition: Definition
    steps: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class HeldUp:
    """How many instances wait, and the workflows they belong to."""

    count: int
    workflows: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyRow:
    """One system. `declared` is None when no process calls it any more; `breaker` when it has none."""

    name: str
    declared: Dependency | None
    breaker: Standing | None
    #: instances whose work is parked until calls pass again, counted up to MOST, and the workflows they belong to
    held_up: int
    held_up_in: tuple[str, ...]
    uses: tuple[Use, ...]


def every(viewer: Viewer, now: datetime) -> list[DependencyRow]:
    """Every system the viewer may see, by name. Three queries, however many there are."""
    uses = _uses(viewer)
    standings = {one.name: one for one in breakers.standings(None if viewer.sees is None else list(uses), now)}
    held = held_up(viewer, list(standings))
    return [_row(name, uses.get(name), standings.get(name), held) for name in sorted({*uses, *standings})]


def one(viewer: Viewer, name: str, now: datetime) -> DependencyRow | None:
    """One system; None if there is none of this name for the viewer."""
    uses = _uses(viewer)
    known = name.isidentifier() and (viewer.sees is None or name in uses)
    standing = breakers.standing(name, now) if known else None
    if standing is None and name not in uses:
        return None
    return _row(name, uses.get(name), standing, held_up(viewer, [name]))


def page(
    viewer: Viewer, now: datetime, *, states: Collection[str] = (), size: int = 50, cursor: str = ""
) -> Page[DependencyRow]:
    """Systems that have a breaker, by name. Raises `pages.BadCursor`."""
    found = Breaker.objects.all()
    if viewer.sees is not None:
        found = found.filter(name__in=list(_uses(viewer)))
    if states:
        found = found.filter(state__in=list(states))
    read = partial(_rows, viewer, now)
    return keyset(found, read, size=size, cursor=cursor, descending=False, position=lambda row: row.name, by="name")


def transitions(name: str, *, size: int = 50, cursor: str = "") -> Page[Move]:
    """How a breaker got where it is, newest first. Raises `pages.BadCursor`."""
    found = Transition.objects.filter(breaker=name)
    return keyset(found, _moves, size=size, cursor=cursor, descending=True, position=lambda one: one.id)


def held_up(viewer: Viewer, names: Collection[str]) -> dict[str, HeldUp]:
    """How many of the viewer's instances have work that is parked for each of these systems. One query."""
    if not names:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_HELD_UP, {"names": list(names), "sees": viewer.named, "most": MOST})
        return {name: HeldUp(count, tuple(workflows)) for name, count, workflows in cursor.fetchall()}


def callers(about: Collection[UUID]) -> set[str]:
    """The workflows that call one of the systems whose breakers have these ids in the news."""
    meant = [uses for name, (_, uses) in _uses(EVERYTHING).items() if breakers.news_id(name) in about]
    return {use.definition.name for uses in meant for use in uses}


def in_the_news(viewer: Viewer, about: Collection[UUID]) -> set[UUID]:
    """Those of the ids that are of breakers the viewer may see."""
    return {breakers.news_id(name) for name in _uses(viewer)} & set(about)


def heads() -> dict[UUID, int]:
    """The present generation of every breaker, under its id in the news."""
    return {breakers.news_id(name): generation for name, generation in breakers.generations().items()}


def moved_lately(length: timedelta) -> dict[str, str]:
    """For workflows that call a system whose breaker moved within `length`, a text that differs with every move."""
    texts: defaultdict[str, list[str]] = defaultdict(list)
    uses = _uses(EVERYTHING)
    for name, generation in sorted(breakers.moved_lately(length).items()):
        for use in uses[name][1] if name in uses else ():
            texts[use.definition.name].append(f"{name} {generation}")
    return {workflow: ", ".join(found) for workflow, found in texts.items()}


def is_visible(viewer: Viewer, name: str) -> bool:
    """Whether the viewer may know of this system."""
    return viewer.sees is None or name in _uses(viewer)


def has_breaker(name: str) -> bool:
    """Whether there is a breaker of this name, whoever asks."""
    return name.isidentifier() and Breaker.objects.filter(name=name).exists()


def generation(name: str) -> int:
    """The breaker's present generation; 0 without one."""
    return breakers.generations().get(name, 0)


def _rows(viewer: Viewer, now: datetime, found: QuerySet[Breaker]) -> list[DependencyRow]:
    names = list(found.values_list("name", flat=True))
    uses, held = _uses(viewer), held_up(viewer, names)
    standing = {one.name: one for one in breakers.standings(names, now)}
    return [_row(name, uses.get(name), standing[name], held) for name in names if name in standing]


def _row(
    name: str, found: tuple[Dependency, tuple[Use, ...]] | None, standing: Standing | None, held: dict[str, HeldUp]
) -> DependencyRow:
    declared, uses = found or (None, ())
    waiting = held.get(name, HeldUp(0, ()))
    return DependencyRow(
        name=name, declared=declared, breaker=standing, held_up=waiting.count, held_up_in=waiting.workflows, uses=uses
    )


def _uses(viewer: Viewer) -> dict[str, tuple[Dependency, tuple[Use, ...]]]:
    """Every system outside that the viewer's processes call, with those processes; newer versions have the say."""
    found: dict[str, Dependency] = {}
    users: dict[str, dict[str, Use]] = {}
    for definition in sorted(declared_to(viewer), key=lambda one: (one.version, one.name)):
        for dependency in definition.dependencies:
            if dependency.adapter == "internal":
                continue
            found[dependency.name] = dependency
            steps = tuple(node for node in definition.nodes if node.calls and node.calls.name == dependency.name)
            users.setdefault(dependency.name, {})[definition.name] = Use(definition=definition, steps=steps)
    return {name: (found[name], tuple(users[name][workflow] for workflow in sorted(users[name]))) for name in found}


def _moves(found: QuerySet[Transition]) -> list[Move]:
    return [breakers.move(row) for row in found]


#: The index of parked work is read for each system, at most so far.
_HELD_UP = """
SELECT asked.name, counted.* FROM unnest(%(names)s::text[]) AS asked(name), LATERAL (
    SELECT count(DISTINCT instance_id), coalesce(array_agg(DISTINCT workflow), '{}') FROM (
        SELECT instance_id, workflow FROM workflows_work w
        WHERE w.parked AND w.dependency = asked.name
          AND (%(sees)s::text[] IS NULL OR w.workflow = ANY(%(sees)s::text[]))
        LIMIT %(most)s
    ) AS looked_at
) AS counted
"""
