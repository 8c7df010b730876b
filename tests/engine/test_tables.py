"""What the database itself guarantees: histories only grow, changes show, published events are numbered densely."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import ProgrammingError

from approvals.models import Approval, Vote
from breakers.models import Transition
from tests.engine.parcels import confirmed, sent, started, taken, work
from tests.worlds import Kept, principal
from workflows import interventions
from workflows.engine import ids
from workflows.models import APPEND_ONLY_TABLES, AuditSeal, Event, Instance, LateResult, Message, OutboxEvent, Payload

pytestmark = pytest.mark.usefixtures("far")


@pytest.fixture
def parcel() -> Kept:
    """An instance with a row in every table that only grows."""
    kept = sent()
    LateResult.objects.create(
        instance_id=kept.id, step="left", direction="forward", token=1, at=kept.row.started_at, outcome="failed",
        disposition="ignored",
    )  # fmt: skip
    now = kept.row.started_at
    AuditSeal.objects.create(number=1, xid=0, last_id=0, count=0, hash=b"", at=now)
    Transition.objects.create(breaker="left_hand", generation=2, at=now, was="closed", became="open", cause="-")
    question = Approval.objects.create(
        id=ids.new_id(), subject=kept.id, item="left", scope="parcel", key="1", question="?", audience="clerks",
        default_outcome="reject", subject_hash="", opened_at=now, due_at=now,
    )  # fmt: skip
    Vote.objects.create(approval=question, person="olga", verdict="approve", subject_hash="", at=now)
    return kept


@pytest.mark.parametrize("table", APPEND_ONLY_TABLES)
@pytest.mark.parametrize("statement", ["DELETE FROM {table}", "UPDATE {table} SET at = at"])
def test_histories_only_grow(parcel: Kept, table: str, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="append-only"), connection.cursor() as cursor:
        cursor.execute(statement.format(table=table))


def test_a_changed_event_breaks_the_chain(parcel: Kept) -> None:
    parcel.check()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE workflows_event DISABLE TRIGGER append_only")
    try:
        Event.objects.filter(instance_id=parcel.id, seq=4).update(actor="somebody else")
        with pytest.raises(AssertionError, match="the chain breaks at 4"):
            parcel.check()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE workflows_event ENABLE TRIGGER append_only")


def test_a_changed_payload_breaks_its_digest_and_a_redacted_one_leaves_the_chain_intact(parcel: Kept) -> None:
    Payload.objects.filter(instance_id=parcel.id, seq=1).update(body='{"weight": 3}')

    with pytest.raises(AssertionError):
        parcel.check()


def test_published_events_are_numbered_densely_and_carry_the_correlation(parcel: Kept) -> None:
    letter = started("letter")

    assert [(event.number, event.type) for event in letter.published] == [(1, "ParcelAccepted")]
    assert [event.correlation_id for event in parcel.published] == [parcel.row.correlation_id]
    assert len({event.id for event in OutboxEvent.objects.all()}) == 2


def test_the_correlation_reaches_every_event(parcel: Kept) -> None:
    assert {event.correlation_id for event in parcel.events} == {parcel.row.correlation_id}


def test_after_everything_that_can_happen_the_chain_is_intact() -> None:
    parcel = taken()
    interventions.act(principal(), "pause", parcel.id, reason="stocktaking")
    interventions.act(principal(), "resume", parcel.id, reason="done")
    confirmed(parcel)
    work()
    interventions.act(principal(), "compensate", parcel.id, reason="it came back")
    work()

    parcel.check()
    assert [event.generation for event in parcel.events] == sorted(event.generation for event in parcel.events)
    actors = {(event.actor_kind, event.actor) for event in parcel.events}
    assert actors == {("system", "intake"), ("system", "engine"), ("client", "post"), ("user", "olga")}


class TestConstraints:
    def test_one_instance_per_key_and_run(self, parcel: Kept) -> None:
        row = parcel.row
        row.id = started().id
        with pytest.raises(IntegrityError, match="instance_once_per_run"), transaction.atomic():
            Instance.objects.filter(id=row.id).update(key=row.key)

    def test_ended_means_a_final_lifecycle(self, parcel: Kept) -> None:
        with pytest.raises(IntegrityError, match="instance_ended_iff_final"), transaction.atomic():
            Instance.objects.filter(id=parcel.id).update(lifecycle="running")

    def test_one_message_decides_a_wait(self, parcel: Kept) -> None:
        confirmed(parcel, "w2")
        with pytest.raises(IntegrityError, match="message_applied_once"), transaction.atomic():
            Message.objects.filter(state="duplicate").update(state="applied")
