"""Which version new instances take, and that none are taken in while intake is paused."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from tests.engine.desk import Desk, order
from tests.worlds import principal
from workflows import interventions, pumping
from workflows.demo import playback
from workflows.demo.models import Playback
from workflows.engine import clock, releases
from workflows.interventions import Principal, governing
from workflows.models import AuditEntry, Instance, PausedIntake, Rollout
from workflows.registry import UnknownWorkflow

pytestmark = pytest.mark.django_db(transaction=True)


def admin() -> Principal:
    return principal("adam", "admin")


def share(stable: int = 1, candidate: int | None = 2, percent: int = 30) -> None:
    governing.roll_out(admin(), "order", stable=stable, candidate=candidate, percent=percent, reason="try it out")


def started(key: str) -> int:
    """The version a new order takes."""
    made = interventions.start(interventions.system(), "order", order(key), correlation_id=f"c-{key}")
    return Instance.objects.get(id=made.id).version


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Lets time pass."""
    read, now = clock.read, clock.now

    def pass_by(span: timedelta) -> None:
        monkeypatch.setattr(clock, "read", lambda: read() + span)
        monkeypatch.setattr(clock, "now", lambda: now() + span)

    return pass_by


# --- versions -------------------------------------------------------------------------------------------------------


def test_without_a_decision_new_instances_take_the_newest_version() -> None:
    assert started("1") == 2


def test_a_candidate_gets_its_share_and_the_same_key_always_the_same_version() -> None:
    share(percent=30)

    chosen = {f"{n}": releases.definition_for("order", f"{n}").version for n in range(2000)}

    assert 0.26 < list(chosen.values()).count(2) / 2000 < 0.34
    assert all(releases.definition_for("order", key).version == version for key, version in chosen.items())
    for key in ("1", "2", "3", "4", "5"):
        assert started(f" {key} ") == chosen[key]


def test_a_growing_share_moves_nobody_back() -> None:
    taken = set[str]()
    for percent in (0, 10, 50, 100):
        share(percent=percent)
        now = {f"{n}" for n in range(300) if releases.definition_for("order", f"{n}").version == 2}
        assert taken <= now
        taken = now
    assert len(taken) == 300


def test_running_instances_keep_theirs() -> None:
    desk = Desk()
    running = desk.start("1")
    desk.play(running, until="reserve")

    share(stable=1, candidate=None, percent=0)
    desk.play(running)
    desk.answer(running)
    desk.play(running)

    kept = Instance.objects.get(id=running)
    assert (kept.version, kept.lifecycle) == (2, "completed")
    assert started("2") == 1


def test_going_back_takes_effect_for_the_next_instance() -> None:
    share(percent=100)
    assert started("1") == 2

    governing.roll_out(admin(), "order", stable=1, reason="too many corrections")

    assert started("2") == 1


def test_the_same_start_again_finds_the_instance_it_began() -> None:
    first = interventions.start(interventions.system(), "order", order("1"), correlation_id="c")
    share(stable=1, candidate=None, percent=0)

    again = interventions.start(interventions.system(), "order", order("1"), correlation_id="c")

    assert (again.id, again.new) == (first.id, False)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"stable": 9}, "stable"),
        ({"stable": 1, "candidate": 9}, "candidate"),
        ({"stable": 1, "candidate": 1}, "candidate"),
        ({"stable": 1, "percent": 5}, "percent"),
        ({"stable": 1, "candidate": 2, "percent": 101}, "percent"),
        ({"stable": 1, "candidate": 2, "percent": -1}, "percent"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name_and_on_record(said: dict[str, int], field: str) -> None:
    with pytest.raises(interventions.Odd) as caught:
        governing.roll_out(admin(), "order", reason="-", **said)

    assert caught.value.field == field
    assert not Rollout.objects.exists()
    assert AuditEntry.objects.get(action="rollout").allowed is False


def test_a_share_is_on_record_with_what_it_was_before() -> None:
    share(percent=10)
    share(percent=50)

    first, second = AuditEntry.objects.filter(action="rollout").order_by("id")
    assert (first.before, first.after["percent"]) == ({"stable": "newest"}, 10)
    assert (second.before["percent"], second.after["percent"]) == (10, 50)
    assert (second.actor, second.workflow, second.target, second.reason) == ("adam", "order", "order", "try it out")


def test_the_same_share_twice_changes_nothing_and_is_on_record() -> None:
    share()
    first = Rollout.objects.values().get()

    share()

    assert Rollout.objects.values().get() == first
    assert [entry.before == entry.after for entry in AuditEntry.objects.filter(action="rollout").order_by("id")] == [
        False, True,
    ]  # fmt: skip


@pytest.mark.parametrize("role", ["support", "approver", "operator"])
def test_only_admins_choose_versions(role: str) -> None:
    with pytest.raises(interventions.Forbidden, match=r"needs the right to choose the version.*admin"):
        governing.roll_out(principal("sam", role), "order", stable=1, reason="-")

    assert AuditEntry.objects.get(action="rollout").allowed is False
    assert not Rollout.objects.exists()


def test_a_workflow_nobody_declares_or_may_see_is_unknown() -> None:
    elsewhere = Principal("user", "rita", frozenset(), scoped=frozenset({("return", "read"), ("return", "rollout")}))

    for who, name in ((admin(), "nonsense"), (elsewhere, "order")):
        with pytest.raises(interventions.Unknown, match="There is no such workflow"):
            governing.roll_out(who, name, stable=1, reason="-")
    assert AuditEntry.objects.filter(action="rollout", allowed=False).count() == 2
    governing.roll_out(elsewhere, "return", stable=1, reason="theirs to decide")


# --- intake ---------------------------------------------------------------------------------------------------------


def pause(until: datetime | None = None, *, workflow: str = "order") -> None:
    governing.pause_intake(principal(), workflow, reason="the warehouse counts", until=until)


def test_while_intake_is_paused_nothing_is_taken_in_and_the_refusal_says_who_why_and_until_when() -> None:
    pause()

    with pytest.raises(interventions.IntakePaused) as caught:
        started("1")

    assert str(caught.value).startswith("No new instances are taken in until ")
    assert str(caught.value).endswith(": olga paused it (the warehouse counts).")
    assert not Instance.objects.exists()
    refused = AuditEntry.objects.get(action="start")
    assert (refused.allowed, refused.refusal, refused.target) == (False, str(caught.value), "1")


def test_what_is_running_goes_on_and_other_workflows_are_taken_in() -> None:
    desk = Desk()
    running = desk.start("1")
    pause()

    desk.play(running)
    other = desk.start("C1", workflow="return", cancellation=True)

    assert Instance.objects.get(id=running).status == "ErpRegistrationPending"
    assert Instance.objects.filter(id=other).exists()


def test_it_ends_by_itself_after_an_hour_unless_said_otherwise(later: Callable[[timedelta], None]) -> None:
    pause()
    later(timedelta(minutes=59))
    with pytest.raises(interventions.IntakePaused):
        started("1")

    later(timedelta(minutes=61))

    assert started("1") == 2


def test_the_pump_removes_what_is_over_and_leaves_what_is_not(later: Callable[[timedelta], None]) -> None:
    pause()
    pause(clock.now() + timedelta(hours=3), workflow="return")
    later(timedelta(hours=2))

    duty = next(duty for duty in pumping.DUTIES if duty.name == "releases")
    duty.job()

    assert [row.workflow for row in PausedIntake.objects.all()] == ["return"]


def test_it_is_resumed_at_once() -> None:
    pause()
    governing.resume_intake(principal(), "order", reason="counted")

    assert started("1") == 2
    paused, resumed = AuditEntry.objects.filter(action="intake").order_by("id")
    assert (paused.before["intake"], paused.after["intake"]) == ("open", "paused")
    assert (resumed.before["intake"], resumed.after["intake"], resumed.reason) == ("paused", "open", "counted")


def test_a_pause_may_be_prolonged_and_says_so() -> None:
    pause()
    until = clock.now() + timedelta(hours=5)

    pause(until)

    assert PausedIntake.objects.get().until == until
    assert AuditEntry.objects.filter(action="intake").order_by("id").last().before["intake"] == "paused"  # type: ignore[union-attr]


def test_twice_is_harmless() -> None:
    pause()
    with pytest.raises(interventions.Impossible, match="already"):
        pause()
    governing.resume_intake(principal(), "order", reason="counted")
    with pytest.raises(interventions.Impossible, match="not paused"):
        governing.resume_intake(principal(), "order", reason="counted")

    assert [entry.allowed for entry in AuditEntry.objects.filter(action="intake").order_by("id")] == [
        True, False, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize("span", [timedelta(minutes=-1), timedelta(days=7, minutes=1)])
def test_an_end_that_is_past_or_too_far_away_is_refused(span: timedelta) -> None:
    with pytest.raises(interventions.Odd, match="must lie ahead, at most 7 days from now"):
        pause(clock.now() + span)

    assert not PausedIntake.objects.exists()


@pytest.mark.parametrize("reason", ["", "  ", "x" * 2001])
def test_a_reason_is_needed(reason: str) -> None:
    with pytest.raises(interventions.ReasonMissing):
        governing.pause_intake(principal(), "order", reason=reason)

    assert AuditEntry.objects.get(action="intake").allowed is False


@pytest.mark.parametrize("role", ["support", "approver"])
def test_only_operators_stop_intake(role: str) -> None:
    for act in (governing.pause_intake, governing.resume_intake):
        with pytest.raises(interventions.Forbidden, match="needs the right to stop and resume"):
            act(principal("sam", role), "order", reason="-")

    assert AuditEntry.objects.filter(action="intake", allowed=False).count() == 2


# --- those who start many -------------------------------------------------------------------------------------------


def test_the_start_command_says_so_once_and_exits_with_an_error(tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    lines = [order("1"), order("2"), order("C3", cancellation=True)]
    path.write_text("\n".join(json.dumps(line) for line in lines))
    pause()
    out, err = StringIO(), StringIO()

    with pytest.raises(SystemExit) as end:
        call_command("start", "order", "--file", str(path), "--skip-invalid", stdout=out, stderr=err)

    assert end.value.code == 1
    assert len(err.getvalue().splitlines()) == 1
    assert err.getvalue().startswith("line 1: order: No new instances are taken in until")
    assert out.getvalue() == ("3 lines: 1 started as return, 0 known already, 0 refused, 2 not taken in as order.\n")


def test_the_trickle_waits_for_its_turn_without_refused_attempts() -> None:
    pause()

    for _ in range(3):
        assert playback.play_next()
    assert (Playback.objects.get().position, Instance.objects.count()) == (0, 0)
    assert not AuditEntry.objects.filter(action="start").exists()
    governing.resume_intake(principal(), "order", reason="counted")
    playback.play_next()

    assert (Playback.objects.get().position, Instance.objects.count()) == (1, 1)


def test_an_unknown_workflow_has_no_version_to_take() -> None:
    with pytest.raises(UnknownWorkflow):
        releases.definition_for("nonsense", "1")
