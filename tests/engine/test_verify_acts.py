"""I33 has its faults planted: in the sealed audit, and between the audit and the history."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from tests.engine.desk import Desk
from tests.engine.tampering import sql
from tests.worlds import sealed, settled
from workflows import audit, interventions
from workflows.audit import Act
from workflows.engine import clock
from workflows.interventions import CAPABILITIES, Principal
from workflows.models import AuditEntry, AuditSeal
from workflows.verify import verify

pytestmark = pytest.mark.django_db(transaction=True)

OPERATOR = Principal("user", "olga", frozenset(CAPABILITIES))
GRACE = timedelta(seconds=60)
LONG = timedelta(hours=2)


def problems() -> list[str]:
    """What is wrong with the record; nothing else may be wrong."""
    found = {verdict.invariant: verdict.offenders for verdict in verify(GRACE).verdicts if verdict.offenders}
    assert set(found) <= {"I33"}
    return [f"{offender.subject}: {offender.problem}" for offender in found.get("I33", ())]


@pytest.fixture
def paused() -> UUID:
    """An order that olga paused; everything is sealed."""
    instance_id = Desk().start()
    interventions.act(OPERATOR, "pause", instance_id, reason="stocktaking")
    sealed()
    assert problems() == []
    return instance_id


def the_pause() -> AuditEntry:
    return AuditEntry.objects.get(action="pause")


def test_a_changed_row(paused: UUID) -> None:
    sql("UPDATE workflows_auditentry SET reason = 'because' WHERE action = 'pause'")

    first, last = AuditEntry.objects.order_by("id")
    assert problems() == [
        f"audit seal 1: one of its 2 rows ({first.id} to {last.id}) is not what was sealed",
    ]


def test_a_removed_row(paused: UUID) -> None:
    gone = the_pause().id

    sql("DELETE FROM workflows_auditentry WHERE action = 'pause'")

    by_seal, by_history = sorted(problems())
    assert by_seal == f"audit seal 1: row {gone}, which it covers, is gone"
    assert "InstancePaused at" in by_history and "the audit does not say that they acted" in by_history


def test_a_row_that_was_slipped_in(paused: UUID) -> None:
    false = audit.record(Act("user", "eve", "export"), allowed=True).id
    sql("UPDATE workflows_auditentry SET xid = '3' WHERE actor = 'eve'")

    assert problems() == [f"audit row {false}: export by eve was slipped in: it is in no seal"]


def test_a_row_of_a_transaction_that_has_not_begun(paused: UUID) -> None:
    false = audit.record(Act("user", "eve", "export"), allowed=True).id
    sql("UPDATE workflows_auditentry SET xid = '9000000000000' WHERE actor = 'eve'")

    assert problems() == [f"audit row {false}: export by eve was slipped in: it is in no seal"]


def test_a_row_put_in_the_place_of_another(paused: UUID) -> None:
    sql("UPDATE workflows_auditseal SET entries = entries[1:1], count = 1")

    assert any("is not what was sealed" in problem for problem in problems())
    assert any("was slipped in" in problem for problem in problems())


def test_a_seal_that_is_gone(paused: UUID) -> None:
    audit.record(Act("user", "olga", "export"), allowed=True)
    sealed()

    sql("DELETE FROM workflows_auditseal WHERE number = 1")

    assert "audit seal 2: seals before it are gone: 1" in problems()


def test_seals_that_were_all_made_anew_show_in_what_is_kept_of_them_elsewhere(paused: UUID) -> None:
    kept = bytes(AuditSeal.objects.get(number=1).hash)

    sql("UPDATE workflows_auditentry SET reason = 'because' WHERE action = 'pause'")
    sql("DELETE FROM workflows_auditseal")
    sealed()

    assert problems() == [], "whoever may do everything can do this"
    assert bytes(AuditSeal.objects.get(number=1).hash) != kept


def test_rows_that_wait_for_their_seal_too_long(paused: UUID) -> None:
    audit.record(Act("user", "olga", "export"), allowed=True)
    sql("UPDATE workflows_auditentry SET at = %(at)s WHERE action = 'export'", at=clock.read() - LONG)
    settled("workflows_auditentry")

    assert problems()[0].startswith("audit: rows without a seal: 1, the oldest since")


def test_a_restored_database_that_is_not_sealed_on(paused: UUID) -> None:
    sql("UPDATE workflows_auditseal SET system = 'elsewhere'")
    audit.record(Act("user", "olga", "export"), allowed=True)
    at = clock.read() - LONG
    sql("UPDATE workflows_auditentry SET at = %(at)s, xid = '9000000000000' WHERE action = 'export'", at=at)

    assert problems()[0].startswith("audit: rows without a seal: 1")


def test_an_act_that_left_no_trace() -> None:
    instance_id = Desk().start()
    act = Act("user", "olga", "pause", reason="stocktaking")
    number = audit.record(act, allowed=True, instance_id=instance_id).id

    (problem,) = problems()
    assert problem.endswith(f"pause by olga (audit row {number}) left nothing in the history")


def test_a_refused_act_leaves_no_trace_and_that_is_right() -> None:
    instance_id = Desk().start()
    audit.record(Act("user", "olga", "pause"), allowed=False, refusal="no right", instance_id=instance_id)

    assert problems() == []


@pytest.mark.parametrize("actor", [("user", "olga"), ("policy", "night watch")])
def test_a_turn_that_nobody_answers_for(actor: tuple[str, str]) -> None:
    instance_id = Desk().start()
    interventions.act(Principal(*actor, OPERATOR.capabilities), "pause", instance_id, reason="stocktaking")

    sql("DELETE FROM workflows_auditentry WHERE action = 'pause'")

    (problem,) = problems()
    assert problem.endswith(f"is by {actor[1]}, but the audit does not say that they acted")


def test_a_turn_in_somebody_elses_name(paused: UUID) -> None:
    sql("UPDATE workflows_auditentry SET actor = 'vera' WHERE action = 'pause'")

    assert len(problems()) == 3  # the seal, vera's act, and olga's turn


def test_a_turn_that_was_carried_out_later_is_found_with_its_act(paused: UUID) -> None:
    """A process without the code stores what a person decided; another carries it out in a transaction of its own."""
    sql("DELETE FROM workflows_auditseal")
    sql("UPDATE workflows_auditentry SET xid = '3', at = at - interval '1 second' WHERE action = 'pause'")

    assert problems() == []


def test_an_act_without_a_reason() -> None:
    instance_id = Desk().start()
    interventions.act(OPERATOR, "pause", instance_id, reason="stocktaking")

    sql("UPDATE workflows_auditentry SET reason = ' ' WHERE action = 'pause'")

    (problem,) = problems()
    assert problem.endswith(f"audit row {the_pause().id} (pause by olga) gives no reason")


def test_an_act_without_an_actor() -> None:
    instance_id = Desk().start()
    audit.record(Act("system", "", "export"), allowed=True, instance_id=instance_id)

    assert problems()[0].endswith("(export) names nobody")
