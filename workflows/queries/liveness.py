"""Who is at work: live processes, and how long ago the pump did each of its duties; ages by the database's clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection


@dataclass(frozen=True)
class Process:
    """A worker or pump whose lease on life holds. `heard_seconds`: since a wake-up reached it through the broker."""

    kind: str
    host: str
    process: int
    pools: tuple[str, ...]
    started_at: datetime
    heard_seconds: float | None


@dataclass(frozen=True)
class Duty:
    """A job of the pump; None: it was never done."""

    name: str
    age_seconds: float | None


def pump_age() -> float | None:
    """Seconds since any duty of any pump was last done; None when none ever was."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp() - max(done_at))::float FROM workflows_duty")
        row = cursor.fetchone()
    return row[0] if row else None


def duties() -> list[Duty]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, extract(epoch FROM clock_timestamp() - done_at)::float FROM workflows_duty ORDER BY name"
        )
        return [Duty(name, age) for name, age in cursor.fetchall()]


def processes() -> list[Process]:
    """Those alive now, workers last."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT kind, host, process, ARRAY(SELECT jsonb_array_elements_text(pools)), started_at,
                   extract(epoch FROM clock_timestamp() - heard_at)::float
            FROM workflows_session WHERE ended_at IS NULL AND alive_until > clock_timestamp()
            ORDER BY kind, started_at
            """
        )
        return [
            Process(kind, host, process, tuple(pools), started, heard)
            for kind, host, process, pools, started, heard in cursor.fetchall()
        ]
