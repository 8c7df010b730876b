"""What people do to one instance: each act works, is refused without the right, harmless twice, and on record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from approvals.models import Approval
from tests.engine.desk import Desk
from tests.engine.flows_app.far_side import FarSide
from tests.engine.parcels import claim, confirmed, finish, lose, ready_now, started, taken, work, work_until
from tests.worlds import Kept, principal
from workflows import interventions
from workflows.dsl import OutcomeUnknown, PermanentFailure
from workflows.interventions import InvalidInput, Principal, verification
from workflows.models import AuditEntry, Message, Operation
from workflows.queries import board, details
from workflows.queries.visibility import EVERYTHING
from workflows.verify import verify

pytestmark = pytest.mark.usefixtures("far")


# --- where each act makes sense -------------------------------------------------------------------------------------


def stuck(far: FarSide, step: str = "left") -> Kept:
    """A parcel whose step needs a person; it certainly did not happen."""
    far.will(step, PermanentFailure("the belt is broken"))
    parcel = started()
    work()
    assert parcel.row.needs_person
    return parcel


def unsettled(far: FarSide) -> Kept:
    """A parcel whose sending may have happened, and is not tried any more."""
    far.will("send", *[OutcomeUnknown("no answer")] * 3)
    parcel = taken()
    confirmed(parcel)
    work()
    for _ in range(3):
        ready_now(parcel)
        work()
    assert (parcel.row.step, parcel.row.needs_person) == ("sent", True)
    return parcel


def waiting(far: FarSide) -> Kept:
    """A parcel that waits for its confirmation."""
    return taken()


def paused(far: FarSide) -> Kept:
    parcel = taken()
    interventions.act(principal(), "pause", parcel.id, reason="stocktaking")
    return parcel


def uncorrectable(far: FarSide) -> Kept:
    """A cancelled parcel: the right hand is free again, putting away the left one needs a person."""
    far.will("undo left", PermanentFailure("the shelf is full"))
    parcel = taken()
    interventions.act(principal(), "cancel", parcel.id, reason="the customer called")
    work()
    assert parcel.row.needs_person
    return parcel


@dataclass(frozen=True)
class Case:
    """One act: how it comes to where it makes sense, what is said, and the event that shows that it was done."""

    begin: Callable[[FarSide], Kept]
    event: str
    data: dict[str, Any] = field(default_factory=dict)
    step: str | None = None


CASES = {
    "retry": Case(stuck, "RetryRequested"),
    "skip": Case(unsettled, "StepPassedOver", step="sent"),
    "complete": Case(stuck, "StepSucceeded", {"number": "L-by-hand"}, "left"),
    "signal": Case(waiting, "StepSucceeded", {"accepted": True}, "confirmed"),
    "reassign": Case(waiting, "Reassigned", {"owner": "night shift"}),
    "pause": Case(waiting, "InstancePaused"),
    "resume": Case(paused, "InstanceResumed"),
    "cancel": Case(waiting, "CorrectionBegan"),
    "compensate": Case(waiting, "CorrectionBegan"),
}
every_act = pytest.mark.parametrize("action", list(CASES))


def do(action: str, parcel: Kept, who: Principal | None = None, **more: Any) -> Operation:
    """Do it as the case says."""
    said = {"reason": "asked for by phone", "data": CASES[action].data, "step": CASES[action].step, **more}
    return interventions.act(who or principal(), action, parcel.id, **said)


def acts(action: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action=action, reason="asked for by phone").order_by("id"))


def clean() -> None:
    """Every promise about the data holds."""
    offenders = [offender for verdict in verify().verdicts for offender in verdict.offenders]
    assert offenders == []


def judged(operation: Operation) -> Operation:
    """The operation after the pump looked at it."""
    verification.verify_open()
    operation.refresh_from_db()
    return operation


# --- what holds for every act ---------------------------------------------------------------------------------------


@every_act
def test_it_works_and_is_in_history_record_and_operations(action: str, far: FarSide) -> None:
    parcel = CASES[action].begin(far)
    before = len(parcel.events)

    operation = do(action, parcel)

    said = parcel.events[before]
    assert (said.type, said.actor_kind, said.actor) == (CASES[action].event, "user", "olga")
    (entry,) = acts(action)
    assert (entry.allowed, entry.actor, entry.target, entry.through) == (True, "olga", parcel.row.key, "page")
    assert entry.before["revision"] < entry.after["revision"]
    assert entry.act_id == operation.id
    assert (operation.state, operation.accepted_seq, operation.reason) == ("accepted", before, "asked for by phone")
    parcel.check()
    clean()


@every_act
def test_without_the_right_nothing_happens_and_every_attempt_is_on_record(action: str, far: FarSide) -> None:
    parcel = CASES[action].begin(far)
    before, operations = parcel.history, Operation.objects.count()

    for role in ("support", "approver", "guest"):
        with pytest.raises(interventions.Forbidden, match=r"needs the right to .*operator or admin"):
            do(action, parcel, principal(f"sam the {role}", role))

    assert (parcel.history, Operation.objects.count()) == (before, operations)
    assert [(entry.allowed, entry.actor) for entry in acts(action)] == [
        (False, "sam the support"), (False, "sam the approver"), (False, "sam the guest"),
    ]  # fmt: skip
    clean()


@every_act
def test_twice_is_harmless(action: str, far: FarSide) -> None:
    parcel = CASES[action].begin(far)
    do(action, parcel)
    before = parcel.history

    with pytest.raises(interventions.Impossible, match="This parcel cannot do that now"):
        do(action, parcel)

    assert parcel.history == before
    assert [entry.allowed for entry in acts(action)] == [True, False]
    clean()


@every_act
def test_it_is_verified_by_what_the_instance_does(action: str, far: FarSide) -> None:
    parcel = CASES[action].begin(far)
    operation = do(action, parcel)

    work()

    assert judged(operation).state == "verified"
    assert operation.evidence["seq"] > operation.accepted_seq
    parcel.check()
    clean()


@every_act
def test_a_step_nobody_knows_is_refused(action: str, far: FarSide) -> None:
    parcel = CASES[action].begin(far)
    before = parcel.history

    with pytest.raises((interventions.Impossible, InvalidInput)):
        do(action, parcel, step="no\x00thing")

    assert parcel.history == before
    assert acts(action)[0].allowed is False


# --- results entered by hand ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        ({}, ["data.number"]),
        ({"number": 7}, ["data.number"]),
        ({"number": "1", "size": "large", "colour": "red"}, ["data.size", "data.colour"]),
        ({"number": "a\x00b"}, ["data.number"]),
        ({"number": "1", "size": float("nan")}, ["data.input"]),
    ],
)
def test_a_result_has_to_fit_the_contract_and_every_wrong_field_is_named(
    data: dict[str, Any], fields: list[str], far: FarSide
) -> None:
    parcel = stuck(far)
    before = parcel.history

    with pytest.raises(InvalidInput) as caught:
        do("complete", parcel, data=data)

    assert [problem.field for problem in caught.value.problems] == fields
    assert parcel.history == before
    assert acts("complete")[0].allowed is False


def test_a_result_entered_by_hand_is_what_later_steps_receive(far: FarSide) -> None:
    parcel = stuck(far)

    do("complete", parcel)
    work()

    success = next(event for event in parcel.events if event.type == "StepSucceeded" and event.step == "left")
    assert (success.data["how"], success.data["note"]) == ("person", "asked for by phone")
    assert "attempt" not in success.data and success.data["has_output"]
    detail = details.detail(EVERYTHING, parcel.id)
    assert detail is not None
    assert next(step for step in detail.steps if step.name == "left").output == {"number": "L-by-hand", "size": 1.0}
    assert detail.state.steps["confirmed"].match == "L-by-hand"
    clean()


def test_what_was_entered_by_hand_is_corrected_like_everything_else(far: FarSide) -> None:
    parcel = stuck(far)
    do("complete", parcel)
    work()

    do("cancel", parcel)
    work_until(parcel, "Cancelled")

    assert [seen for seen in far.names() if seen.startswith("undo")] == ["undo left", "undo right"]
    clean()


def test_an_answer_entered_as_a_result_closes_the_wait_without_a_message(far: FarSide) -> None:
    parcel = waiting(far)

    do("complete", parcel, step="confirmed", data={"accepted": True})
    work()

    assert (parcel.lifecycle, parcel.waits) == ("completed", {"confirmed": "closed"})
    assert not Message.objects.exists()
    clean()


def test_a_refusing_answer_entered_as_a_result_is_a_refusal(far: FarSide) -> None:
    parcel = waiting(far)

    operation = do("complete", parcel, step="confirmed", data={"accepted": False, "reason": "too heavy"})
    work_until(parcel, "Corrected")

    assert parcel.row.reason == "too heavy"
    assert judged(operation).evidence["type"] == "StepRefused"
    clean()


def test_a_correction_that_was_made_outside_ends_it_compensated_and_keeps_the_evidence(far: FarSide) -> None:
    parcel = taken()
    far.will("undo left", PermanentFailure("the shelf is full"))
    confirmed(parcel, accepted=False, reason="too heavy")
    work()
    assert parcel.row.needs_person

    with pytest.raises(InvalidInput) as caught:
        do("complete", parcel, step=None, data={})
    operation = do("complete", parcel, step=None, data={"evidence": "shelf list, page 3"})

    assert [problem.field for problem in caught.value.problems] == ["data.evidence"]
    assert (parcel.lifecycle, parcel.row.reason) == ("compensated", "too heavy")
    assert parcel.said("CompensationSucceeded")[-1]["note"] == "asked for by phone (shelf list, page 3)"
    assert judged(operation).state == "verified"
    clean()


# --- steps that are passed over -------------------------------------------------------------------------------------


def test_a_step_whose_result_others_need_cannot_be_passed_over(far: FarSide) -> None:
    parcel = stuck(far)

    with pytest.raises(interventions.Impossible, match="confirmed is found by its result; enter the result instead"):
        do("skip", parcel, step="left")


def test_what_may_have_happened_in_a_step_that_was_passed_over_is_corrected_by_a_later_cancel(far: FarSide) -> None:
    parcel = unsettled(far)
    do("skip", parcel)

    do("cancel", parcel)
    work_until(parcel, "Cancelled")

    undone = next(seen for seen in far.seen if seen.name == "undo send")
    assert undone.forward_key == f"parcel/{parcel.row.key}/r1/sent/g1"
    assert [name for name in far.names() if name.startswith("undo")] == ["undo send", "undo right", "undo left"]
    clean()


def test_an_effect_left_as_it_is_ends_as_a_failure_that_says_so(far: FarSide) -> None:
    parcel = taken()
    far.will("undo left", PermanentFailure("the shelf is full"))
    confirmed(parcel, accepted=False, reason="too heavy")
    work()

    operation = do("skip", parcel, step=None)

    assert parcel.lifecycle == "failed"
    assert parcel.row.reason == "too heavy (left as it is: left)"
    assert judged(operation).evidence["type"] == "CorrectionWaived"
    clean()


def test_a_cancelled_instance_stays_cancelled_whoever_corrects_the_rest(far: FarSide) -> None:
    for action, data in (("skip", {}), ("complete", {"evidence": "seen with my own eyes"})):
        parcel = uncorrectable(far)

        do(action, parcel, step=None, data=data)

        assert parcel.lifecycle == "cancelled"
    clean()


# --- answers handed over by people ----------------------------------------------------------------------------------


def test_an_answer_handed_over_is_stored_as_a_message_and_decides_the_wait(far: FarSide) -> None:
    parcel = waiting(far)

    do("signal", parcel)

    message = Message.objects.get()
    assert (message.source, message.state, message.step, message.type) == (
        "by hand", "applied", "confirmed", "post.confirmed",
    )  # fmt: skip
    assert parcel.waits == {"confirmed": "satisfied"}
    assert parcel.said("StepSucceeded")[-1]["message"] == str(message.id)
    work()
    assert parcel.lifecycle == "completed"
    clean()


def test_a_refusing_answer_is_a_refusal_and_the_real_one_comes_too_late(far: FarSide) -> None:
    parcel = waiting(far)

    operation = do("signal", parcel, data={"accepted": False, "reason": "too heavy"})
    work_until(parcel, "Corrected")
    confirmed(parcel)

    assert parcel.row.reason == "too heavy"
    assert parcel.messages == ["applied", "conflicting"]
    assert judged(operation).evidence["type"] == "StepRefused"
    clean()


@pytest.mark.parametrize(
    ("data", "fields"),
    [({}, ["data.accepted"]), ({"accepted": "perhaps"}, ["data.accepted"]), ({"accepted": True, "x": 1}, ["data.x"])],
)
def test_an_answer_has_to_fit_the_contract(data: dict[str, Any], fields: list[str], far: FarSide) -> None:
    parcel = waiting(far)

    with pytest.raises(InvalidInput) as caught:
        do("signal", parcel, data=data)

    assert [problem.field for problem in caught.value.problems] == fields
    assert not Message.objects.exists() and parcel.waits == {"confirmed": "open"}


def test_nobody_waits_for_an_answer(far: FarSide) -> None:
    with pytest.raises(interventions.Impossible, match="nothing here can be answered now"):
        do("signal", stuck(far), step=None)


# --- who looks after it ---------------------------------------------------------------------------------------------


def test_whoever_was_named_is_shown_everywhere(far: FarSide) -> None:
    parcel = stuck(far)

    do("reassign", parcel)

    detail = details.detail(EVERYTHING, parcel.id)
    assert detail is not None and detail.present is not None
    assert (parcel.row.owner, detail.row.owner, detail.present.owner) == ("night shift",) * 3
    assert [cause.owner for cause in board.causes(EVERYTHING)] == ["night shift"]
    do("retry", parcel)
    work()
    detail = details.detail(EVERYTHING, parcel.id)
    assert detail is not None
    assert {step.name: step.owner for step in detail.steps if step.name in ("left", "confirmed")} == {
        "left": "post",  # it is over, so its own owner answers for it
        "confirmed": "night shift",
    }
    clean()


@pytest.mark.parametrize("owner", ["", "  ", "x" * 101, 7, None])
def test_somebody_has_to_be_named(owner: Any, far: FarSide) -> None:
    with pytest.raises(InvalidInput) as caught:
        do("reassign", waiting(far), data={"owner": owner})

    assert [problem.field for problem in caught.value.problems] == ["data.owner"]


def test_an_act_takes_only_what_it_needs(far: FarSide) -> None:
    parcel = waiting(far)

    for action, said in (("pause", {"step": "left"}), ("cancel", {"data": {"force": True}}), ("reassign", {})):
        data = {"owner": "x", "also": "y"} if action == "reassign" else said.get("data", {})
        with pytest.raises(InvalidInput) as caught:
            do(action, parcel, step=said.get("step"), data=data)
        assert [problem.field for problem in caught.value.problems] == [
            {"pause": "step", "cancel": "data", "reassign": "data.also"}[action]
        ]


# --- nothing jumps over an approval ---------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["retry", "skip", "complete", "signal"])
@pytest.mark.parametrize("step", [None, "review"])
def test_no_act_jumps_over_an_approval(action: str, step: str | None) -> None:
    desk = Desk()
    order = Kept(desk.start(total=1500.0))
    desk.play(order.id)
    assert order.status == "PendingHumanDecision"
    verdict = {"approved": True, "by": "olga", "comment": ""}
    before, data = order.history, verdict if action in ("complete", "signal") else {}

    with pytest.raises(interventions.Impossible):
        interventions.act(principal(), action, order.id, reason="it is urgent", step=step, data=data)

    assert order.history == before
    assert Approval.objects.get().state == "open"


def test_an_approval_survives_everything_else_that_may_be_done() -> None:
    desk = Desk()
    order = Kept(desk.start(total=1500.0))
    desk.play(order.id)

    for action, data in (("reassign", {"owner": "night shift"}), ("pause", {}), ("resume", {})):
        interventions.act(principal(), action, order.id, reason="it is urgent", data=data)
    desk.play(order.id)

    assert (order.status, Approval.objects.get().state) == ("PendingHumanDecision", "open")
    assert "charge" not in [event.step for event in order.events]
    clean()


# --- what becomes of operations -------------------------------------------------------------------------------------


def test_a_retry_is_running_while_a_worker_is_at_it_and_other_branches_prove_nothing(far: FarSide) -> None:
    far.will("left", PermanentFailure("the belt is broken"))
    far.will("right", PermanentFailure("the belt is broken"))
    parcel = started()
    work()
    operation = do("retry", parcel, step="left")
    assert judged(operation).state == "accepted"

    do("complete", parcel, step="right", data={"number": "R-by-hand"})
    assert judged(operation).state == "accepted"
    held = claim(parcel)
    assert judged(operation).state == "running"
    lose(parcel)
    assert (held.step, judged(operation).state) == ("left", "running")
    work("quarantine")

    assert judged(operation).state == "verified"
    assert operation.evidence["step"] == "left"


def test_a_retry_of_several_steps_is_verified_when_all_of_them_have_ended(far: FarSide) -> None:
    far.will("left", PermanentFailure("the belt is broken"))
    far.will("right", PermanentFailure("the belt is broken"))
    parcel = started()
    work()

    operation = do("retry", parcel)
    held = claim(parcel)
    finish(held)

    assert (judged(operation).state, parcel.status) == (
        "running",
        "RightPending" if held.step == "left" else "LeftPending",
    )
    work()
    assert judged(operation).state == "verified"


def test_a_retry_that_is_cancelled_meanwhile_did_not_work(far: FarSide) -> None:
    parcel = stuck(far)
    retry = do("retry", parcel)

    do("cancel", parcel)

    assert (judged(retry).state, retry.error) == ("failed", "It is no longer wanted.")


def test_a_cancellation_whose_correction_gets_stuck_has_failed_with_the_error(far: FarSide) -> None:
    parcel = taken()
    far.will("undo left", PermanentFailure("the shelf is full"))
    operation = do("cancel", parcel)
    work()

    assert (judged(operation).state, operation.error) == ("failed", "the shelf is full")
