"""What machines ask the web process: is it alive, and is it ready to serve people?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from tests.engine.desk import Desk
from workflows.engine import clock
from workflows.models import Duty

pytestmark = pytest.mark.django_db(transaction=True)


def ready() -> tuple[int, dict[str, Any]]:
    response = Client().get("/readyz")
    return response.status_code, response.json()


def test_a_process_is_alive_whatever_it_needs() -> None:
    with connection.execute_wrapper(away):
        response = Client().get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "alive"})


def test_it_is_ready_with_database_migrations_and_pump() -> None:
    Desk()

    code, found = ready()

    assert (code, found["status"], found["degraded"]) == (200, "ready", [])


def test_without_redis_it_is_degraded_but_ready(settings: Any) -> None:
    Desk()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    code, found = ready()

    assert (code, found["status"], found["degraded"]) == (200, "degraded", ["redis"])


def test_without_a_pump_it_is_not_ready() -> None:
    Desk()
    Duty.objects.update(done_at=clock.read() - timedelta(minutes=5))

    code, found = ready()

    assert (code, found["status"]) == (503, "not ready")
    assert found["reason"].startswith("The pump did nothing for")


def test_without_a_database_it_is_not_ready_and_says_so() -> None:
    with connection.execute_wrapper(away):
        code, found = ready()

    assert (code, found["reason"]) == (503, "The database does not answer.")


def away(*args: Any) -> Any:
    raise OperationalError("the database is away")
