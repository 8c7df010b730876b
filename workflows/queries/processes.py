"""One process as a whole: where its live instances are, and how the versions do that new ones took lately."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from workflows.dsl.definition import Definition
from workflows.queries.visibility import Viewer, declared_to

#: how far back versions are compared, and how many of the newest instances are looked at for it
WINDOW, MOST = timedelta(hours=24), 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """Live instances of one version in the same place with the same status. `step` may be empty between two steps."""

    version: int
    stage: str
    step: str
    status: str
    count: int
    person: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became, until now, of the instances of one version that started within the window."""

    version: int
    started: int
    completed: int
    compensated: int
    failed: int
    cancelled: int
    #: have not ended; those that need a person are among them
    live: int
    person: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcomes by version. `whole` is False where there were more instances than were looked at."""

    outcomes: dict[int, Outcome]
    whole: bool


def versions(viewer: Viewer, name: str) -> list[Definition]:
    """Every installed version of a workflow, oldest first; none if there is no such workflow for the viewer."""
    return sorted((one for one in declared_to(viewer) if one.name == name), key=lambda one: one.version)


def here(viewer: Viewer, name: str) -> list[Here]:
    """Where the live instances are. One query over the partial index of the living."""
    if not viewer.may_see(name):
        return []
    with connection.cursor() as cursor:
        cursor.execute(_HERE, [name])
        return [
            Here(version=version, stage=stage, step=step, status=status, count=count, person=person)
            for version, stage, step, status, count, person in cursor.fetchall()
        ]


def compared(viewer: Viewer, name: str, now: datetime) -> Comparison:
    """How those that started within WINDOW fare. One query that reads at most MOST rows by an index, newest first."""
    if not viewer.may_see(name):
        return Comparison({}, whole=True)
    with connection.cursor() as cursor:
        cursor.execute(_COMPARED, {"name": name, "since": _first_id(now - WINDOW), "most": MOST})
        found = [
            Outcome(
                version=version, started=started, completed=completed, compensated=compensated, failed=failed,
                cancelled=cancelled, live=live, person=person,
            )
            for version, started, completed, compensated, failed, cancelled, live, person in cursor.fetchall()
        ]  # fmt: skip
    whole = sum(one.started for one in found) < MOST
    return Comparison({one.version: one for one in found}, whole)


def _first_id(at: datetime) -> UUID:
    """The smallest id an instance that started then can have: ids begin with their time (RFC 9562, version 7)."""
    return UUID(int=int(at.timestamp() * 1000) << 80)


_HERE = """
SELECT version, stage, step, status, count(*), count(*) FILTER (WHERE needs_person)
FROM workflows_instance WHERE ended_at IS NULL AND workflow = %s GROUP BY 1, 2, 3, 4
"""
#: Ids are in the order of their starts, so the index on workflow and id gives the newest without sorting.
_COMPARED = """
SELECT version, count(*), count(*) FILTER (WHERE lifecycle = 'completed'),
       count(*) FILTER (WHERE lifecycle = 'compensated'), count(*) FILTER (WHERE lifecycle = 'failed'),
       count(*) FILTER (WHERE lifecycle = 'cancelled'), count(*) FILTER (WHERE live),
       count(*) FILTER (WHERE live AND needs_person)
FROM (
    SELECT version, lifecycle, needs_person, ended_at IS NULL AS live FROM workflows_instance
    WHERE workflow = %(name)s AND id >= %(since)s ORDER BY id DESC LIMIT %(most)s
) AS lately GROUP BY version ORDER BY version
"""
