"""How far each subscriber of published events is behind, counted only as far as people read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

#: counts end here
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Lag:
    """One subscriber: what waits to be delivered to it, since when, and what was given up (both up to MOST)."""

    name: str
    active: bool
    waiting: int
    since: datetime | None
    dead: int


def lags() -> list[Lag]:
    """Every subscriber by name. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_LAGS, {"most": MOST})
        return [Lag(*row) for row in cursor.fetchall()]


#: Events behind a subscriber's cursor have no delivery yet.
_LAGS = """
SELECT s.name, s.active, waiting.count, waiting.since, dead.count
FROM workflows_subscription s, LATERAL (
    SELECT count(*) AS count, min(at) AS since FROM (
        (SELECT e.at FROM workflows_delivery d JOIN workflows_outboxevent e ON e.id = d.event_id
         WHERE d.subscription_id = s.id AND d.state = 'pending' LIMIT %(most)s)
        UNION ALL
        (SELECT o.at FROM workflows_outboxevent o
         WHERE (o.xid > s.cursor_xid::text::xid8 OR (o.xid = s.cursor_xid::text::xid8 AND o.id > s.cursor_id))
           AND (s.types = '[]'::jsonb OR s.types ? o.type) LIMIT %(most)s)
    ) AS undelivered
) AS waiting, LATERAL (
    SELECT count(*) AS count FROM (
        SELECT FROM workflows_delivery d WHERE d.subscription_id = s.id AND d.state = 'dead' LIMIT %(most)s
    ) AS given_up
) AS dead ORDER BY s.name
"""
