"""Sits out a database that is away: an exception says nothing about a commit, so the action reads before it writes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import structlog
from django.db import InterfaceError, OperationalError, connection

T = TypeVar("T")

#: How long an outcome waits for the database before it is given up (seconds); the lease ends long before.
LIMIT = 60.0
_PAUSE = 0.5

#: What a broken, read-only or full database raises; never counted as a failed attempt.
AWAY = (OperationalError, InterfaceError)

log = structlog.get_logger(__name__)


def when_back(action: Callable[[], T]) -> T:
    """Run the action, again and again on a new connection while the database is away. It must be safe to repeat."""
    deadline = time.monotonic() + LIMIT
    while True:
        try:
            return action()
        except AWAY as error:
            log.warning("database.away", error=str(error).split("\n")[0])
            connection.close()
            if time.monotonic() > deadline:
                raise
            threading.Event().wait(_PAUSE)
