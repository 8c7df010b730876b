"""Reads from PostgreSQL how far things are, so that lost wake-ups are noticed within a heartbeat."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from django.db import connection

#: how far back the boards look for changes; longer than two heartbeats, so that none falls between
WINDOW_SECONDS = 12
#: beyond this many recent events, or this many watched instances, more detail changes nothing
MOST = 5000

_READ = """
SELECT id::text, revision::text FROM workflows_instance WHERE id = ANY(%s::uuid[])
UNION ALL
SELECT '', count(*) || ' until ' || coalesce(max(at)::text, '')
FROM (SELECT at FROM workflows_event WHERE at > clock_timestamp() - make_interval(secs => %s) LIMIT %s) AS recent
"""


@dataclass(frozen=True)
class Heads:
    """Present revisions of the watched instances, and a text that differs when anything happened lately."""

    board: str = ""
    revisions: dict[str, int] = field(default_factory=dict)


def read(watched: Collection[str]) -> Heads:
    """One query for all sockets of this process."""
    with connection.cursor() as cursor:
        cursor.execute(_READ, [list(watched)[:MOST], WINDOW_SECONDS, MOST])
        found = dict(cursor.fetchall())
    board = found.pop("", "")
    return Heads(board, {about: int(revision) for about, revision in found.items()})
