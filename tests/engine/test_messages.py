"""Answers from outside: early, twice, late, out of order, wrong, paused, and at the very moment they are waited for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test.utils import override_settings

from tests.engine.flows_app.far_side import FarSide
from tests.engine.flows_app.flows import Answer
from tests.engine.parcels import claim, confirmed, finish, posted, sent, started, taken, work, work_until
from tests.waiting import wait_until
from tests.worlds import Kept, principal, together
from workflows import interventions
from workflows.engine import delivery, executor, inbox, store, sweeper, timers
from workflows.models import Message, Wait

pytestmark = pytest.mark.usefixtures("far")


def test_an_answer_is_applied_once_and_by_whom_is_recorded() -> None:
    parcel = taken()

    confirmed(parcel)

    success = next(event for event in parcel.events if event.type == "StepSucceeded" and event.step == "confirmed")
    assert (success.actor_kind, success.actor, success.data["how"]) == ("client", "post", "callback")
    assert (parcel.messages, parcel.waits) == (["applied"], {"confirmed": "satisfied"})
    parcel.check()


def test_an_answer_that_comes_before_anybody_waits_is_kept_and_taken() -> None:
    parcel = started()

    received = posted(parcel)
    work()

    assert received.state == "pending"
    assert Message.objects.get().state == "applied"
    assert parcel.lifecycle == "completed"
    parcel.check()


def test_the_same_webhook_twice_is_one_message() -> None:
    parcel = taken()

    first, second = confirmed(parcel, "w1"), posted(parcel, "w1")

    assert (first.new, second.new, second.id == first.id, second.state) == (True, False, True, "applied")
    assert Message.objects.count() == 1


def test_eight_copies_at_the_same_moment_are_one_message() -> None:
    parcel = taken()

    together(*[lambda: confirmed(parcel)] * 8)

    assert parcel.messages == ["applied"]
    parcel.check()


@pytest.mark.parametrize(
    ("second", "state"),
    [({}, "duplicate"), ({"reason": None}, "conflicting"), ({"accepted": False, "reason": "broken"}, "conflicting")],
)
def test_another_message_for_the_same_wait_has_a_disposition(second: dict[str, Any], state: str) -> None:
    parcel = taken()
    confirmed(parcel, "w1")

    assert confirmed(parcel, "w2", **second).state == state

    assert parcel.messages == ["applied", state]
    assert parcel.lifecycle != "compensating"
    parcel.check()


def test_two_answers_that_contradict_each_other_at_the_same_moment() -> None:
    for _ in range(8):
        parcel = taken()

        together(lambda p=parcel: confirmed(p, "yes"), lambda p=parcel: confirmed(p, "no", accepted=False))
        sweeper.deliver_pending()

        assert sorted(parcel.messages) == ["applied", "conflicting"]
        parcel.check()


def test_an_answer_after_the_end_is_late_or_a_duplicate() -> None:
    cancelled = taken()
    interventions.act(principal(), "cancel", cancelled.id, reason="changed my mind")

    assert posted(cancelled).state == "late"
    assert cancelled.waits == {"confirmed": "closed"}
    assert posted(sent(), "again").state == "duplicate"


def test_an_answer_that_breaks_its_contract_is_kept_shown_and_waited_past() -> None:
    parcel = taken()
    wrong = confirmed(parcel, "w1", accepted="perhaps")

    message = Message.objects.get(id=wrong.id)
    assert (message.state, message.note.split(":")[0]) == ("invalid", "accepted")
    assert parcel.waits == {"confirmed": "open"}

    confirmed(parcel, "w2")
    assert parcel.waits == {"confirmed": "satisfied"}
    parcel.check()


@pytest.mark.parametrize("body", ['{"accepted": true, "reason": "a\\u0000b"}', "[]", "nonsense", "null"])
def test_no_body_whatever_keeps_a_wait_from_being_looked_at(body: str) -> None:
    parcel = taken()
    inbox.receive("post", "odd", "post.confirmed", f"L-{parcel.row.key}", body)

    sweeper.deliver_pending()

    assert parcel.waits == {"confirmed": "open"}
    assert Message.objects.get().state == "invalid"
    confirmed(parcel)
    assert parcel.waits == {"confirmed": "satisfied"}


def test_a_wrong_early_answer_does_not_hide_a_right_one() -> None:
    parcel = started()
    posted(parcel, "w1", accepted="perhaps")
    posted(parcel, "w2")

    work()
    sweeper.deliver_pending()

    assert sorted(Message.objects.values_list("state", flat=True)) == ["applied", "invalid"]
    parcel.check()


def test_a_refusal_corrects_backwards_and_gives_its_reason(far: FarSide) -> None:
    parcel = taken()

    confirmed(parcel, accepted=False, reason="address unknown")
    work()

    assert (parcel.lifecycle, parcel.row.reason) == ("compensated", "address unknown")
    assert far.names()[-2:] == ["undo right", "undo left"] or far.names()[-2:] == ["undo left", "undo right"]
    parcel.check()


def test_a_message_nobody_waits_for_stays_until_somebody_does() -> None:
    received = inbox.receive("post", "w1", "post.confirmed", "L-someday", '{"accepted": true}')

    assert (received.state, delivery.undelivered()) == ("pending", [])
    parcel = started(key="someday")
    work()
    assert parcel.lifecycle == "completed"


def test_a_message_whose_hint_was_lost_is_found_by_the_sweeper() -> None:
    parcel = taken()
    posted(parcel)

    assert sweeper.deliver_pending() == 1

    assert parcel.messages == ["applied"]
    assert sweeper.deliver_pending() == 0


class TestPaused:
    def test_a_message_waits_until_the_instance_is_resumed(self) -> None:
        parcel = taken()
        interventions.act(principal(), "pause", parcel.id, reason="stocktaking")
        received = confirmed(parcel)

        assert (received.state, Message.objects.get().state, delivery.undelivered()) == ("pending", "pending", [])

        interventions.act(principal(), "resume", parcel.id, reason="done")
        sweeper.deliver_pending()
        assert parcel.messages == ["applied"]
        parcel.check()

    def test_work_is_held_and_what_was_running_is_recorded(self) -> None:
        parcel = started()
        running = claim(parcel)
        interventions.act(principal(), "pause", parcel.id, reason="stocktaking")

        assert work() == 0
        finish(running)
        assert len(parcel.said("StepSucceeded")) == 1
        assert parcel.lifecycle == "paused"

        interventions.act(principal(), "resume", parcel.id, reason="done")
        work()
        assert parcel.waits == {"confirmed": "open"}
        parcel.check()


class TestAsking:
    def test_when_no_answer_comes_the_far_side_is_asked(self, far: FarSide) -> None:
        far.will("ask", lambda: Answer(accepted=True))
        with override_settings(PACE=6000):
            parcel = taken()
            wait_until(timers.fire_due, "the wait is over")
        work()

        assert next(said for said in parcel.said("StepSucceeded") if said["step"] == "confirmed")["how"] == "ask"
        assert posted(parcel).state == "late", "what comes now comes too late"
        parcel.check()

    def test_after_three_rounds_a_person_is_named_and_the_message_still_wins(self, far: FarSide) -> None:
        with override_settings(PACE=12000):
            parcel = taken()

            def until_somebody_is_named() -> bool:
                timers.fire_due()
                work()
                return parcel.row.needs_person

            wait_until(until_somebody_is_named, "a person is named")

        assert far.names().count("ask") == 3
        assert parcel.row.owner == "clerks"
        confirmed(parcel)
        work_until(parcel, "Completed")
        parcel.check()

    def test_message_and_time_out_at_the_same_moment_never_both_win(self) -> None:
        for _ in range(8):
            with override_settings(PACE=60000):
                parcel = taken()
                posted(parcel)
                together(timers.fire_due, sweeper.deliver_pending)
            work_until(parcel, "Completed")

            assert [said["how"] for said in parcel.said("StepSucceeded") if said["step"] == "confirmed"] == ["callback"]
            parcel.check()


class TestTheSameMoment:
    def test_of_300_waits_and_messages_at_the_same_moment_none_is_lost(self) -> None:
        parcels = [started(key=f"same-{number}") for number in range(300)]
        for parcel in parcels:
            finish(_branch(parcel, "right"))

        def openers() -> None:
            for parcel in parcels:
                finish(_branch(parcel, "left"))

        def senders() -> None:
            for parcel in parcels:
                confirmed(parcel)

        together(openers, senders)

        waiting = [parcel for parcel in parcels if parcel.waits != {"confirmed": "satisfied"}]
        left = delivery.undelivered(1000)
        assert len(left) == len(waiting), "a message beside an open wait is always found"
        for message in left:
            delivery.deliver(message)
        assert Message.objects.filter(state="applied").count() == 300
        assert not Wait.objects.filter(state="open").exists()
        parcels[0].check()
        parcels[-1].check()


def _branch(parcel: Kept, step: str) -> Any:
    """A lease of one of the two branches."""
    first = claim(parcel)
    if first.step == step:
        return first
    second = claim(parcel)
    store.unclaim(first)
    return second


def test_keys_are_texts_of_any_kind() -> None:
    odd = "P-\"é\\u0000' %s"
    parcel = started(key=odd)
    work()

    inbox.receive("post", "w1", "post.confirmed", f"L-{odd}", json.dumps({"accepted": True}))
    sweeper.deliver_pending()

    assert parcel.messages == ["applied"]
    assert executor.look("default") == 2
