"""The one place that asks the time: the database's, so that a wrong clock on one machine changes nothing."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection

#: An offset older than this is measured again, in seconds.
_STALE = 10.0

_offset: timedelta | None = None
_measured = 0.0


def now() -> datetime:
    """Database time in UTC, advanced by this process's monotonic clock since it was last read (at most 10 s ago)."""
    if _offset is None or time.monotonic() - _measured > _STALE:
        return read()
    return datetime.fromtimestamp(time.monotonic(), UTC) + _offset


def read() -> datetime:
    """Ask the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    return saw(row[0])


def saw(database_time: datetime) -> datetime:
    """Note a time the database has just told."""
    global _offset, _measured
    _measured = time.monotonic()
    _offset = database_time - datetime.fromtimestamp(_measured, UTC)
    return database_time.astimezone(UTC)


def pace() -> float:
    """By what business durations are divided: 1 except in the demo."""
    return float(getattr(settings, "PACE", 1))
