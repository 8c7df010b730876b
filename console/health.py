"""Answers for machines that ask how the web process is: alive at all, and ready to serve people."""

from __future__ import annotations

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

#: migrations change only with a deployment, so a complete set is remembered
_migrated = False


def alive(request: HttpRequest) -> JsonResponse:
    """This process answers; it says nothing about anything it needs."""
    return JsonResponse({"status": "alive"})


def ready(request: HttpRequest) -> JsonResponse:
    """200 when the database answers and is migrated, with what is degraded; 503 with the reason otherwise."""
    try:
        pending = _pending_migrations()
    except DatabaseError:
        return JsonResponse({"status": "not ready", "reason": "The database does not answer."}, status=503)
    if pending:
        return JsonResponse({"status": "not ready", "reason": f"{pending} migrations are pending."}, status=503)
    degraded = [] if _redis_answers() else ["redis"]
    return JsonResponse({"status": "degraded" if degraded else "ready", "degraded": degraded})


def _pending_migrations() -> int:
    global _migrated
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    if _migrated:
        return 0
    executor = MigrationExecutor(connection)
    pending = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    _migrated = not pending
    return pending


def _redis_answers() -> bool:
    if not settings.REDIS_URL:
        return False
    client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
