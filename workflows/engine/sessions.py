"""This process's lease on life: one row, renewed by one heartbeat, on which all its attempts hang.

    heartbeat every 4 s, lease 12 s. A session that missed its lease is ended by the sweeper for good; the process
    notices at its next heartbeat, opens a new session, and what it was running comes back as a late result.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
import structlog
from django.db import connection

from workflows import registry
from workflows.engine import ids

LEASE_SECONDS = 12
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
    stopping: threading.Event = field(default_factory=threading.Event)
    heard: threading.Event = field(default_factory=threading.Event)
    running: Counter[str] = field(default_factory=Counter)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def busy(self, dependency: str, change: int) -> None:
        """Note that an attempt on this dependency began (+1) or ended (-1)."""
        with self.guard:
            self.running[dependency] += change


_current: Session | None = None
_opening = threading.Lock()


def current(kind: str = "worker") -> Session:
    """The session of this process; opened on first use, and anew after a fork."""
    global _current
    with _opening:
        if _current is None or _current.process != os.getpid():
            _current = Session(kind)
            connection.ensure_connection()
            parameters = connection.get_connection_params()
            for unwanted in ("cursor_factory", "context", "server_side_binding", "pool"):
                parameters.pop(unwanted, None)
            _insert(connection.connection, _current)
            threading.Thread(target=_keep_alive, args=(_current, parameters), name="heartbeat", daemon=True).start()
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


def end() -> None:
    """End the session in good order; reserved work was given back before."""
    global _current
    session, _current = _current, None
    if session is None or session.process != os.getpid():
        return
    session.stopping.set()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE workflows_session SET ended_at = now() WHERE id = %s AND ended_at IS NULL", [session.id])
