"""Times that come: never early, once, also after a pause, and told by any number of pumps."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test.utils import override_settings

from tests.engine.flows_app.far_side import FarSide
from tests.engine.parcels import sent, started, work
from tests.waiting import wait_until
from tests.worlds import Kept, principal, together
from workflows import interventions
from workflows.engine import clock, timers
from workflows.models import Instance, Timer

pytestmark = pytest.mark.usefixtures("far")


def fire_all(kept: Kept, name: str) -> None:
    """Pumps look until this timer is gone."""

    def gone() -> bool:
        timers.fire_due()
        return name not in kept.timers

    wait_until(gone, f"{name} fired")


def test_a_timer_is_not_fired_early() -> None:
    parcel = started()
    work()

    assert timers.fire_due() == 0
    timers.fire(parcel.id, "confirmed")

    assert "AskScheduled confirmed" not in parcel.history


def test_a_time_that_came_lets_the_way_go_on() -> None:
    snail = started("snail")
    assert snail.row.waiting_kind == "timer"

    fire_all(snail, "rest")

    fired = next(event for event in snail.events if event.type == "TimerFired")
    assert fired.at >= snail.row.started_at + timedelta(seconds=0.05)
    assert [row.pool for row in snail.work] == ["slow"]
    snail.check()


def test_two_pumps_at_the_same_moment_fire_once() -> None:
    snail = started("snail")
    wait_until(lambda: clock.read() > snail.timers["rest"].fire_at, "it is due")

    together(timers.fire_due, timers.fire_due, timers.fire_due)

    assert snail.history.count("TimerFired rest") == 1
    snail.check()


def test_the_same_timer_told_again_changes_nothing() -> None:
    snail = started("snail")
    fire_all(snail, "rest")
    before = snail.history

    timers.fire(snail.id, "rest")

    assert snail.history == before


def test_a_pause_holds_it_and_it_fires_on_resume() -> None:
    snail = started("snail")
    interventions.act(principal(), "pause", snail.id, reason="rain")
    wait_until(lambda: clock.read() > snail.timers["rest"].fire_at, "it is due")

    assert timers.fire_due() == 0
    interventions.act(principal(), "resume", snail.id, reason="sun")
    fire_all(snail, "rest")

    assert snail.history[-1] == "StepScheduled crawled"
    snail.check()


def test_a_bad_row_does_not_keep_the_others_from_their_turn() -> None:
    broken, snail = started("snail"), started("snail")
    state = broken.row.state
    Instance.objects.filter(id=broken.id).update(state={**state, "steps": {"nobody": {"phase": "waiting"}}})

    fire_all(snail, "rest")

    assert "rest" in broken.timers


class TestDeadline:
    def test_it_warns_tells_and_ends_nothing(self) -> None:
        with override_settings(PACE=100_000):
            parcel = started()
            fire_all(parcel, "deadline")

        assert [event for event in parcel.history if "Deadline" in event] == ["DeadlineNear", "DeadlinePassed"]
        row = parcel.row
        assert (row.deadline_state, row.ended_at) == ("passed", None)
        assert parcel.said("DeadlinePassed")[0]["escalate_to"] == "boss"
        parcel.check()

    def test_it_goes_with_the_instance(self) -> None:
        parcel = sent()

        assert not Timer.objects.exists()
        assert (parcel.row.deadline_state, parcel.row.deadline_at is not None) == ("", True)


def test_business_time_is_divided_in_a_demonstration_and_pauses_between_attempts_are_not(far: FarSide) -> None:
    with override_settings(PACE=60):
        parcel = started()
        work()

    waited = parcel.timers["confirmed"].fire_at - parcel.row.updated_at
    assert timedelta(seconds=9) < waited <= timedelta(seconds=10)
