"""Each invariant has a fault planted against it, and `verify` finds exactly that one."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from tests.engine.desk import Desk
from tests.engine.tampering import appended, changed, rewrite, sql
from tests.worlds import settled
from workflows import interventions
from workflows.engine import clock, ids
from workflows.interventions import CAPABILITIES, Principal
from workflows.models import (
    Delivery,
    IdempotentRequest,
    Instance,
    Message,
    OutboxEvent,
    Session,
    Subscription,
    Timer,
    Work,
)
from workflows.verify import verify
from workflows.verify.stories import Record

pytestmark = pytest.mark.django_db(transaction=True)

OPERATOR = Principal("user", "olga", frozenset(CAPABILITIES))
GRACE = timedelta(seconds=60)
LONG = timedelta(hours=2)


def broken() -> set[str]:
    """The invariants that do not hold."""
    return {verdict.invariant for verdict in verify(GRACE).verdicts if verdict.offenders}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def waiting(desk: Desk) -> UUID:
    """An order that waits for the ERP."""
    instance_id = desk.start()
    desk.play(instance_id)
    return instance_id


def correcting(desk: Desk) -> UUID:
    """A cancelled order whose correction has just begun: ERP, then charge, then reservation."""
    instance_id = waiting(desk)
    interventions.act(OPERATOR, "cancel", instance_id, reason="the customer called")
    return instance_id


def test_i01_a_live_instance_without_its_work(desk: Desk) -> None:
    instance_id = desk.start()

    sql("DELETE FROM workflows_work WHERE instance_id = %(id)s AND step = 'risk'", id=instance_id)

    assert broken() == {"I01"}


def test_i01_a_live_instance_whose_work_is_put_off(desk: Desk) -> None:
    instance_id = desk.start()

    sql("UPDATE workflows_work SET held = true WHERE instance_id = %(id)s", id=instance_id)

    assert broken() == {"I01"}


def test_i01_somebody_is_needed_and_nobody_is_named(desk: Desk) -> None:
    instance_id = desk.start()
    desk.fail(desk.claimed(instance_id, "stock"), retryable=False)

    sql("UPDATE workflows_instance SET needs_person = false WHERE id = %(id)s", id=instance_id)

    assert broken() == {"I01", "I34"}  # the row no longer says what the history says, either


def test_i02_ready_work_that_nobody_takes(desk: Desk) -> None:
    instance_id = desk.start()

    Work.objects.filter(instance_id=instance_id).update(ready_at=clock.read() - LONG)

    assert broken() == {"I02"}


def test_i02_a_queue_that_is_being_served_is_no_offence(desk: Desk) -> None:
    for instance_id in (desk.start(), desk.start()):
        Work.objects.filter(instance_id=instance_id).update(ready_at=clock.read() - LONG)
    served = desk.start()
    desk.claimed(served, "stock")
    desk.succeed(desk.claimed(served, "risk"))

    assert broken() == set()


def test_i03_a_lease_that_outlived_its_attempt(desk: Desk) -> None:
    claim = desk.claimed(desk.start(), "stock")

    long_ago = clock.read() - LONG
    Work.objects.filter(token=claim.token).update(leased_at=long_ago, deadline_at=long_ago)

    assert broken() == {"I03"}


def test_i03_a_lease_of_a_session_that_is_gone(desk: Desk) -> None:
    claim = desk.claimed(desk.start(), "stock")

    Work.objects.filter(token=claim.token).update(leased_at=clock.read() - LONG, session_id=ids.new_id())

    assert broken() == {"I03"}


def test_i04_a_timer_that_did_not_fire(desk: Desk) -> None:
    instance_id = desk.start()

    Timer.objects.filter(instance_id=instance_id, name="deadline").update(fire_at=clock.read() - LONG)

    assert broken() == {"I04"}


def test_i04_a_timer_that_is_missing(desk: Desk) -> None:
    instance_id = waiting(desk)

    Timer.objects.filter(instance_id=instance_id, name="registered").delete()

    assert broken() == {"I04"}


def test_i04_a_timer_that_fired_too_early(desk: Desk) -> None:
    instance_id = waiting(desk)
    deadline = Instance.objects.get(id=instance_id).deadline_at
    assert deadline is not None

    rewrite(instance_id, lambda records: appended(records, "DeadlineNear", deadline_at=deadline.isoformat()))
    Timer.objects.filter(instance_id=instance_id, name="deadline-warning").delete()

    assert broken() == {"I04"}


def test_i05_a_wait_whose_time_has_passed(desk: Desk) -> None:
    instance_id, past = waiting(desk), clock.read() - LONG

    rewrite(instance_id, changed("WaitOpened", due_at=past.isoformat()))
    sql("UPDATE workflows_wait SET due_at = %(past)s WHERE instance_id = %(id)s", past=past, id=instance_id)
    Timer.objects.filter(instance_id=instance_id, name="registered").update(fire_at=past)

    assert broken() == {"I04", "I05"}  # the timer that should have ended the wait is late with it


def test_i06_an_ended_instance_with_something_left_to_do(desk: Desk) -> None:
    instance_id = desk.delivered()

    Timer.objects.create(instance_id=instance_id, name="deadline", fire_at=clock.read() + LONG)

    assert broken() == {"I06"}


def test_i06_work_of_an_instance_that_does_not_exist(desk: Desk) -> None:
    Timer.objects.create(instance_id=ids.new_id(), name="deadline", fire_at=clock.read() + LONG)

    assert broken() == {"I06"}


def test_i07_an_instance_that_ended_twice(desk: Desk) -> None:
    instance_id = desk.delivered()

    rewrite(instance_id, lambda records: appended(records, "InstanceEnded", lifecycle="completed", status="Delivered"))

    assert broken() == {"I07"}


def test_i08_a_gap_in_the_history(desk: Desk) -> None:
    instance_id = desk.delivered()

    rewrite(instance_id, lambda records: [*records[:-1], replace(records[-1], seq=records[-1].seq + 1)])

    assert broken() == {"I08"}


def test_i09_an_event_that_was_written_over(desk: Desk) -> None:
    instance_id = desk.delivered()

    sql(
        "UPDATE workflows_event SET data = replace(data::text, ',', ', ')::json WHERE instance_id = %(id)s AND seq = 2",
        id=instance_id,
    )

    assert broken() == {"I09"}


def test_i09_a_payload_that_was_written_over(desk: Desk) -> None:
    instance_id = desk.delivered()

    sql(
        "UPDATE workflows_payload SET body = replace(body, '6', '9') WHERE instance_id = %(id)s AND seq = 1",
        id=instance_id,
    )

    assert broken() == {"I09"}


def test_i09_redaction_leaves_the_chain_intact(desk: Desk) -> None:
    instance_id = desk.delivered()

    sql("UPDATE workflows_payload SET body = NULL, salt = NULL WHERE instance_id = %(id)s", id=instance_id)

    assert broken() == set()


def test_i10_a_step_that_succeeded_twice(desk: Desk) -> None:
    instance_id = waiting(desk)

    def twice(records: list[Record]) -> list[Record]:
        first = next(record for record in records if (record.type, record.step) == ("StepSucceeded", "submitted"))
        again = json.loads(first.data) | {"attempt": None, "token": None, "has_output": None}
        return appended(records, "StepSucceeded", **again)

    rewrite(instance_id, twice)

    assert broken() == {"I10"}


def test_i11_a_stale_lease_that_committed(desk: Desk) -> None:
    instance_id = desk.start()
    failed = desk.claimed(instance_id, "risk")
    desk.fail(failed)
    Work.objects.filter(instance_id=instance_id, step="risk").update(ready_at=clock.read() - timedelta(seconds=1))
    desk.succeed(desk.claimed(instance_id, "risk"))

    rewrite(instance_id, changed("StepSucceeded", "risk", token=failed.token - 1))

    assert broken() == {"I11"}


def test_i12_two_live_attempts_of_one_step(desk: Desk) -> None:
    claim = desk.claimed(desk.start(), "stock")

    work = Work.objects.get(token=claim.token)
    work.pk, work.direction, work.token = None, "check", claim.token + 1000
    work.save()

    assert broken() == {"I12"}


def test_i13_an_attempt_that_was_not_counted(desk: Desk) -> None:
    instance_id = waiting(desk)

    rewrite(instance_id, changed("StepSucceeded", "charge", attempt=3))

    assert broken() == {"I13"}


def test_i13_more_failures_than_are_allowed(desk: Desk) -> None:
    instance_id = desk.start()
    for _ in range(7):
        Work.objects.filter(instance_id=instance_id, step="risk").update(ready_at=clock.read() - timedelta(seconds=1))
        desk.fail(desk.claimed(instance_id, "risk"))
    retry_at = (clock.read() + timedelta(minutes=1)).isoformat()

    def never_enough(records: list[Record]) -> list[Record]:
        last = json.loads(next(r for r in reversed(records) if r.type == "AttemptFailed").data)
        for number in (8, 9):
            token = {"token": last["token"] + number}
            records = appended(records, "AttemptFailed", **last | {"attempt": number, "retry_at": retry_at} | token)
        return records

    rewrite(instance_id, never_enough)
    Work.objects.filter(instance_id=instance_id, step="risk").update(ready_at=retry_at)

    assert broken() == {"I13"}


def test_i14_an_effect_under_a_key_of_its_own(desk: Desk) -> None:
    instance_id = waiting(desk)

    rewrite(instance_id, changed("StepSucceeded", "charge", key="order/other/r1/charge/g1"))

    assert broken() == {"I14"}


def test_i15_a_step_that_began_before_what_it_needs(desk: Desk) -> None:
    instance_id = desk.start()
    desk.play(instance_id, until="reserve")

    def swapped(records: list[Record]) -> list[Record]:
        *before, succeeded, scheduled = records
        assert (succeeded.step, scheduled.step) == ("reserve", "charge")
        return [*before, replace(scheduled, seq=succeeded.seq), replace(succeeded, seq=scheduled.seq)]

    rewrite(instance_id, swapped)
    sql("UPDATE workflows_payload SET seq = seq + 1 WHERE instance_id = %(id)s AND seq > 8", id=instance_id)

    assert broken() == {"I15"}


def test_i16_a_branch_that_never_began(desk: Desk) -> None:
    instance_id = desk.start()

    rewrite(instance_id, lambda records: records[:-1])
    Work.objects.filter(instance_id=instance_id, step="risk").delete()

    assert broken() == {"I16"}


def test_i17_a_satisfied_wait_without_its_message(desk: Desk) -> None:
    instance_id = desk.delivered()

    sql("UPDATE workflows_wait SET state = 'closed' WHERE instance_id = %(id)s", id=instance_id)

    assert broken() == {"I17"}


def test_i18_a_message_beside_an_open_wait(desk: Desk) -> None:
    instance_id = waiting(desk)
    long_ago = clock.read() - LONG

    lying(instance_id)
    sql("UPDATE workflows_wait SET opened_at = %(at)s", at=long_ago)
    Instance.objects.filter(id=instance_id).update(updated_at=long_ago)

    assert broken() == {"I18"}


def test_i18_an_instance_that_waits_without_a_wait(desk: Desk) -> None:
    instance_id = waiting(desk)

    sql("DELETE FROM workflows_wait WHERE instance_id = %(id)s", id=instance_id)

    assert broken() == {"I18"}


def test_i19_a_message_that_nobody_put_away(desk: Desk) -> None:
    instance_id = desk.delivered()

    lying(instance_id)
    sql("UPDATE workflows_wait SET closed_at = %(at)s", at=clock.read() - LONG)

    assert broken() == {"I19"}


def lying(instance_id: UUID) -> None:
    """A pending message with the key this order waits for, or waited for, that came long ago."""
    key = f"ERP-{Instance.objects.get(id=instance_id).key}"
    Message.objects.create(
        id=ids.new_id(),
        source="erp",
        webhook_id="w9",
        type="erp.registered",
        key=key,
        body="{}",
        received_at=clock.read() - LONG,
    )


def test_i20_a_message_and_something_else_both_decided(desk: Desk) -> None:
    instance_id = desk.delivered()

    rewrite(instance_id, changed("StepSucceeded", "registered", message=None, how="ask", key="{key}"))
    key = f"order/{Instance.objects.get(id=instance_id).key}/r1/registered/g1"
    rewrite(instance_id, changed("StepSucceeded", "registered", key=key))

    assert broken() == {"I20"}


def test_i23_an_effect_that_the_plan_forgot(desk: Desk) -> None:
    instance_id = correcting(desk)

    rewrite(instance_id, changed("CorrectionBegan", plan=["submitted", "charge"]))

    assert broken() == {"I23"}


def test_i24_a_correction_out_of_order(desk: Desk) -> None:
    instance_id = correcting(desk)

    rewrite(instance_id, changed("CompensationScheduled", step="reserve"))
    Work.objects.filter(instance_id=instance_id, direction="compensate").update(step="reserve", dependency="warehouse")

    assert broken() == {"I24"}


def test_i25_a_failed_correction_that_nobody_owns(desk: Desk) -> None:
    instance_id = correcting(desk)
    desk.succeed(desk.claimed(instance_id, "alert_order_desk"))
    desk.fail(desk.claimed(instance_id, "submitted"), retryable=False)

    Instance.objects.filter(id=instance_id).update(owner="")

    assert broken() == {"I25"}


def test_i26_a_milestone_that_is_not_in_the_outbox(desk: Desk) -> None:
    instance_id = desk.delivered()

    sql("DELETE FROM workflows_outboxevent WHERE instance_id = %(id)s", id=instance_id)

    assert broken() == {"I26"}


def test_i26_a_delivery_that_is_not_tried(desk: Desk) -> None:
    instance_id = desk.delivered()
    subscription = subscribed()
    event = OutboxEvent.objects.get(instance_id=instance_id)

    Delivery.objects.create(
        subscription=subscription, event=event, instance_id=instance_id, number=1, next_at=clock.read() - LONG
    )

    assert broken() == {"I26"}


def test_i26_an_event_that_is_not_made_out(desk: Desk) -> None:
    desk.delivered()
    subscribed()

    sql("UPDATE workflows_outboxevent SET at = %(at)s", at=clock.read() - LONG)
    settled("workflows_outboxevent")

    assert broken() == {"I26"}


def subscribed() -> Subscription:
    return Subscription.objects.create(
        name="crm", url="http://localhost/", secret="whsec_", created_at=clock.read() - LONG
    )


def test_i27_a_milestone_that_never_happened(desk: Desk) -> None:
    event = OutboxEvent.objects.get(instance_id=desk.delivered())

    OutboxEvent.objects.create(
        id=ids.new_id(),
        instance_id=event.instance_id,
        number=2,
        workflow="order",
        type="OrderConfirmed",
        schema_version=1,
        subject=event.subject,
        data=event.data,
        at=event.at,
    )

    assert broken() == {"I27"}


def test_i27_a_milestone_with_other_content(desk: Desk) -> None:
    desk.delivered()

    sql("""UPDATE workflows_outboxevent SET data = data || '{"total": 1000000}'""")

    assert broken() == {"I27"}


def test_i31_a_request_that_was_never_answered(desk: Desk) -> None:
    IdempotentRequest.objects.create(scope="user:olga", key="k1", fingerprint="f", at=clock.read() - LONG)

    assert broken() == {"I31"}


def test_i32_work_for_another_version(desk: Desk) -> None:
    instance_id = desk.start()

    Work.objects.filter(instance_id=instance_id, step="risk").update(version=1)

    assert broken() == {"I32"}


def test_i34_a_state_that_the_history_does_not_lead_to(desk: Desk) -> None:
    instance_id = desk.delivered()

    sql("""UPDATE workflows_instance SET state = state || '{"reason": "because"}' WHERE id = %(id)s""", id=instance_id)

    assert broken() == {"I34"}


def test_i34_a_history_that_makes_no_sense(desk: Desk) -> None:
    desk.start()

    sql("UPDATE workflows_event SET type = 'StepFlew' WHERE seq = 2")

    assert broken() == {"I09", "I34"}  # it is not what was written, either


def test_i35_a_pump_that_sweeps_no_more(desk: Desk) -> None:
    sql("UPDATE workflows_duty SET done_at = %(at)s WHERE name = 'sweep'", at=clock.read() - LONG)

    assert broken() == {"I35"}


def test_i35_workers_without_a_pump(desk: Desk) -> None:
    Session.objects.filter(kind="pump").delete()

    assert broken() == {"I35"}


def test_i36_a_child_that_outlives_its_parent(desk: Desk) -> None:
    parent, child = desk.delivered(), desk.start()

    Instance.objects.filter(id=child).update(parent_id=parent, parent_item="1")

    assert broken() == {"I36"}


def test_what_is_due_is_not_judged_while_nobody_is_at_work(desk: Desk) -> None:
    instance_id = desk.start()
    Work.objects.filter(instance_id=instance_id).update(ready_at=clock.read() - LONG)
    Session.objects.all().update(ended_at=clock.read() - LONG)

    report = verify(GRACE)

    not_judged = {verdict.invariant for verdict in report.verdicts if verdict.state == "not judged"}
    assert report.clean
    assert not_judged == {"I02", "I03", "I04", "I05", "I18", "I19", "I26", "I30", "I33", "I35"}
