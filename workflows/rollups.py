"""Counted business per minute, added up from the history a little at a time, so that no chart scans anything.

Every event is counted exactly once: a round takes the events whose transaction id lies between the last round's horizon
and the present one (`pg_snapshot_xmin`, below which nothing can still appear). The horizon moves in the same
transaction as the counts. Totals of all time are kept beside the minutes, at the minute EPOCH.

    per workflow      started, completed, compensated, failed, cancelled, asked (a person was named)
    per dependency    attempts, failures, retries, losses, refusals, latency (count, and seconds in `total`)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from workflows import registry
from workflows.models import Rollup

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CURSOR = "cursor"
#: An event's time may precede its visibility by this much; writing transactions end well before.
SLACK = timedelta(minutes=2)

_TYPES = [
    "InstanceStarted", "InstanceEnded", "PersonAsked", "StepSucceeded", "StepRefused", "AttemptFailed", "AttemptLost",
    "CompensationSucceeded",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Counted:
    """Events of one kind, minute and step, added up by the database."""

    minute: datetime
    workflow: str
    version: int
    step: str
    type: str
    lifecycle: str
    tried: bool
    again: bool
    count: int
    measured: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Point:
    """One minute of a series."""

    minute: datetime
    count: int
    total: float


def roll(now: datetime) -> int:
    """Count what happened since the last round. Safe to call at any time, however often. Returns how many events."""
    with transaction.atomic():
        since, start, stop = _horizon(now)
        if start == stop:
            return 0
        counted = [Counted(*row) for row in _select(_COUNT, [since, start, stop, _TYPES])]
        _add(pair for one in counted for pair in _numbers(one))
        _move(stop, now)
        return sum(one.count for one in counted)


def series(name: str, label: str, *, since: datetime, until: datetime) -> list[Point]:
    """One number per minute from `since` (inclusive) to `until` (exclusive), also where nothing happened."""
    rows = Rollup.objects.filter(name=name, label=label, minute__gte=since, minute__lt=until)
    found = {
        minute: Point(minute, count, total) for minute, count, total in rows.values_list("minute", "count", "total")
    }
    first = since.replace(second=0, microsecond=0)
    first += timedelta(minutes=1) if first < since else timedelta(0)
    length = max(int((until - first) / timedelta(minutes=1)), 0)
    minutes = [first + timedelta(minutes=index) for index in range(length)]
    return [found.get(minute, Point(minute, 0, 0.0)) for minute in minutes]


def totals() -> dict[tuple[str, str], tuple[int, float]]:
    """Everything ever counted: (name, label) to count and total."""
    rows = Rollup.objects.filter(minute=EPOCH).exclude(name=CURSOR)
    return {
        (name, label): (count, total)
        for name, label, count, total in rows.values_list("name", "label", "count", "total")
    }


def _horizon(now: datetime) -> tuple[datetime, str, str]:
    """From which time on to look, and the transaction ids to count: the first, and the one after the last.

    The cursor's row keeps the database it belongs to (label), the horizon (count) and when it was read (total, in
    seconds). In another database, or a restored one, transaction ids mean something else: counting begins anew there.
    """
    _select("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", ["workflows.rollups"])
    here, stop = _select(_HERE, [])[0]
    cursor = Rollup.objects.filter(name=CURSOR).first()
    if cursor is None:
        Rollup.objects.create(name=CURSOR, minute=EPOCH, label=here, count=0, total=now.timestamp())
        return EPOCH, "0", stop
    if cursor.label != here or cursor.count > int(stop):
        Rollup.objects.filter(id=cursor.id).update(label=here, count=int(stop), total=now.timestamp())
        return now, stop, stop
    return datetime.fromtimestamp(cursor.total, UTC) - SLACK, str(cursor.count), stop


def _move(stop: str, now: datetime) -> None:
    Rollup.objects.filter(name=CURSOR).update(count=int(stop), total=now.timestamp())


def _numbers(one: Counted) -> Iterator[tuple[datetime, str, str, int, float]]:
    """What one group of events adds to which numbers."""
    match one.type:
        case "InstanceStarted":
            yield one.minute, "started", one.workflow, one.count, 0
        case "InstanceEnded":
            yield one.minute, one.lifecycle, one.workflow, one.count, 0
        case "PersonAsked":
            yield one.minute, "asked", one.workflow, one.count, 0
        case _ if one.tried:
            yield from _attempts(one)


def _attempts(one: Counted) -> Iterator[tuple[datetime, str, str, int, float]]:
    label = _dependency(one)
    yield one.minute, "attempts", label, one.count, 0
    if one.measured:
        yield one.minute, "latency", label, one.measured, one.seconds
    special = {"AttemptFailed": "failures", "AttemptLost": "losses", "StepRefused": "refusals"}.get(one.type)
    if special:
        yield one.minute, special, label, one.count, 0
    if one.again:
        yield one.minute, "retries", label, one.count, 0


def _dependency(one: Counted) -> str:
    """Whom the step calls; empty for versions this process has no code for."""
    definition = registry.definitions().get((one.workflow, one.version))
    node = definition.by_name.get(one.step) if definition else None
    return (node.calls.name if node.calls else "internal") if node else ""


def _add(numbers: Iterable[tuple[datetime, str, str, int, float]]) -> None:
    sums: dict[tuple[datetime, str, str], list[float]] = {}
    for minute, name, label, count, total in numbers:
        for at in (minute, EPOCH):
            found = sums.setdefault((at, name, label), [0, 0.0])
            found[0] += count
            found[1] += total
    rows = [(at, name, label, int(count), total) for (at, name, label), (count, total) in sorted(sums.items())]
    with connection.cursor() as cursor:
        cursor.executemany(_UPSERT, rows)


def _select(statement: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


_HERE = """
SELECT (SELECT system_identifier::text FROM pg_control_system()), pg_snapshot_xmin(pg_current_snapshot())::text
"""
#: `at` is there for the block range index; the transaction ids decide.
_COUNT = """
SELECT date_trunc('minute', e.at), i.workflow, i.version, e.step, e.type, coalesce(e.data ->> 'lifecycle', ''),
       (e.data ->> 'attempt') IS NOT NULL, (e.data ->> 'retry_at') IS NOT NULL,
       count(*), count(e.data ->> 'started_at'),
       coalesce(sum(extract(epoch FROM e.at - (e.data ->> 'started_at')::timestamptz)), 0)::float8
FROM workflows_event e JOIN workflows_instance i ON i.id = e.instance_id
WHERE e.at >= %s AND e.xid >= %s::text::xid8 AND e.xid < %s::text::xid8 AND e.type = ANY(%s)
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
"""
_UPSERT = """
INSERT INTO workflows_rollup AS known (minute, name, label, count, total) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (minute, name, label)
DO UPDATE SET count = known.count + excluded.count, total = known.total + excluded.total
"""
