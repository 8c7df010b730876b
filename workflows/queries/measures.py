"""How much there is of everything right now, counted in the tables themselves: what metrics show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection

from breakers import queries as guards
from breakers.machine import State
from workflows.queries import dependencies
from workflows.queries.visibility import EVERYTHING


@dataclass(frozen=True, slots=True)
class Live:
    """Live instances of one workflow in one business status."""

    workflow: str
    status: str
    count: int
    needs_person: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Queue:
    """Work of one pool: ready now, due later, being done; and how long the oldest ready piece has waited (seconds)."""

    pool: str
    ready: int
    later: int
    leased: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Guard:
    """One circuit breaker: 1 for the state it is in, how often it came into each, calls ever refused, and held up."""

    name: str
    states: dict[str, int]
    arrivals: dict[str, int]
    refused: int
    held_up: int


@dataclass(frozen=True, slots=True)
class Pending:
    """Things that wait to be handed on, and the age of the oldest in seconds (0 without any)."""

    count: int
    oldest_seconds: float


def live() -> list[Live]:
    return [Live(*row) for row in _select(_LIVE)]


def queues() -> list[Queue]:
    """Pools in which there is anything at all."""
    return [Queue(*row) for row in _select(_QUEUES)]


def breakers() -> list[Guard]:
    """Every breaker by name."""
    rows, arrivals = guards.refusals(), guards.arrivals()
    held = dependencies.held_up(EVERYTHING, [name for name, _, _ in rows])
    return [
        Guard(
            name,
            {str(one): int(one == state) for one in State},
            {str(one): arrivals.get((name, str(one)), 0) for one in State},
            refused,
            held[name].count,
        )
        for name, state, refused in rows
    ]


def callbacks() -> Pending:
    """Stored callbacks without a disposition."""
    return Pending(*_select(_CALLBACKS)[0])


def outbox() -> Pending:
    """Published events some active subscriber has not received and has not been given up for."""
    return Pending(*_select(_OUTBOX)[0])


def timers() -> Pending:
    """Timers whose time has come."""
    return Pending(*_select(_TIMERS)[0])


def dead_deliveries() -> int:
    """Deliveries that were given up."""
    return int(_select("SELECT count(*) FROM workflows_delivery WHERE state = 'dead'")[0][0])


def sessions() -> dict[str, int]:
    """Processes whose lease on life holds, by kind."""
    return dict(_select(_SESSIONS))


def _select(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


_LIVE = """
SELECT workflow, status, count(*), count(*) FILTER (WHERE needs_person),
       count(*) FILTER (WHERE deadline_state = 'passed')
FROM workflows_instance WHERE ended_at IS NULL GROUP BY workflow, status ORDER BY workflow, status
"""
_QUEUES = """
SELECT pool,
       count(*) FILTER (WHERE ready),
       count(*) FILTER (WHERE session_id IS NULL AND NOT ready),
       count(session_id),
       coalesce(extract(epoch FROM clock_timestamp() - min(ready_at) FILTER (WHERE ready)), 0)::float8
FROM workflows_work,
     LATERAL (
         SELECT session_id IS NULL AND NOT held AND NOT parked AND ready_at <= clock_timestamp() AS ready
     ) AS judged
GROUP BY pool ORDER BY pool
"""
_CALLBACKS = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(received_at)), 0)::float8
FROM workflows_message WHERE state = 'pending'
"""
#: Events behind a subscriber's cursor have no delivery yet.
_OUTBOX = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(at)), 0)::float8 FROM (
    SELECT e.at FROM workflows_delivery d
    JOIN workflows_subscription s ON s.id = d.subscription_id AND s.active
    JOIN workflows_outboxevent e ON e.id = d.event_id WHERE d.state = 'pending'
    UNION ALL
    SELECT o.at FROM workflows_subscription s JOIN workflows_outboxevent o
      ON o.xid > s.cursor_xid::text::xid8 OR (o.xid = s.cursor_xid::text::xid8 AND o.id > s.cursor_id)
    WHERE s.active AND (s.types = '[]'::jsonb OR s.types ? o.type)
) waiting
"""
_TIMERS = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(fire_at)), 0)::float8
FROM workflows_timer WHERE NOT held AND fire_at <= clock_timestamp()
"""
_SESSIONS = """
SELECT kind, count(*) FROM workflows_session WHERE ended_at IS NULL AND alive_until > clock_timestamp() GROUP BY kind
"""
