"""The numbers behind sparklines and metrics: every event counted once, however often and whenever somebody counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import connection

from tests.engine.desk import Desk
from tests.worlds import rolled
from workflows import rollups
from workflows.engine import clock
from workflows.models import Instance, Rollup

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_order_is_counted_once_however_often_somebody_counts() -> None:
    desk = Desk()
    desk.delivered()

    first = rolled()
    again = rolled()

    totals = rollups.totals()
    assert (first, again) == (10, 0)  # the start, eight answers and the end
    assert totals["started", "order"][0] == 1
    assert totals["completed", "order"][0] == 1
    assert totals["attempts", "warehouse"][0] == 2


def test_what_commits_late_is_counted_later_not_lost() -> None:
    desk = Desk()
    parameters = connection.get_connection_params()
    for unwanted in ("cursor_factory", "context", "server_side_binding", "pool"):
        parameters.pop(unwanted, None)
    with psycopg.connect(**parameters) as slow:
        slow.execute("SELECT pg_current_xact_id()")  # an older transaction is still writing
        desk.start()
        before = rollups.roll(clock.read())
        slow.commit()

    after = rolled()

    assert (before, after) == (0, 1)


def test_failures_retries_and_seconds_belong_to_the_dependency() -> None:
    desk = Desk()
    instance_id = desk.start()
    desk.fail(desk.claimed(instance_id, "risk"))

    rolled()

    totals = rollups.totals()
    assert totals["failures", "fraud"][0] == totals["retries", "fraud"][0] == totals["attempts", "fraud"][0] == 1
    assert totals["latency", "fraud"][0] == 1
    assert totals["latency", "fraud"][1] >= 0
    assert ("failures", "warehouse") not in totals


def test_another_database_begins_anew_without_counting_twice() -> None:
    desk = Desk()
    desk.start()
    rolled()
    Rollup.objects.filter(name=rollups.CURSOR).update(label="another system")
    desk.start()

    rolled()
    desk.start()
    rolled()

    assert rollups.totals()["started", "order"][0] == 2
    assert Instance.objects.count() == 3


def test_a_series_has_a_number_for_every_minute() -> None:
    noon = datetime(2010, 12, 1, 12, tzinfo=UTC)
    Rollup.objects.create(name="started", label="order", minute=noon + timedelta(minutes=1), count=7)

    found = rollups.series("started", "order", since=noon - timedelta(seconds=30), until=noon + timedelta(minutes=3))

    assert [point.count for point in found] == [0, 7, 0]
