"""Correcting what was done: backwards, once each, with everything that was still running awaited."""

from __future__ import annotations

import pytest

from tests.engine.flows_app.far_side import FarSide, Gate
from tests.engine.flows_app.flows import Number
from tests.engine.parcels import claim, confirmed, finish, lose, sent, started, taken, work, work_until
from tests.worlds import Kept, principal, together
from workflows import interventions
from workflows.dsl import PermanentFailure, Refused, TemporaryFailure
from workflows.models import Work

pytestmark = pytest.mark.usefixtures("far")


def cancel(kept: Kept, reason: str = "changed my mind") -> None:
    interventions.act(principal(), "cancel", kept.id, reason=reason)


def undone(far: FarSide) -> list[str]:
    """What was undone, in order."""
    return [name.removeprefix("undo ") for name in far.names() if name.startswith("undo")]


def success_order(kept: Kept) -> list[str]:
    return [said["step"] for said in kept.said("StepSucceeded") if said["step"] in ("left", "right", "sent")]


@pytest.mark.parametrize("attempts", range(5))
def test_cancelled_at_any_moment_it_is_corrected_once_and_backwards(far: FarSide, attempts: int) -> None:
    parcel = started()
    for _ in range(min(attempts, 2)):
        finish_one(parcel)
    if attempts > 2:
        confirmed(parcel)
    for _ in range(attempts - 3):
        finish_one(parcel)

    if parcel.row.ended_at is None:
        cancel(parcel)
        work()

    assert parcel.lifecycle == "cancelled"
    assert undone(far) == [{"sent": "send"}.get(step, step) for step in reversed(success_order(parcel))]
    assert len(far.keys("undo left")) <= 1
    parcel.check()


def finish_one(parcel: Kept) -> None:
    """One attempt, and nothing that follows from it."""
    held = claim(parcel)
    from workflows.engine import executor

    kept_on, executor.MAX_STEPS = executor.MAX_STEPS, 1
    try:
        finish(held)
    finally:
        executor.MAX_STEPS = kept_on


def test_a_refusal_corrects_what_was_done(far: FarSide) -> None:
    parcel = taken()
    far.will("send", Refused("NoSuchStreet", "there is no such street"))
    confirmed(parcel)

    work_until(parcel, "Corrected")

    assert undone(far) == list(reversed(success_order(parcel)))
    assert (parcel.lifecycle, parcel.row.reason) == ("compensated", "there is no such street")
    parcel.check()


def test_a_refusal_with_nothing_done_ends_failed(far: FarSide) -> None:
    coin = started("coin")
    far.will("strike", Refused("NoSilver", "there is no silver"))

    work()

    assert (coin.lifecycle, coin.row.reason, far.names()) == ("failed", "there is no silver", ["strike"])


def test_what_is_running_is_awaited_and_then_corrected(far: FarSide) -> None:
    parcel = started()
    gate = Gate(Number(number="L-1"))
    far.will("left", gate)
    held = claim(parcel)

    def meanwhile() -> None:
        assert gate.entered.wait(20)
        cancel(parcel)
        assert parcel.said("CorrectionBegan")[0]["awaiting"] == ["left"]
        assert work() == 0, "nothing is corrected before the outcome is known"
        gate.opened.set()

    together(lambda: finish(held), meanwhile)
    work()

    assert (parcel.lifecycle, undone(far)) == ("cancelled", ["left"])
    assert parcel.history.count("StepSucceeded left") == 1
    parcel.check()


def test_what_was_lost_while_running_is_corrected_as_if_it_had_happened(far: FarSide) -> None:
    parcel = started()
    claim(parcel)
    cancel(parcel)

    lose(parcel)
    work()

    assert (parcel.lifecycle, undone(far)) == ("cancelled", ["left"])
    undo = next(seen for seen in far.seen if seen.name == "undo left")
    assert undo.forward_key == f"parcel/{parcel.row.key}/r1/left/g1"
    assert undo.reason == "changed my mind"
    parcel.check()


def test_a_zombie_whose_effect_was_corrected_too_early_is_corrected_again(far: FarSide) -> None:
    parcel = started()
    zombie = claim(parcel)
    lose(parcel)
    cancel(parcel)
    work()
    assert (parcel.lifecycle, undone(far)) == ("cancelled", ["left"])

    finish(zombie)
    work()

    assert parcel.late == [("left", "succeeded", "used")]
    assert undone(far) == ["left", "left"]
    assert far.keys("undo left")[1] == far.keys("undo left")[0] + "2"
    assert (parcel.lifecycle, parcel.row.generation) == ("cancelled", 2)
    parcel.check()


def test_a_correction_that_fails_is_retried_and_then_a_person_is_named(far: FarSide) -> None:
    parcel = taken()
    far.will("undo right", *[TemporaryFailure("not now")] * 3)
    far.will("undo left", *[TemporaryFailure("not now")] * 3)
    cancel(parcel)

    def stuck() -> bool:
        work()
        return parcel.row.needs_person

    from tests.waiting import wait_until

    wait_until(stuck, "a person is named")

    assert parcel.lifecycle == "compensating"
    assert len(undone(far)) == 3
    far.scripts.clear()
    interventions.act(principal(), "retry", parcel.id, reason="they are back")
    work()
    assert parcel.lifecycle == "cancelled"
    assert len({*far.keys("undo right")}) == len({*far.keys("undo left")}) == 1, "one key for every attempt"
    parcel.check()


def test_a_correction_that_cannot_succeed_goes_to_a_person_at_once(far: FarSide) -> None:
    coin = started("coin")
    work()
    far.will("melt", PermanentFailure("the coin is gone"))
    interventions.act(principal(), "compensate", coin.id, reason="wrong face")

    work()

    assert (coin.row.needs_person, coin.row.lifecycle) == (True, "compensating")


def test_an_ended_instance_lives_again_to_be_corrected_and_only_once(far: FarSide) -> None:
    parcel = sent()
    order = success_order(parcel)

    interventions.act(principal(), "compensate", parcel.id, reason="it came back")
    work()

    assert undone(far) == ["send", *reversed([step for step in order if step != "sent"])]
    assert (parcel.lifecycle, parcel.row.generation) == ("compensated", 2)
    assert parcel.row.reason == "it came back (cannot be taken back: thanked)"
    with pytest.raises(interventions.Impossible, match="nothing that can be corrected remains"):
        interventions.act(principal(), "compensate", parcel.id, reason="again")
    parcel.check()


def test_two_cancels_at_the_same_moment_are_one(far: FarSide) -> None:
    parcel = taken()

    def try_to() -> str:
        try:
            cancel(parcel)
        except interventions.Impossible:
            return "refused"
        return "done"

    assert sorted(together(try_to, try_to)) == ["done", "refused"]  # type: ignore[type-var]
    work()
    assert len(parcel.said("CorrectionBegan")) == 1
    parcel.check()


def test_a_cancel_and_an_answer_at_the_same_moment(far: FarSide) -> None:
    for _ in range(8):
        far.forget()
        parcel = taken()

        together(lambda p=parcel: cancel(p), lambda p=parcel: confirmed(p))
        work()

        assert parcel.lifecycle == "cancelled"
        assert sorted(undone(far)) == ["left", "right"] or sorted(undone(far)) == ["left", "right", "send"]
        parcel.check()
        assert not Work.objects.filter(instance_id=parcel.id).exists()
