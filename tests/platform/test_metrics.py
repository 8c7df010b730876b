"""What machines read about the installation: `/metrics` counts the tables themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from breakers import operations
from breakers.machine import State
from breakers.window import Tally
from tests.engine.desk import Desk
from tests.worlds import rolled
from workflows.engine import clock, gate, inbox
from workflows.models import Subscription, Work

pytestmark = pytest.mark.django_db(transaction=True)


def scraped(**headers: str) -> dict[tuple[str, ...], float]:
    """Every sample: name and label values, in the order of the labels' names, to number."""
    response = Client().get("/metrics", headers=headers)
    assert response.status_code == 200
    families = text_string_to_metric_families(response.content.decode())
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in families
        for sample in family.samples
    }


def test_an_empty_installation_has_numbers_too() -> None:
    found = scraped()

    assert found["watchkeeper_database_up",] == 1
    assert found["watchkeeper_processes", "worker"] == 0
    assert found["watchkeeper_callbacks_pending",] == 0


def test_instances_work_and_attempts_are_counted() -> None:
    desk = Desk()
    desk.delivered()
    desk.play(desk.start())
    stuck = desk.start()
    desk.fail(desk.claimed(stuck, "risk"), retryable=False)
    failing = desk.start()
    desk.fail(desk.claimed(failing, "stock"))
    now = clock.read()
    Work.objects.filter(instance_id=failing, step="risk").update(ready_at=now - timedelta(minutes=5))
    Work.objects.filter(instance_id=failing, step="stock").update(ready_at=now + timedelta(minutes=5))
    rolled()

    found = scraped()

    assert found["watchkeeper_instances", "ErpRegistrationPending", "order"] == 1
    assert found["watchkeeper_needs_person", "order"] == 1
    assert found["watchkeeper_instance_events_total", "started", "order"] == 4
    assert found["watchkeeper_instance_events_total", "completed", "order"] == 1
    assert found["watchkeeper_failures_total", "warehouse"] == found["watchkeeper_retries_total", "warehouse"] == 1
    assert found["watchkeeper_attempt_seconds_count", "payments"] == 2
    assert found["watchkeeper_work", "default", "ready"] == 2
    assert found["watchkeeper_work", "default", "later"] == 1
    assert found["watchkeeper_work_oldest_seconds", "default"] >= 300
    assert found["watchkeeper_processes", "worker"] == 1
    assert "watchkeeper_pump_age_seconds" in {name for name, *_ in found}


def test_what_waits_to_be_handed_on_is_counted() -> None:
    desk = Desk()
    desk.delivered()
    Subscription.objects.create(name="crm", url="http://localhost/", secret="s", created_at=clock.read())
    inbox.receive("erp", "w1", "erp.registered", "nobody", "{}")

    found = scraped()

    assert found["watchkeeper_callbacks_pending",] == 1
    assert found["watchkeeper_outbox_undelivered",] == 1
    assert found["watchkeeper_outbox_undelivered_oldest_seconds",] > 0


def test_breakers_are_counted() -> None:
    gate.open_up()
    now = clock.read()
    operations.hold("fraud", State.HELD_OPEN, now + timedelta(hours=1), now, actor="olga", reason="maintenance")
    operations.seen("fraud", Tally(), 0, 7, now)
    Desk().start()
    Work.objects.filter(dependency="fraud").update(parked=True)

    found = scraped()

    assert found["watchkeeper_breaker_state", "fraud", "held_open"] == 1
    assert found["watchkeeper_breaker_state", "fraud", "closed"] == 0
    assert found["watchkeeper_breaker_state", "payments", "closed"] == 1
    assert found["watchkeeper_breaker_refused_total", "fraud"] == 7
    assert found["watchkeeper_breaker_held_up", "fraud"] == 1
    assert found["watchkeeper_breaker_held_up", "payments"] == 0
    assert found["watchkeeper_breaker_transitions_total", "fraud", "held_open"] == 1
    assert found["watchkeeper_breaker_transitions_total", "fraud", "open"] == 0


def test_a_token_is_asked_for_where_one_is_set(settings: Any) -> None:
    settings.METRICS_TOKEN = "m" * 20

    refused = [Client().get("/metrics", headers=headers).status_code for headers in ({}, {"Authorization": "Bearer x"})]

    assert refused == [401, 401]
    assert scraped(Authorization="Bearer " + "m" * 20)


def test_a_database_that_is_away_is_a_number() -> None:
    with connection.execute_wrapper(_away):
        found = scraped()

    assert found == {("watchkeeper_database_up",): 0}


def _away(*args: Any) -> Any:
    raise OperationalError("the database is away")
