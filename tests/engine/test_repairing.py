"""What people do about trouble: take a cause, write down what is known, and hand stray messages to whom they belong."""

from __future__ import annotations

import json
from uuid import UUID, uuid4

import pytest

from tests.engine.flows_app.far_side import FarSide
from tests.engine.parcels import confirmed, posted, sent, started, taken, work, work_until
from tests.worlds import Kept, person, principal, together
from workflows import interventions
from workflows.dsl import PermanentFailure, PersonNeeded, TemporaryFailure, hours
from workflows.engine import clock, delivery, inbox, sweeper
from workflows.interventions import repairing, strays
from workflows.models import AuditEntry, FailureNote, Message, Operation, ScopedRole
from workflows.queries import failures, trouble
from workflows.queries.failures import Failure
from workflows.queries.visibility import EVERYTHING
from workflows.verify import verify

pytestmark = pytest.mark.usefixtures("far")


def found() -> dict[str, Failure]:
    return {one.cause.key: one for one in failures.failures(EVERYTHING, clock.now())}


def acts() -> list[tuple[str, bool]]:
    rows = AuditEntry.objects.exclude(action="start").order_by("id")
    return list(rows.values_list("action", "allowed"))


def troubled(far: FarSide) -> str:
    """The key of a cause: a relay whose first step cannot succeed."""
    started("relay")
    far.will("first", PermanentFailure("wrong address"))
    work()
    (key,) = found()
    return key


class TestCauses:
    def test_those_that_are_tried_again_and_those_that_gave_up_are_one_cause(self, far: FarSide) -> None:
        far.will("first", *[TemporaryFailure("asks to wait")] * 3)
        work_until(started("relay"), "FirstFailed")
        far.will("first", TemporaryFailure("asks to wait", after=hours(1)))
        started("relay")
        work()

        (one,) = found().values()
        assert one.cause == trouble.Cause("*", "*", "left_hand", "failing")
        assert (one.count, one.people, one.error) == (2, 1, "asks to wait")
        assert one.workflows == ("relay",)
        assert one.next_at is not None

    def test_an_outage_is_one_cause_whichever_step_and_process_it_stops(self, far: FarSide) -> None:
        for step in ("first", "left"):
            far.will(step, TemporaryFailure("down", after=hours(1)))
        started("relay"), started("parcel")
        work()

        (one,) = found().values()
        assert one.workflows == ("parcel", "relay")
        assert {(part.workflow, part.step, part.count) for part in one.parts} == {
            ("relay", "first", 1), ("parcel", "left", 1),
        }  # fmt: skip

    def test_everything_else_is_told_apart_by_step_and_kind(self, far: FarSide) -> None:
        for error in (PermanentFailure("wrong"), PersonNeeded("Which one?", {"candidates": ["1", "2"]})):
            started("relay")
            far.will("first", error)
            work()

        assert set(found()) == {"relay/first/left_hand/permanent", "relay/first/left_hand/asked"}

    def test_a_correction_that_fails_is_a_cause_of_its_own_and_comes_first(self, far: FarSide) -> None:
        troubled(far)
        parcel = taken()
        far.will("undo right", PermanentFailure("gone"))
        interventions.act(principal(), "cancel", parcel.id, reason="because")
        work()

        first, second = found()
        assert first == "parcel/right~correction/right_hand/permanent"
        assert found()[first].error == "gone"
        assert second == "relay/first/left_hand/permanent"

    @pytest.mark.parametrize("key", ["", "a/b", "a/b/c/d/e", "*/step/payments/failing", "/s/d/k", "w//d/k", "w/s/d/"])
    def test_a_text_that_is_no_cause_is_none(self, key: str) -> None:
        assert trouble.parse(key) is None

    @pytest.mark.parametrize(
        "cause",
        [
            trouble.Cause("*", "*", "payments", "failing"),
            trouble.Cause("order", "charge", "payments", "unknown"),
            trouble.Cause("order", "charge", "", "asked", correcting=True),
        ],
    )
    def test_a_cause_survives_its_key(self, cause: trouble.Cause) -> None:
        assert trouble.parse(cause.key) == cause


class TestNotes:
    def test_whoever_takes_a_cause_is_seen_by_all(self, far: FarSide) -> None:
        key = troubled(far)

        repairing.take(principal(), key)

        note = found()[key].note
        assert note is not None and (note.owner, note.state, note.by) == ("olga", "taken", "olga")
        entry = AuditEntry.objects.get(action="take")
        assert (entry.allowed, entry.workflow, entry.target) == (True, "relay", key)
        assert (entry.before["owner"], entry.after["owner"]) == ("", "olga")

    def test_taking_it_twice_changes_nothing(self, far: FarSide) -> None:
        key = troubled(far)
        repairing.take(principal(), key)
        before = FailureNote.objects.get()

        with pytest.raises(interventions.Impossible, match="You have it already"):
            repairing.take(principal(), key)

        assert FailureNote.objects.get().at == before.at
        assert acts() == [("take", True), ("take", False)]

    def test_nobody_takes_it_from_somebody_unseen(self, far: FarSide) -> None:
        key = troubled(far)
        repairing.take(principal("olga"), key)

        with pytest.raises(interventions.Stale, match="olga has it now"):
            repairing.take(principal("pavel"), key)
        repairing.take(principal("pavel"), key, instead_of="olga")

        assert FailureNote.objects.get().owner == "pavel"
        with pytest.raises(interventions.Stale, match="pavel has it now"):
            repairing.take(principal("vera"), key, instead_of="olga")

    def test_of_eight_who_take_it_at_the_same_moment_one_has_it(self, far: FarSide) -> None:
        key = troubled(far)
        people = [principal(f"p{number}") for number in range(8)]

        def take(number: int) -> bool:
            try:
                repairing.take(people[number], key)
            except interventions.Stale:
                return False
            return True

        assert together(*[lambda n=number: take(n) for number in range(8)]).count(True) == 1
        assert len(acts()) == 8

    def test_owner_note_and_state_outlive_the_retry_of_everything(self, far: FarSide) -> None:
        key = troubled(far)
        repairing.take(principal(), key)
        repairing.note(principal(), key, "The address book was moved; see the wiki.")
        repairing.mark(principal(), key, "waiting")
        relay = Kept(found()[key].parts[0].newest_id)

        interventions.act(principal(), "retry", relay.id, reason="mended")
        work()

        assert relay.lifecycle == "completed"
        left = found()[key]
        assert left.count == 0 and left.note is not None
        assert (left.note.owner, left.note.state, left.note.note) == (
            "olga", "waiting", "The address book was moved; see the wiki.",
        )  # fmt: skip

    def test_what_is_done_is_out_of_sight_until_it_comes_back(self, far: FarSide) -> None:
        key = troubled(far)
        relay = Kept(found()[key].parts[0].newest_id)
        interventions.act(principal(), "retry", relay.id, reason="mended")
        work()
        with pytest.raises(interventions.Unknown):
            repairing.mark(principal(), key, "done")

        assert troubled(far) == key
        repairing.note(principal(), key, "Ask the post office.")
        repairing.mark(principal(), key, "done")
        assert not found()[key].back
        interventions.act(principal(), "retry", found()[key].parts[0].newest_id, reason="mended")
        work()
        assert found() == {}
        assert [one.cause.key for one in failures.failures(EVERYTHING, clock.now(), done=True)] == [key]

        assert troubled(far) == key
        assert found()[key].back
        assert found()[key].note is not None and found()[key].note.note == "Ask the post office."  # type: ignore[union-attr]

    def test_giving_it_back_leaves_nobody(self, far: FarSide) -> None:
        key = troubled(far)
        repairing.take(principal(), key)

        repairing.mark(principal(), key, "new")

        assert (FailureNote.objects.get().owner, FailureNote.objects.get().state) == ("", "new")

    @pytest.mark.parametrize(
        ("wrong", "error"),
        [
            (lambda key: repairing.mark(principal(), key, "taken"), interventions.Unknown),
            (lambda key: repairing.mark(principal(), key, "new"), interventions.Impossible),
            (lambda key: repairing.note(principal(), key, ""), interventions.Impossible),
            (lambda key: repairing.note(principal(), key, "x" * 4001), interventions.ReasonMissing),
            (lambda key: repairing.take(principal(), key, instead_of="olaf"), interventions.Stale),
            (lambda key: repairing.take(principal(), "relay/second/left_hand/permanent"), interventions.Unknown),
            (lambda key: repairing.take(principal(), "nonsense"), interventions.Unknown),
            (lambda key: repairing.take(principal("sam", "support"), key), interventions.Forbidden),
        ],
    )
    def test_what_makes_no_sense_is_refused_and_on_record(self, far: FarSide, wrong: object, error: type) -> None:
        key = troubled(far)

        with pytest.raises(error):
            wrong(key)  # type: ignore[operator]

        (entry,) = AuditEntry.objects.exclude(action="start")
        assert not entry.allowed and entry.refusal
        assert not FailureNote.objects.exclude(state="new", owner="", note="").exists()


class TestHandingOver:
    def test_a_message_with_a_wrong_key_is_handed_to_the_parcel_it_was_meant_for(self) -> None:
        parcel = taken("p1")
        stray = astray("p1")

        operation = strays.apply(principal(), stray, reason="The post mistyped the key")

        assert parcel.waits == {"confirmed": "satisfied"}
        assert parcel.messages == ["applied"]
        event = next(event for event in parcel.events if event.data.get("message") == str(stray))
        assert (event.type, event.actor_kind, event.actor) == ("StepSucceeded", "user", "olga")
        assert (operation.state, operation.evidence["seq"], operation.evidence["step"]) == (
            "verified", event.seq, "confirmed",
        )  # fmt: skip
        entry = AuditEntry.objects.get(action="apply")
        assert (entry.allowed, entry.instance_id, entry.reason) == (True, parcel.id, "The post mistyped the key")
        assert (entry.before["state"], entry.after["state"]) == ("pending", "applied")
        work()
        assert parcel.lifecycle == "completed"
        parcel.check()
        assert verify().clean

    def test_the_instance_can_be_named_by_id_or_number(self) -> None:
        first, second = taken("p1"), taken("p2")
        one, two = astray("elsewhere", "w1"), astray("elsewhere", "w2")

        strays.apply(principal(), one, reason="because", instance_id=first.id)
        strays.apply(principal(), two, reason="because", key="p2")

        assert first.waits == second.waits == {"confirmed": "satisfied"}

    def test_twice_is_harmless(self) -> None:
        parcel = taken("p1")
        stray = astray("p1")
        strays.apply(principal(), stray, reason="because")
        before = parcel.history

        with pytest.raises(interventions.Impossible, match="taken into account already"):
            strays.apply(principal(), stray, reason="because", instance_id=parcel.id)

        assert parcel.history == before
        assert Operation.objects.count() == 1
        assert acts() == [("apply", True), ("apply", False)]

    def test_eight_who_hand_it_to_two_parcels_at_the_same_moment_move_one(self) -> None:
        parcels = [taken("p1"), taken("p2")]
        stray = astray("elsewhere")
        olga = principal()

        def hand(number: int) -> bool:
            try:
                strays.apply(olga, stray, reason="because", instance_id=parcels[number % 2].id)
            except interventions.Impossible:
                return False
            return True

        assert together(*[lambda n=number: hand(n) for number in range(8)]).count(True) == 1
        assert sorted(parcel.waits["confirmed"] for parcel in parcels) == ["open", "satisfied"]
        assert Message.objects.get().state == "applied"
        assert verify().clean

    def test_a_refusal_that_is_handed_over_corrects_backwards(self, far: FarSide) -> None:
        parcel = taken("p1")

        stray = astray("p1", accepted=False, reason="address unknown")
        strays.apply(principal(), stray, reason="because", key="p1")
        work()

        assert (parcel.lifecycle, parcel.row.reason) == ("compensated", "address unknown")

    @pytest.mark.parametrize(
        ("story", "why"),
        [
            (lambda: sent("p1"), "nothing here waits for post.confirmed"),
            (lambda: _paused("p1"), "it is paused"),
            (lambda: started("relay", "p1"), "nothing here waits for post.confirmed"),
        ],
    )
    def test_where_nothing_waits_it_is_refused_with_the_reason(self, story: object, why: str) -> None:
        kept: Kept = story()  # type: ignore[operator]
        stray = astray("elsewhere")

        with pytest.raises(interventions.Impossible, match=why):
            strays.apply(principal(), stray, reason="because", instance_id=kept.id)

        assert Message.objects.get(id=stray).state == "pending"
        assert AuditEntry.objects.get(action="apply").instance_id == kept.id

    def test_a_body_that_breaks_the_contract_is_refused_and_stays_as_it_is(self) -> None:
        parcel = taken("p1")
        stray = astray("p1", accepted="perhaps")

        with pytest.raises(interventions.Impossible, match=r"breaks its contract \(accepted: "):
            strays.apply(principal(), stray, reason="because", instance_id=parcel.id)

        assert Message.objects.get(id=stray).state == "pending"
        assert parcel.waits == {"confirmed": "open"}

    def test_it_has_to_be_clear_for_whom_it_is(self) -> None:
        taken("p1")

        with pytest.raises(interventions.Impossible, match="say for whom it is"):
            strays.apply(principal(), astray("elsewhere"), reason="because")
        with pytest.raises(interventions.Impossible, match="No case with the number p9"):
            strays.apply(principal(), astray("elsewhere", "w2"), reason="because", key="p9")
        with pytest.raises(interventions.Impossible, match="no instance with this id"):
            strays.apply(principal(), astray("elsewhere", "w3"), reason="because", instance_id=uuid4())

    @pytest.mark.parametrize("act", [strays.apply, strays.ignore])
    def test_who_may_not_and_who_gives_no_reason_is_refused_and_on_record(self, act: object) -> None:
        stray = astray("elsewhere")

        with pytest.raises(interventions.Forbidden, match="needs the right to look after causes of trouble"):
            act(principal("sam", "support"), stray, reason="because")  # type: ignore[operator]
        with pytest.raises(interventions.ReasonMissing):
            act(principal(), stray, reason="  ")  # type: ignore[operator]
        with pytest.raises(interventions.Unknown):
            act(principal(), uuid4(), reason="because")  # type: ignore[operator]

        assert [allowed for _, allowed in acts()] == [False, False]
        assert Message.objects.get().state == "pending"

    def test_a_role_for_one_process_repairs_nothing_in_another(self) -> None:
        parcel, stray = taken("p1"), astray("p1")
        person("sam", "support")
        for workflow in ("relay", "parcel"):
            ScopedRole.objects.filter(user__username="sam").delete()
            ScopedRole.objects.create(user=person("sam", "support"), role="operator", workflow=workflow)
            sam = interventions.user(person("sam", "support"))
            if workflow == "relay":
                for act in (strays.apply, strays.ignore):
                    with pytest.raises(interventions.Forbidden, match="not those of this process"):
                        act(sam, stray, reason="because")
                with pytest.raises(interventions.Forbidden, match="you have it for relay only"):
                    strays.ignore(sam, posted(sent("p2"), "again").id, reason="because")
            else:
                strays.apply(sam, stray, reason="because")

        assert parcel.waits == {"confirmed": "satisfied"}

    def test_the_process_of_the_chosen_instance_counts_not_that_of_the_message(self) -> None:
        letter, stray = started("letter", "l1"), astray("p1")
        ScopedRole.objects.create(user=person("sam", "support"), role="operator", workflow="parcel")
        sam = interventions.user(person("sam", "support"))

        with pytest.raises(interventions.Forbidden, match="you have it for parcel only"):
            strays.apply(sam, stray, reason="because", instance_id=letter.id)

        assert letter.waits == {"heard": "open"}


class TestSettingAside:
    def test_nobody_takes_what_was_set_aside(self) -> None:
        early = inbox.receive("post", "w1", "post.confirmed", "L-p1", '{"accepted": true}')

        strays.ignore(principal(), early.id, reason="sent from the test system")
        parcel = taken("p1")
        sweeper.deliver_pending()

        message = Message.objects.get()
        assert (message.state, message.note) == ("ignored", "sent from the test system")
        assert parcel.waits == {"confirmed": "open"}
        entry = AuditEntry.objects.get(action="ignore")
        assert (entry.allowed, entry.before["state"], entry.after["state"]) == (True, "pending", "ignored")
        assert verify().clean

    def test_twice_is_harmless(self) -> None:
        stray = astray("elsewhere")
        strays.ignore(principal(), stray, reason="because")

        with pytest.raises(interventions.Impossible, match="set aside already"):
            strays.ignore(principal(), stray, reason="again")

        assert inbox.set_aside(stray, "once more", clock.now()) == "ignored"
        assert Message.objects.get().note == "because"
        assert acts() == [("ignore", True), ("ignore", False)]

    def test_what_was_applied_cannot_be_set_aside(self) -> None:
        parcel = taken()
        answer = confirmed(parcel)

        with pytest.raises(interventions.Impossible, match="taken into account already"):
            strays.ignore(principal(), answer.id, reason="because")

        assert parcel.messages == ["applied"]

    def test_what_was_set_aside_can_still_be_handed_over(self) -> None:
        parcel = taken("p1")
        stray = astray("p1")
        strays.ignore(principal(), stray, reason="because")

        strays.apply(principal(), stray, reason="it was meant after all")

        assert parcel.waits == {"confirmed": "satisfied"}

    def test_setting_aside_and_delivery_at_the_same_moment_never_both_happen(self) -> None:
        olga = principal()
        for number in range(6):
            parcel = taken(f"q{number}")
            message = posted(parcel)

            def aside(message_id: UUID = message.id) -> None:
                try:
                    strays.ignore(olga, message_id, reason="because")
                except interventions.Impossible:
                    return

            together(aside, lambda m=message.id: delivery.deliver(m))

            expected = {"applied": "satisfied", "ignored": "open"}
            assert parcel.waits == {"confirmed": expected[Message.objects.get(id=message.id).state]}
        assert verify().clean


def astray(parcel: str, webhook_id: str = "w1", **answer: object) -> UUID:
    """A confirmation whose key nobody waits for; its `reason` field names the parcel's left number."""
    body = json.dumps({"accepted": True, "reason": f"L-{parcel}", **answer})
    return inbox.receive("post", webhook_id, "post.confirmed", "mistyped", body).id


def _paused(key: str) -> Kept:
    parcel = taken(key)
    interventions.act(principal(), "pause", parcel.id, reason="stocktaking")
    return parcel
