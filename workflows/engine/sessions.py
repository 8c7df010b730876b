"""This process's lease on life: one row, renewed by one heartbeat, on which all its attempts hang.

    heartbeat every 4 s, lease 12 s. A session that missed its lease is ended by the sweeper for good; the process
    notices at its next heartbeat, opens a new session, and what it was running comes back as a late result.

A thread cannot be killed: when one is stuck past its time-out, the process takes no new work, lets its other attempts
finish, and leaves, to be started again by its supervisor.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
import structlog
from django.db import connection

from workflows import registry
from workflows.engine import ids

LEASE_SECONDS = 12
#: after its time-out an attempt has this long before its thread counts as stuck
GRACE_SECONDS = 2
DRAIN_SECONDS = 7
#: exit status of a process that left because a thread was stuck (EX_SOFTWARE)
STUCK_EXIT = 70
HEARTBEAT_SECONDS = 4
#: Threads of a worker process; `console.celery` says how many it was started with.
THREADS = 4

log = structlog.get_logger(__name__)


@dataclass
class Session:
    """The process's present session. `running` counts its attempts per dependency."""

    kind: str
    id: UUID = field(default_factory=ids.new_id)
    process: int = field(default_factory=os.getpid)
    #: takes no new work
    draining: threading.Event = field(default_factory=threading.Event)
    #: renews its lease no more
    stopping: threading.Event = field(default_factory=threading.Event)
    heard: threading.Event = field(default_factory=threading.Event)
    running: Counter[str] = field(default_factory=Counter)
    #: per thread, the monotonic time by which its attempt should have ended
    due: dict[int, float] = field(default_factory=dict)
    guard: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def attempting(self, dependency: str, timeout: float) -> Iterator[None]:
        """Count an attempt on this dependency while it runs; `timeout` in seconds."""
        thread = threading.get_ident()
        with self.guard:
            self.running[dependency] += 1
            self.due[thread] = time.monotonic() + timeout + GRACE_SECONDS
        try:
            yield
        finally:
            with self.guard:
                self.running[dependency] -= 1
                self.due.pop(thread, None)

    def stuck(self) -> bool:
        """Whether a thread is past its time-out and grace."""
        with self.guard:
            return any(due < time.monotonic() for due in self.due.values())

    def others_running(self) -> bool:
        """Whether an attempt runs that is not stuck."""
        with self.guard:
            return any(due >= time.monotonic() for due in self.due.values())


_current: Session | None = None
_opening = threading.Lock()


def current(kind: str = "worker") -> Session:
    """The session of this process; opened on first use, and anew after a fork.

    Raises Django's database errors when it cannot be opened; the next call tries again.
    """
    global _current
    with _opening:
        if _current is None or _current.process != os.getpid():
            session = Session(kind)
            connection.ensure_connection()
            parameters = connection.get_connection_params()
            for unwanted in ("cursor_factory", "context", "server_side_binding", "pool"):
                parameters.pop(unwanted, None)
            with connection.wrap_database_errors:
                _insert(connection.connection, session)
            threading.Thread(target=_keep_alive, args=(session, parameters), name="heartbeat", daemon=True).start()
            _current = session
        return _current


def _insert(conn: psycopg.Connection[object], session: Session) -> None:
    conn.cursor().execute(
        """
        INSERT INTO workflows_session (id, kind, host, process, pools, capabilities, started_at, alive_until)
        VALUES (%s, %s, %s, %s, %s::jsonb, %s::jsonb, now(), now() + make_interval(secs => %s))
        """,
        (
            session.id,
            session.kind,
            socket.gethostname(),
            session.process,
            json.dumps(registry.pools()),
            json.dumps(registry.capabilities()),
            LEASE_SECONDS,
        ),
    )


def _keep_alive(session: Session, parameters: dict[str, object]) -> None:
    """Renew the lease until the process stops. A database that is away is tried again at the next beat."""
    conn: psycopg.Connection[object] | None = None
    while not session.stopping.wait(HEARTBEAT_SECONDS):
        if session.stuck():
            _leave(session)
        try:
            if conn is None or conn.closed:
                conn = psycopg.connect(**{**parameters, "autocommit": True})  # type: ignore[arg-type]
            if not beat(conn, session):
                log.warning("session.lost", session=str(session.id))
                session.id = ids.new_id()
                _insert(conn, session)
        except psycopg.Error as error:
            log.warning("heartbeat.failed", error=str(error))
            if conn is not None:
                conn.close()
    if conn is not None:
        conn.close()


def _leave(session: Session) -> None:
    """End a process one of whose threads is stuck, after its other attempts had time to finish."""
    session.draining.set()
    log.error("session.stuck", session=str(session.id))
    for _ in range(int(DRAIN_SECONDS / 0.1)):
        if not session.others_running() or session.stopping.wait(0.1):
            break
    os._exit(STUCK_EXIT)


def beat(conn: psycopg.Connection[object], session: Session) -> bool:
    """Renew the lease once. False: the session was ended meanwhile."""
    heard = session.heard.is_set()
    session.heard.clear()
    renewed = conn.cursor().execute(
        """
        UPDATE workflows_session SET alive_until = now() + make_interval(secs => %s),
               heard_at = CASE WHEN %s THEN now() ELSE heard_at END
        WHERE id = %s AND ended_at IS NULL
        """,
        (LEASE_SECONDS, heard, session.id),
    )
    return renewed.rowcount == 1


def drain() -> None:
    """Let this process take no new work, if it ever took any."""
    if _current is not None:
        _current.draining.set()


def end() -> None:
    """End the session in good order; reserved work was given back before."""
    global _current
    session, _current = _current, None
    if session is None or session.process != os.getpid():
        return
    session.draining.set()
    session.stopping.set()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE workflows_session SET ended_at = now() WHERE id = %s AND ended_at IS NULL", [session.id])
