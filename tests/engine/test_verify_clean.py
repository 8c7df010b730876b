"""What the engine leaves behind is clean, in every state an order can be in."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.engine.desk import Desk
from workflows import interventions
from workflows.engine.sweeper import declare_lost
from workflows.interventions import CAPABILITIES, Principal
from workflows.models import Instance
from workflows.verify import verify

pytestmark = pytest.mark.django_db(transaction=True)

OPERATOR = Principal("user", "olga", frozenset(CAPABILITIES))


def test_a_day_at_the_desk_is_clean() -> None:
    desk = Desk()
    desk.delivered()
    desk.start()  # nothing done yet
    desk.play(desk.start())  # waits for the callback
    failed = desk.start()
    desk.fail(desk.claimed(failed, "risk"))
    lost = desk.start()
    claim = desk.claimed(lost, "stock")
    declare_lost(lost, "stock", claim.direction, claim.token, "the worker stopped answering")
    early = desk.start()
    desk.play(early, until="charge")
    desk.answer(early)
    refused = desk.start()
    desk.play(refused)
    desk.answer(refused, accepted=False)
    paused = desk.start()
    interventions.act(OPERATOR, "pause", paused, reason="look at it")
    cancelled = desk.start()
    desk.play(cancelled)
    interventions.act(OPERATOR, "cancel", cancelled, reason="the customer called")
    desk.play(cancelled)
    corrected = desk.delivered()
    interventions.act(OPERATOR, "compensate", corrected, reason="came back")
    desk.play(corrected)
    running = desk.start()
    desk.play(running, until="reserve")
    charging = desk.claimed(running, "charge")
    interventions.act(OPERATOR, "cancel", running, reason="the customer called")
    desk.succeed(charging)
    desk.play(running)

    report = verify(timedelta(minutes=5))

    assert [offender for verdict in report.verdicts for offender in verdict.offenders] == []
    assert report.instances == 11
    assert sorted(set(Instance.objects.values_list("lifecycle", flat=True))) == [
        "cancelled", "compensated", "compensating", "completed", "paused", "running", "waiting",
    ]  # fmt: skip
