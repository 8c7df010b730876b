"""Looks at everything an installation stands on and says, thing by thing, how it is and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connection

from breakers.machine import WORDS, State
from breakers.queries import Standing
from console import health
from workflows import registry
from workflows.dsl import DefinitionError
from workflows.engine import clock
from workflows.queries import dependencies, liveness
from workflows.queries.dependencies import DependencyRow
from workflows.queries.unserved import unserved
from workflows.queries.visibility import EVERYTHING

#: seconds this machine's clock may be away from the database's
CLOCK_TOLERANCE = 2.0


@dataclass(frozen=True)
class Finding:
    """One thing, how it is, and what to do when it is not well. Never holds a secret."""

    subject: str
    state: str
    well: bool = True
    remedy: str = ""


def examine() -> list[Finding]:
    """Everything, as far as it can be seen; what needs a database is left out when there is none."""
    findings = [*_settings(), *_checks(), *_definitions(), _redis()]
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        reason = str(error).strip().splitlines()[0]
        remedy = "Start PostgreSQL, or correct DATABASE_URL; `manage.py up` brings its own."
        return [*findings, Finding("database", f"{_place(settings.DATABASE_URL)}: {reason}", False, remedy)]
    return [*findings, _database(), _rights(), *_when_migrated()]


def _settings() -> Iterator[Finding]:
    yield Finding("data", str(settings.DATA_DIR))
    mode = "the demo" if settings.DEMO else settings.CONSOLE_ENVIRONMENT or "no name"
    yield Finding("installation", f"{mode}, pace {settings.PACE:g}, hosts {', '.join(settings.ALLOWED_HOSTS)}")
    if settings.DEBUG:
        yield Finding("debug", "on: error pages show the inside", settings.ON_LOOPBACK, "Unset DEBUG.")
    if settings.CHAOS:
        yield Finding("chaos", f"on, failpoint {settings.FAILPOINT or 'none'}", False, "Unset CHAOS and FAILPOINT.")
    sources = ", ".join(sorted(settings.WEBHOOK_SECRETS)) or "none"
    if settings.CONSOLE_URL:
        yield Finding("mail", f"{settings.EMAIL_BACKEND.rsplit('.', 2)[-2]}, links to {settings.CONSOLE_URL}")
    else:
        yield Finding("mail", "off: CONSOLE_URL is not set, so nobody is told of questions by mail")
    yield Finding("callbacks", f"secrets for: {sources}")


def _checks() -> Iterator[Finding]:
    """Django's own system checks, and those of our apps."""
    messages = [one for one in checks.run_checks() if one.level >= checks.WARNING and not one.is_silenced()]
    for message in messages:
        yield Finding("check", f"{message.id}: {message.msg}", False, str(message.hint or ""))
    if not messages:
        yield Finding("checks", "no complaints")


def _definitions() -> Iterator[Finding]:
    try:
        names = sorted(f"{name} {version}" for name, version in registry.definitions())
    except DefinitionError as error:
        yield Finding("workflows", str(error), False, "Correct the definition.")
        return
    remedy = "" if names else "Name the app with your flows.py in CONSOLE_APPS."
    yield Finding("workflows", ", ".join(names) or "none is declared", bool(names), remedy)


def _redis() -> Finding:
    if health.redis_answers():
        return Finding("redis", _place(settings.REDIS_URL))
    where = _place(settings.REDIS_URL) if settings.REDIS_URL else "REDIS_URL is not set"
    remedy = "Work goes on more slowly. Start Redis, or correct REDIS_URL; `manage.py up` brings its own."
    return Finding("redis", f"{where}: no answer", False, remedy)


def _database() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_setting('server_version_num')::int")
        version, number = cursor.fetchone()
    remedy = "" if number >= 150_000 else "Watchkeeper needs PostgreSQL 15 or newer."
    return Finding("database", f"PostgreSQL {version} at {_place(settings.DATABASE_URL)}", not remedy, remedy)


def _rights() -> Finding:
    """The role that processes use must not be able to rewrite history."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT current_user, coalesce(bool_or(has_table_privilege(c.oid, 'UPDATE')), false)
            FROM pg_class c WHERE c.relname = 'workflows_event' AND c.relkind IN ('r', 'p')
            """
        )
        role, may_rewrite = cursor.fetchone()
    remedy = "Run the processes as a role of their own; `manage.py grant_rights --role ROLE` gives it its rights."
    if may_rewrite:
        return Finding("rights", f"{role} could change history", False, remedy)
    return Finding("rights", f"{role} may add to history, not change it")


def _when_migrated() -> Iterator[Finding]:
    pending = health.pending_migrations()
    if pending:
        yield Finding(
            "migrations", f"{pending} are pending", False, "Run `manage.py install` as the owner of the tables."
        )
        return
    yield Finding("migrations", "all applied")
    yield _clock()
    yield from _pump()
    yield from _workers()
    yield from _breakers()


def _clock() -> Finding:
    """Business time is the database's; a wrong clock here shows in logs, and rejects signed callbacks."""
    here = datetime.now(UTC)  # noqa: TID251 - this clock is what is being examined
    difference = (here - clock.read()).total_seconds()
    well = abs(difference) <= CLOCK_TOLERANCE
    remedy = "" if well else "Synchronise the clocks of this machine and the database (NTP)."
    return Finding("clock", f"{difference:+.1f} s from the database", well, remedy)


def _pump() -> Iterator[Finding]:
    pumps = [one for one in liveness.processes() if one.kind == "pump"]
    remedy = "" if pumps else "Timers and lost work wait. Start `manage.py pump`."
    yield Finding("pump", f"{len(pumps)} alive", bool(pumps), remedy)
    late = [one for one in liveness.duties() if one.age_seconds is None or one.age_seconds > health.PUMP_LATE]
    if pumps and late:
        names = ", ".join(one.name for one in late)
        yield Finding("duties", f"late: {names}", False, "Look at the pump's log for these names.")


def _workers() -> Iterator[Finding]:
    workers = [one for one in liveness.processes() if one.kind == "worker"]
    remedy = "" if workers else "Nothing is executed. Start `celery -A console worker`."
    yield Finding("workers", f"{len(workers)} alive", bool(workers), remedy)
    for one in unserved(EVERYTHING, clock.read()):
        state = f"no worker has the code; {one.count} instances stand still"
        yield Finding(f"{one.workflow} {one.version}", state, False, "Start a worker that has this version.")


def _breakers() -> Iterator[Finding]:
    """Those that are not closed, each with what it does next."""
    rows = [row for row in dependencies.every(EVERYTHING, clock.read()) if row.breaker is not None]
    for row in rows:
        if row.breaker is not None and row.breaker.state is not State.CLOSED:
            yield _breaker(row, row.breaker)
    closed = sum(1 for row in rows if row.breaker and row.breaker.state is State.CLOSED)
    if rows:
        yield Finding("breakers", f"{closed} of {len(rows)} closed")


def _breaker(row: DependencyRow, breaker: Standing) -> Finding:
    state = f"{WORDS[breaker.state]} since {breaker.since:%H:%M:%S} UTC, {row.held_up} instances wait"
    if breaker.hold is not None:
        state += f"; held by {breaker.hold.by} until {breaker.hold.until:%Y-%m-%d %H:%M} UTC: {breaker.hold.reason}"
        remedy = "It ends by itself; release it to end it now."
    else:
        if breaker.next_probe_at is not None:
            state += f"; next try at {breaker.next_probe_at:%H:%M:%S} UTC"
        remedy = f"{row.name} last answered: {breaker.last_error or 'nothing'}. It is tried again by itself."
    where = f" See /dependencies/{row.name}/."
    return Finding(f"breaker {row.name}", state, False, remedy + where)


def _place(url: str) -> str:
    """A URL without what is secret about it."""
    if not url:
        return "DATABASE_URL is not set"
    parts = urlsplit(url)
    host = parts.hostname or parts.query.removeprefix("host=")
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"
