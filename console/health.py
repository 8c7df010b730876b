"""Answers for machines that ask how the web process is: alive at all, and ready to serve people."""

from __future__ import annotations

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from psycopg_pool import PoolTimeout

from workflows.queries import liveness

#: a pump that has done nothing for so many seconds is not there
PUMP_LATE = 30.0
#: migrations change only with a deployment, so a complete set is remembered
_migrated = False


def alive(request: HttpRequest) -> JsonResponse:
    """This process answers; it says nothing about anything it needs."""
    return JsonResponse({"status": "alive"})


def ready(request: HttpRequest) -> JsonResponse:
    """200 when database, migrations and pump are in order, with what is degraded; 503 with the reason otherwise."""
    try:
        reason, pump = _in_the_way()
    except (DatabaseError, PoolTimeout):
        reason, pump = "The database does not answer.", None
    degraded = [] if redis_answers() else ["redis"]
    report = {"degraded": degraded, "pump_age_seconds": None if pump is None else round(pump, 1)}
    if reason:
        return JsonResponse({"status": "not ready", "reason": reason, **report}, status=503)
    return JsonResponse({"status": "degraded" if degraded else "ready", **report})


def pending_migrations() -> int:
    """How many migrations of this code the database has not seen. Raises `DatabaseError`."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def redis_answers() -> bool:
    """Whether hints and live news work; within a second."""
    if not settings.REDIS_URL:
        return False
    client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def _in_the_way() -> tuple[str, float | None]:
    """What keeps this installation from being ready (empty: nothing), and the pump's age."""
    global _migrated
    if not _migrated and (pending := pending_migrations()):
        return f"{pending} migrations are pending.", None
    _migrated = True
    pump = liveness.pump_age()
    if pump is None:
        return "No pump has ever run.", pump
    return (f"The pump did nothing for {pump:.0f} s." if pump > PUMP_LATE else "", pump)
