"""A start is made unique by its key, durable before it is acknowledged, and explained when it is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.flows_app.far_side import FarSide
from tests.engine.flows_app.flows import raw
from tests.engine.parcels import confirmed, sent, started, work
from tests.worlds import Kept, principal, together
from workflows import interventions, registry
from workflows.engine import delivery, inbox, intake
from workflows.engine.intake import Conflict, InvalidInput
from workflows.models import AuditEntry, Instance, RefusedStart, Tombstone

pytestmark = pytest.mark.usefixtures("far")


def begin(key: str = "P1", **options: Any) -> intake.Started:
    changes, said = options.pop("changes", {}), options.pop("key_said", None)
    return interventions.start(
        interventions.system(),
        "parcel",
        raw(**{"parcel_id": key, **changes}),
        correlation_id="c-1",
        key=said,
        **options,
    )


def test_the_same_start_twice_is_one_instance() -> None:
    first, second = begin(), begin()

    assert (first.new, second.new, first.id == second.id) == (True, False, True)
    assert Instance.objects.count() == 1


def test_eight_at_the_same_moment_are_one_instance() -> None:
    results = together(*[begin] * 8)

    assert len({result.id for result in results}) == 1  # type: ignore[attr-defined]
    assert [result.new for result in results].count(True) == 1  # type: ignore[attr-defined]
    Kept(results[0].id).check()  # type: ignore[attr-defined]


def test_a_key_with_another_input_is_a_conflict_that_names_the_instance() -> None:
    first = begin()

    with pytest.raises(Conflict, match="parcel P1 exists already with another input") as caught:
        begin(changes={"weight": 3.0})

    assert caught.value.instance_id == first.id


def test_numbers_that_json_writes_alike_are_the_same_input() -> None:
    assert begin(changes={"weight": 2}).id == begin(changes={"weight": 2.0}).id


def test_spaces_around_the_key_do_not_count() -> None:
    begin(" P1 ")

    assert Instance.objects.get().key == "P1"


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"changes": {"weight": "heavy"}}, "weight"),
        ({"changes": {"colour": "red"}}, "colour"),
        ({"changes": {"parcel_id": "   "}}, "parcel_id"),
        ({"changes": {"parcel_id": "a\nb"}}, "parcel_id"),
        ({"changes": {"parcel_id": "a\x00b"}}, "parcel_id"),
        ({"changes": {"owner": "some\x00body"}}, "owner"),
        ({"changes": {"weight": float("nan")}}, "input"),
        ({"key_said": "P2"}, "key"),
        ({"priority": "urgent"}, "priority"),
    ],
)
def test_what_is_wrong_is_refused_by_name_and_kept(options: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        begin(**options)

    assert [problem.field for problem in caught.value.problems] == [field]
    assert not Instance.objects.exists()
    assert RefusedStart.objects.get().problems[0][0] == caught.value.problems[0].field
    assert AuditEntry.objects.get().allowed is False


def test_an_unknown_workflow_is_named_with_those_that_exist() -> None:
    with pytest.raises(registry.UnknownWorkflow, match=r"there is no workflow 'parcle' \(known: .*parcel"):
        interventions.start(interventions.system(), "parcle", raw("P1"), correlation_id="c")


def test_who_may_not_start_is_refused_and_recorded() -> None:
    nobody = principal("nina", "guest")

    with pytest.raises(interventions.Forbidden, match="start instances"):
        interventions.start(nobody, "parcel", raw("P1"), correlation_id="c", key="P1")

    entry = AuditEntry.objects.get()
    assert (entry.allowed, entry.actor, entry.action, entry.target) == (False, "nina", "start", "P1")


def test_a_start_has_one_audit_row_with_who_and_how() -> None:
    interventions.start(principal("olga"), "parcel", raw("P1"), correlation_id="c-9")

    entry = AuditEntry.objects.get()
    assert (entry.allowed, entry.actor, entry.through, entry.correlation_id) == (True, "olga", "page", "c-9")


def test_a_running_instance_cannot_be_restarted() -> None:
    begin()

    with pytest.raises(Conflict, match="only after it failed or was corrected"):
        begin(restart=True)


def test_neither_can_one_that_ended_well() -> None:
    sent("P1")

    with pytest.raises(Conflict, match="only after it failed or was corrected"):
        begin(restart=True)


def test_a_cancelled_one_can_and_its_keys_are_new(far: FarSide) -> None:
    first = started(key="P1")
    work()
    interventions.act(principal(), "cancel", first.id, reason="changed my mind")
    work()

    second = begin(changes={"weight": 3.0}, restart=True)
    work()

    assert Kept(second.id).row.run == 2
    assert far.keys("left") == ["parcel/P1/r1/left/g1", "parcel/P1/r2/left/g1"]


def test_two_restarts_at_the_same_moment_are_one_run() -> None:
    first = started(key="P1")
    interventions.act(principal(), "cancel", first.id, reason="changed my mind")
    work()

    def restart() -> object:
        try:
            return begin(restart=True).id
        except Conflict as conflict:
            return conflict

    results = together(restart, restart)

    assert sorted(Instance.objects.values_list("run", flat=True)) == [1, 2]
    assert len([result for result in results if isinstance(result, Conflict)]) == 1


def test_a_key_that_retention_has_put_away_still_answers() -> None:
    kept = begin()
    row = Instance.objects.get()
    hash_ = row.input_hash
    Instance.objects.all().delete()
    Tombstone.objects.create(
        instance_id=kept.id, workflow="parcel", key="P1", run=1, input_hash=hash_, ended_at=row.started_at
    )

    assert begin().id == kept.id
    with pytest.raises(Conflict):
        begin(changes={"weight": 3.0})


class TestAProcessThatBeginsWithAWait:
    def test_the_wait_is_open_and_the_event_is_published_at_once(self) -> None:
        letter = started("letter", "L1")

        assert letter.waits == {"heard": "open"}
        assert [event.type for event in letter.published] == ["ParcelAccepted"]
        letter.check()

    def test_its_message_ends_it(self) -> None:
        letter = started("letter", "L1")

        received = inbox.receive("post", "w1", "post.heard", "L1", '{"accepted": true}')
        delivery.deliver(received.id)

        assert letter.lifecycle == "completed"
        assert [event.number for event in letter.published] == [1, 2]
        letter.check()

    def test_a_message_that_came_before_the_start_is_not_lost(self) -> None:
        inbox.receive("post", "w1", "post.heard", "L1", '{"accepted": true}')

        letter = started("letter", "L1")

        assert letter.lifecycle == "completed"
        letter.check()


def test_priority_decides_who_comes_first(far: FarSide) -> None:
    for key, priority in (("low", "low"), ("normal", "normal"), ("high", "high")):
        begin(key, priority=priority)

    while work():
        pass

    assert [key.split("/")[1] for key in far.keys("left")] == ["high", "normal", "low"]


def test_everything_together_is_consistent() -> None:
    kept = sent()

    kept.check()
    assert kept.history[0] == "InstanceStarted"
    assert kept.history[-1] == "InstanceEnded"
    confirmed(kept, "w2")
    kept.check()
