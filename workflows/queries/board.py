"""How all live work stands, in a few bounded queries: by stage, by cause, by system, and who is alive to do it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from workflows import registry
from workflows.dsl.definition import Definition
from workflows.models import Instance, Message, Rollup, Session, Work
from workflows.queries import callbacks, trouble
from workflows.queries.visibility import Viewer, declared_to, visible_to

#: counts end here; people read "10,000+"
MOST = 10_000
#: callbacks nobody waits for count as unmatched after this time: an early one is usually claimed within seconds
EARLY = timedelta(minutes=1)
#: causes that are told apart
MOST_CAUSES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Live instances of one kind in one stage.

    `kind` is person, held (tried again), parked (kept waiting by a breaker), undo, paused, wait or flow.
    """

    workflow: str
    stage: str
    kind: str
    dependency: str
    count: int
    #: since when the longest-standing one has had its status
    oldest: datetime
    #: how many are past their deadline
    late: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Instances that need a person for the same reason. `key` and `reason` are those of the first that came in."""

    workflow: str
    version: int
    status: str
    step: str
    dependency: str
    owner: str
    correcting: bool
    #: the kind of error, as `queries.trouble` tells them apart
    kind: str
    count: int
    oldest: datetime
    key: str
    reason: str

    @property
    def trouble(self) -> trouble.Cause:
        """The cause as people look after it."""
        return trouble.cause_of(self.workflow, self.step, self.dependency, self.kind, correcting=self.correcting)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Calls to one system lately, and one number per minute, oldest first."""

    dependency: str
    attempts: int
    failures: int
    minutes: tuple[int, ...]

    @property
    def failure_share(self) -> float:
        """Between 0 and 1; 0 without calls."""
        return self.failures / self.attempts if self.attempts else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Who is alive, and how much work waits for a worker (counted up to MOST) and since when."""

    workers: int
    pumps: int
    ready: int
    ready_since: datetime | None


_GROUPS = """
SELECT workflow, stage,
       CASE WHEN needs_person THEN 'person' WHEN lifecycle = 'paused' THEN 'paused'
            WHEN lifecycle = 'compensating' THEN 'undo' WHEN waiting_kind = 'retry' THEN 'held'
            WHEN waiting_kind = 'breaker' THEN 'parked' WHEN lifecycle = 'waiting' THEN 'wait' ELSE 'flow' END AS kind,
       dependency, count(*), min(since), count(*) FILTER (WHERE deadline_at <= %(now)s)
FROM workflows_instance WHERE ended_at IS NULL AND (%(sees)s::text[] IS NULL OR workflow = ANY(%(sees)s::text[]))
GROUP BY 1, 2, 3, 4
"""


def groups(viewer: Viewer, now: datetime) -> list[Group]:
    """All live instances, grouped. One query over a partial index, however many ended ones are stored."""
    with connection.cursor() as cursor:
        cursor.execute(_GROUPS, {"sees": viewer.named, "now": now})
        rows = cursor.fetchall()
    return [
        Group(workflow=w, stage=s, kind=k, dependency=d, count=count, oldest=oldest, late=late)
        for w, s, k, d, count, oldest, late in rows
    ]


_CAUSES = f"""
WITH grouped AS (
    SELECT workflow, version, status, step, dependency, owner, {trouble.CORRECTING_SQL} AS correcting,
           {trouble.KIND} AS kind, count(*) AS count, min(since) AS oldest, min(id::text)::uuid AS first
    FROM workflows_instance WHERE ended_at IS NULL AND needs_person
      AND (%(sees)s::text[] IS NULL OR workflow = ANY(%(sees)s::text[]))
    GROUP BY workflow, version, status, step, dependency, owner, correcting, kind
    ORDER BY min(since) LIMIT %(most)s
)
SELECT grouped.workflow, grouped.version, grouped.status, grouped.step, grouped.dependency, grouped.owner, correcting,
       kind, count, oldest, key, reason
FROM grouped JOIN workflows_instance ON id = first ORDER BY oldest
"""  # noqa: S608 - made of constants


def causes(viewer: Viewer) -> list[Cause]:
    """What a person has to look at, one row per cause, the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(_CAUSES, {"sees": viewer.named, "most": MOST_CAUSES})
        rows = cursor.fetchall()
    return [
        Cause(
            workflow=w, version=v, status=s, step=step, dependency=d, owner=o, correcting=c, kind=kind, count=count,
            oldest=oldest, key=key, reason=reason,
        )
        for w, v, s, step, d, o, c, kind, count, oldest, key, reason in rows
    ]  # fmt: skip


def unmatched(viewer: Viewer, now: datetime) -> tuple[int, datetime | None]:
    """Callbacks nobody waits for: how many (up to MOST) and the oldest's arrival."""
    found = callbacks.visible(viewer, Message.objects.filter(state="pending", received_at__lt=now - EARLY))
    ids = list(found.order_by("received_at").values_list("received_at", flat=True)[:MOST])
    return len(ids), ids[0] if ids else None


def traffic(viewer: Viewer, now: datetime, length: timedelta = timedelta(minutes=15)) -> list[Traffic]:
    """Calls per system within `length` (full minutes and the present one), for every system the viewer's work calls.

    A system's calls are counted whoever makes them: its health is the same for all.
    """
    start = (now - length).replace(second=0, microsecond=0)
    rows = Rollup.objects.filter(name__in=("attempts", "failures", "losses"), minute__gte=start)
    found: dict[str, dict[str, dict[datetime, int]]] = {}
    for name, label, minute, count in rows.values_list("name", "label", "minute", "count"):
        found.setdefault(label, {}).setdefault(name, {})[minute] = count
    minutes = [start + timedelta(minutes=n) for n in range(int(length / timedelta(minutes=1)) + 1)]
    return [_traffic(name, found.get(name, {}), minutes) for name in _systems(viewer)]


def _traffic(name: str, found: dict[str, dict[datetime, int]], minutes: list[datetime]) -> Traffic:
    attempts = found.get("attempts", {})
    failures = sum(found.get("failures", {}).values()) + sum(found.get("losses", {}).values())
    return Traffic(
        dependency=name,
        attempts=sum(attempts.values()),
        failures=failures,
        minutes=tuple(attempts.get(minute, 0) for minute in minutes),
    )


def _systems(viewer: Viewer) -> list[str]:
    """Every system some process of the viewer's calls outside this one."""
    every = (dependency for one in declared_to(viewer) for dependency in one.dependencies)
    return sorted({dependency.name for dependency in every if dependency.adapter != "internal"})


def per_minute(
    viewer: Viewer, names: tuple[str, ...], now: datetime, length: timedelta = timedelta(hours=1)
) -> dict[str, list[int]]:
    """For each name (counted per workflow) the counts per minute, oldest first; minutes without any are 0."""
    start = (now - length).replace(second=0, microsecond=0)
    counted = visible_to(viewer, Rollup.objects.filter(name__in=names, minute__gte=start), workflow="label")
    rows = counted.values_list("name", "minute", "count")
    found: dict[tuple[str, datetime], int] = {}
    for name, minute, count in rows:
        found[name, minute] = found.get((name, minute), 0) + count
    minutes = [start + timedelta(minutes=n) for n in range(int(length / timedelta(minutes=1)) + 1)]
    return {name: [found.get((name, minute), 0) for minute in minutes] for name in names}


def crew(viewer: Viewer, now: datetime) -> Crew:
    """Who is alive and what of the viewer's work waits for them. Two queries."""
    alive = Session.objects.filter(ended_at__isnull=True, alive_until__gt=now)
    kinds = list(alive.values_list("kind", flat=True))
    waiting = Work.objects.filter(session_id__isnull=True, held=False, parked=False, ready_at__lte=now)
    ready = visible_to(viewer, waiting)
    times = list(ready.order_by().values_list("ready_at", flat=True)[:MOST])
    return Crew(
        workers=kinds.count("worker"),
        pumps=kinds.count("pump"),
        ready=len(times),
        ready_since=min(times, default=None),
    )


def processes(viewer: Viewer) -> list[Definition]:
    """The newest version of every process the viewer may see, in the order they were declared."""
    return [registry.newest(name) for name in dict.fromkeys(one.name for one in declared_to(viewer))]


def anything(viewer: Viewer) -> bool:
    """Whether any instance of theirs was ever accepted."""
    return visible_to(viewer, Instance.objects.all()).exists()
