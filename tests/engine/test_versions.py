"""A process without the code for an instance leaves it alone, and says so when it is asked to act."""

from __future__ import annotations

import pytest

from tests.engine.parcels import claim, lose, posted, started, taken, work
from tests.waiting import wait_until
from tests.worlds import Kept, principal
from workflows import interventions, registry
from workflows.engine import clock, sweeper, timers
from workflows.models import Instance, Work
from workflows.registry import UnknownWorkflow

pytestmark = pytest.mark.usefixtures("far")


def of_the_future(kept: Kept) -> Kept:
    """The instance was started by a newer release than this one."""
    Instance.objects.filter(id=kept.id).update(version=9, state={**kept.row.state, "version": 9})
    Work.objects.filter(instance_id=kept.id).update(version=9)
    return kept


@pytest.fixture
def parcel() -> Kept:
    return of_the_future(started())


def test_its_work_is_not_claimed(parcel: Kept) -> None:
    assert work() == 0
    assert all(row.session_id is None for row in parcel.work)


def test_its_timers_are_left_to_others() -> None:
    snail = of_the_future(started("snail"))
    wait_until(lambda: clock.read() > snail.timers["rest"].fire_at, "it is due")

    assert timers.fire_due() == 0


def test_its_messages_are_stored_for_others_and_keep_nobody_from_theirs() -> None:
    newer, older = of_the_future(taken()), taken()
    posted(newer)
    posted(older)

    sweeper.deliver_pending()

    assert older.messages == ["applied"]
    assert sweeper.deliver_pending() == 0


def test_its_lost_attempts_keep_nobody_from_theirs() -> None:
    newer, older = started("relay"), started("relay")
    claim(newer)
    claim(older)
    of_the_future(newer)

    with pytest.raises(UnknownWorkflow, match="no code for relay version 9"):
        lose(newer)
    lose(older)

    assert older.history[-1] == "AttemptLost first"


def test_acting_on_it_says_why_not(parcel: Kept) -> None:
    with pytest.raises(interventions.Impossible, match="no code for"):
        interventions.act(principal(), "pause", parcel.id, reason="x")

    assert {one.reason for one in interventions.allowed_actions(principal(), parcel.row)} == {
        "this process has no code for parcel version 9."
    }


def test_what_is_declared_outside_of_installed_apps_is_no_workflow() -> None:
    from tests.core.processes import workshop

    assert (workshop.name, workshop.version) not in registry.definitions()
    assert ("parcel", 1) in registry.definitions()
