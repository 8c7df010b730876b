"""What people do goes through one door: allowed or refused with a sentence, with a reason, once, and on record."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.engine.flows_app.far_side import FarSide
from tests.engine.parcels import sent, started, taken, work, work_until
from tests.worlds import Kept, person, principal, together
from workflows import interventions
from workflows.dsl import PermanentFailure
from workflows.interventions import verification
from workflows.models import AuditEntry, Operation

pytestmark = pytest.mark.usefixtures("far")


def acts() -> list[AuditEntry]:
    """What was tried, starts left out."""
    return list(AuditEntry.objects.exclude(action="start").order_by("id"))


@pytest.mark.parametrize("action", ["retry", "pause", "resume", "cancel", "compensate"])
@pytest.mark.parametrize("role", ["support", "approver", "guest"])
def test_who_may_not_is_refused_with_a_sentence_and_on_record(action: str, role: str) -> None:
    parcel = started()
    before = parcel.history

    with pytest.raises(interventions.Forbidden, match=r"needs the right to .*operator or admin") as caught:
        interventions.act(principal("sam", role), action, parcel.id, reason="because")

    (entry,) = acts()
    assert (entry.allowed, entry.actor, entry.action, entry.refusal) == (False, "sam", action, str(caught.value))
    assert (parcel.history, Operation.objects.count()) == (before, 0)


def test_a_blocked_account_may_nothing() -> None:
    account = person("olga")
    account.is_active = False

    assert interventions.user(account).capabilities == frozenset()


@pytest.mark.parametrize("reason", ["", "   ", "x" * 2001])
def test_a_reason_is_needed(reason: str) -> None:
    parcel = started()

    with pytest.raises(interventions.ReasonMissing):
        interventions.act(principal(), "pause", parcel.id, reason=reason)

    assert acts()[0].allowed is False
    assert parcel.lifecycle != "paused"


def test_whoever_looked_at_something_older_must_look_again() -> None:
    parcel = started()
    seen = parcel.row.revision
    work()

    with pytest.raises(interventions.Stale, match="look again"):
        interventions.act(principal(), "cancel", parcel.id, reason="because", revision=seen)
    interventions.act(principal(), "cancel", parcel.id, reason="because", revision=parcel.row.revision)

    assert [entry.allowed for entry in acts()] == [False, True]


def test_twice_is_harmless() -> None:
    parcel = started()
    interventions.act(principal(), "pause", parcel.id, reason="because")

    with pytest.raises(interventions.Impossible, match="This parcel cannot do that now: it is already paused"):
        interventions.act(principal(), "pause", parcel.id, reason="because")

    assert parcel.history.count("InstancePaused") == 1
    assert [(entry.action, entry.allowed) for entry in acts()] == [("pause", True), ("pause", False)]


def test_sixteen_at_the_same_moment_are_one() -> None:
    parcel = started()

    def pause() -> bool:
        try:
            interventions.act(principal(), "pause", parcel.id, reason="because")
        except interventions.Impossible:
            return False
        return True

    principal()
    assert together(*[pause] * 16).count(True) == 1
    assert parcel.history.count("InstancePaused") == 1
    assert len(acts()) == 16
    parcel.check()


@pytest.mark.parametrize("action", ["explode", ""])
def test_an_action_nobody_knows(action: str) -> None:
    with pytest.raises(interventions.Unknown, match="there are retry, skip"):
        interventions.act(principal(), action, started().id, reason="because")


def test_an_instance_nobody_knows() -> None:
    with pytest.raises(interventions.Unknown, match="no such instance"):
        interventions.act(principal(), "pause", uuid4(), reason="because")


def test_an_act_is_on_record_with_before_and_after_and_in_the_history() -> None:
    parcel = started()

    interventions.act(principal(), "pause", parcel.id, reason="stocktaking")

    (entry,) = acts()
    assert (entry.target, entry.reason, entry.through) == (parcel.row.key, "stocktaking", "page")
    assert (entry.before["lifecycle"], entry.after["lifecycle"]) == ("running", "paused")
    assert entry.correlation_id == parcel.row.correlation_id
    event = parcel.events[-1]
    assert (event.type, event.actor_kind, event.actor, event.data) == (
        "InstancePaused", "user", "olga", {"reason": "stocktaking"},
    )  # fmt: skip


def test_what_may_be_done_now_is_known_beforehand_and_agrees_with_doing_it(far: FarSide) -> None:
    stuck = started("relay")
    far.will("first", PermanentFailure("wrong"))
    work()
    for kept in (started(), taken(), sent(), stuck):
        for one in interventions.allowed_actions(principal(), kept.row):
            try:
                interventions.act(principal(), one.action, kept.id, reason="because")
                done = True
            except interventions.Impossible:
                done = False
            except interventions.InvalidInput:
                done = True  # it lacks what has to be entered, nothing else
            assert done == one.allowed, one
            if done and one.action not in ("complete", "signal", "reassign"):
                break


class TestOperations:
    def test_it_is_accepted_and_later_verified_by_what_happened(self, far: FarSide) -> None:
        relay = started("relay")
        far.will("first", PermanentFailure("wrong"))
        work()

        operation = interventions.act(principal(), "retry", relay.id, reason="mended")
        assert (operation.state, verification.verify_open()) == ("accepted", 0)
        work_until(relay, "Completed")

        assert verification.verify_open() == 1
        operation.refresh_from_db()
        assert (operation.state, operation.evidence["type"]) == ("verified", "StepSucceeded")

    def test_it_fails_when_the_same_goes_wrong_again(self, far: FarSide) -> None:
        relay = started("relay")
        far.will("first", PermanentFailure("wrong"), PermanentFailure("still wrong"))
        work()
        operation = interventions.act(principal(), "retry", relay.id, reason="mended")

        work()
        verification.verify_open()

        operation.refresh_from_db()
        assert (operation.state, operation.error) == ("failed", "still wrong")

    def test_a_policy_acts_under_its_own_name(self) -> None:
        parcel: Kept = started()

        operation = interventions.act(interventions.policy("night watch"), "pause", parcel.id, reason="night")

        assert (operation.actor_kind, operation.actor) == ("policy", "night watch")
