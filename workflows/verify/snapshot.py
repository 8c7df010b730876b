"""One consistent look at everything: a read-only snapshot, and who was at work when it was taken.

What should have happened by now can only be judged while somebody is there to do it. Without a pump that has been
at work for the whole grace, being late means nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction


@dataclass(frozen=True, slots=True)
class Snapshot:
    """When it was taken, and who was at work."""

    now: datetime
    grace: timedelta
    #: since when a pump has been at work without a gap longer than the grace; None: none is
    pumping_since: datetime | None
    #: since when a worker has been at work; None: none is
    working_since: datetime | None
    #: `workflow/version` of everything some live worker has code for
    capable: tuple[str, ...]
    #: per dependency the spans in which its breaker let nobody call, probes included
    shut: Mapping[str, tuple[tuple[datetime, datetime], ...]] = field(default_factory=dict)

    @property
    def calm(self) -> datetime:
        """What was due before this should have happened."""
        return self.now - self.grace

    @property
    def pumped(self) -> bool:
        """Whether a pump had the whole grace to do what was due."""
        return self.pumping_since is not None and self.pumping_since <= self.calm

    @property
    def worked(self) -> bool:
        """Whether a worker had the whole grace to do what was due."""
        return self.working_since is not None and self.working_since <= self.calm


@contextmanager
def taken(grace: timedelta) -> Iterator[Snapshot]:
    """Everything read inside sees the database as it was at one moment. Must not run inside a transaction."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            # A large history takes longer to read than anything else may.
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        now = select("SELECT now()")[0][0]
        capable = tuple(row[0] for row in select(_CAPABLE, {"now": now}))
        yield Snapshot(now, grace, _since("pump", now, grace), _since("worker", now, grace), capable, _shut(now))


def select(statement: str, parameters: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or {})
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def stream(statement: str, parameters: dict[str, Any] | None = None, *, size: int = 1000) -> Iterator[tuple[Any, ...]]:
    """The rows of a query that may be larger than memory, through a cursor in the database."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement, parameters or {})
        while rows := cursor.fetchmany(size):
            yield from rows


def _since(kind: str, now: datetime, grace: timedelta) -> datetime | None:
    """Follow sessions of one kind back in time, as long as each began before the one after it was missed."""
    return unbroken([(began, ended) for began, ended in select(_SESSIONS, {"kind": kind})], now, grace)


def _shut(now: datetime) -> dict[str, tuple[tuple[datetime, datetime], ...]]:
    found: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for name, began, ended in select(_SHUT, {"now": now}):
        found[name].append((began, ended))
    return {name: tuple(spans) for name, spans in found.items()}


def unbroken(sessions: Sequence[tuple[datetime, datetime]], now: datetime, grace: timedelta) -> datetime | None:
    """When the unbroken row of (began, ended) spans that reaches to `now` began. None: nothing reaches it."""
    since, reaches = None, now
    for began, ended in sorted(sessions, key=lambda span: span[1], reverse=True):
        if ended < reaches - (grace if since else timedelta(0)):
            break
        since = min(began, since or began)
        reaches = since
    return since


_CAPABLE = """
SELECT DISTINCT jsonb_array_elements_text(capabilities) FROM workflows_session
WHERE kind = 'worker' AND ended_at IS NULL AND alive_until > %(now)s
"""
_SHUT = """
SELECT breaker, at, coalesce(ended, %(now)s) FROM (
    SELECT breaker, became, at, lead(at) OVER (PARTITION BY breaker ORDER BY generation) AS ended
    FROM breakers_transition
) AS moves WHERE became IN ('open', 'held_open') ORDER BY breaker, at
"""
_SESSIONS = """
SELECT started_at, least(alive_until, ended_at) FROM workflows_session
WHERE kind = %(kind)s ORDER BY alive_until DESC LIMIT 1000
"""
