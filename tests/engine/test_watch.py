"""The pump's rounds: one bad row stops nobody, and no pool is forgotten for another's backlog."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from tests.engine.desk import Desk
from workflows import registry
from workflows.core.state import DEADLINE
from workflows.demo.contracts import ErpAnswer
from workflows.engine import clock, inbox, store, sweeper, timers
from workflows.models import Event, Instance, Message, Timer, Work

pytestmark = pytest.mark.django_db(transaction=True)


def spoil(instance_id: UUID) -> None:
    """A state nobody can read any more."""
    Instance.objects.filter(id=instance_id).update(state={"version": "of another world"})


def test_a_timer_that_cannot_be_told_does_not_keep_the_others_waiting() -> None:
    desk = Desk()
    bad, good = desk.start(), desk.start()
    spoil(bad)
    past = clock.read() - timedelta(seconds=5)
    Timer.objects.filter(instance_id=bad, name=DEADLINE).update(fire_at=past - timedelta(seconds=1))
    Timer.objects.filter(instance_id=good, name=DEADLINE).update(fire_at=past)

    assert timers.fire_due() == 1


def test_an_attempt_that_cannot_be_declared_lost_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "LEASE_SECONDS", 0)  # the database of the tests has only just started
    desk = Desk()
    bad, good = desk.start(), desk.start()
    for each in (bad, good):
        assert desk.claim(each) is not None
    spoil(bad)
    store.run("UPDATE workflows_session SET ended_at = now() WHERE id = $1", (desk.session_id,))

    assert sweeper.sweep() == 1
    assert Event.objects.filter(instance_id=good, type="AttemptLost").exists()


def test_a_callback_that_cannot_be_handed_over_does_not_hold_up_the_others() -> None:
    desk = Desk()
    bad, good = desk.start(), desk.start()
    for each in (bad, good):
        desk.play(each)
        reference = f"ERP-{Instance.objects.get(id=each).key}"
        answer = ErpAnswer(reference=reference, erp_number="45", accepted=True, reason=None)
        inbox.receive("erp", reference, "erp.registered", reference, answer.model_dump_json())
    spoil(bad)

    sweeper.deliver_pending()

    assert set(Message.objects.values_list("state", flat=True)) == {"pending", "applied"}


def test_no_pool_is_forgotten_however_long_the_queue_of_another_is() -> None:
    instance_id = Desk().start()
    Work.objects.bulk_create(
        Work(
            instance_id=instance_id,
            step=f"step {number}",
            direction="forward",
            workflow="order",
            version=1,
            pool="quarantine" if number == 1199 else "default",
            dependency="erp",
            ready_at=clock.read(),
            timeout_seconds=1,
        )
        for number in range(1200)
    )

    assert {pool for (pool,) in store.run(sweeper._READY_POOLS, ())} == {"default", "quarantine"}


def test_work_reserved_in_a_batch_has_time_until_its_turn_comes() -> None:
    desk = Desk()
    desk.start()
    capabilities = registry.capabilities()

    store.claim_batch(desk.session_id, "default", capabilities, ["warehouse"], 16, fast=True)
    store.claim_batch(desk.session_id, "default", capabilities, [], 16, fast=False)

    allowed = {
        row.step: round((row.deadline_at - row.leased_at).total_seconds())
        for row in Work.objects.all()
        if row.deadline_at and row.leased_at
    }
    assert allowed == {"stock": 3 + 2 + 10, "risk": 3 + 2}
