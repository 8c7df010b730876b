"""Who may commit: leases, losses, quarantine, and what becomes of those who come too late."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection

from tests.engine.flows_app.far_side import FarSide, Gate
from tests.engine.flows_app.flows import Number
from tests.engine.parcels import claim, finish, lose, started, work, work_until
from tests.waiting import wait_until
from tests.worlds import principal, together
from workflows import interventions, registry
from workflows.dsl import OutcomeUnknown, TemporaryFailure
from workflows.engine import executor, sessions, store, sweeper
from workflows.models import Session, Work

pytestmark = pytest.mark.usefixtures("far")


def postgres_is_old_enough() -> None:
    """Nothing expires within one lease after PostgreSQL started."""

    def old() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT now() > pg_postmaster_start_time() + interval '13 seconds'")
            return bool(cursor.fetchone()[0])

    wait_until(old, "PostgreSQL has been up for one lease", 20)


class TestFencing:
    def test_a_worker_that_lost_its_lease_advances_nothing_after_another_finished(self, far: FarSide) -> None:
        relay = started("relay")
        zombie = claim(relay)
        lose(relay)
        work_until(relay, "Completed")
        before = relay.history

        finish(zombie)

        assert relay.history == before
        assert relay.late == [("first", "succeeded", "ignored")]
        assert far.keys("first") == ["relay/" + relay.row.key + "/r1/first/g1"] * 2, "executed twice under one key"
        relay.check()

    def test_its_effect_is_used_while_nobody_else_has_finished(self, far: FarSide) -> None:
        relay = started("relay")
        zombie = claim(relay)
        lose(relay)

        finish(zombie)

        assert relay.late == [("first", "succeeded", "used")]
        assert relay.said("StepSucceeded")[0]["late"] is True
        work_until(relay, "Completed")
        relay.check()

    def test_its_failure_is_kept_and_changes_nothing(self, far: FarSide) -> None:
        relay = started("relay")
        zombie = claim(relay)
        lose(relay)
        far.will("first", TemporaryFailure("broken"))
        before = relay.history

        finish(zombie)

        assert (relay.history, relay.late) == (before, [("first", "failed", "ignored")])

    def test_of_two_that_hold_the_same_step_one_after_the_other_one_commits(self) -> None:
        relay = started("relay")
        zombie = claim(relay)
        lose(relay)
        second = claim(relay, "quarantine")

        finish(zombie)
        finish(second)

        assert relay.late == [("first", "succeeded", "used"), ("first", "succeeded", "ignored")]
        assert [said["step"] for said in relay.said("StepSucceeded")].count("first") == 1
        relay.check()

    def test_a_dead_session_claims_nothing(self) -> None:
        relay = started("relay")
        Session.objects.filter(id=sessions.current().id).update(ended_at=relay.row.started_at)

        assert store.claim_one(sessions.current().id, relay.id, "default", registry.capabilities(), []) is None

    def test_two_workers_never_hold_the_same_attempt(self) -> None:
        parcels = [started() for _ in range(6)]
        capabilities = registry.capabilities()
        session_id = sessions.current().id

        def take() -> list[tuple[object, str]]:
            claims = store.claim_batch(session_id, "default", capabilities, [], 16, fast=False)
            return [(one.row.id, one.step) for one in claims]

        taken_by = together(take, take, take, take)

        every = [pair for claims in taken_by for pair in claims]  # type: ignore[attr-defined]
        assert len(every) == len(set(every)) == 12
        assert all(parcel.work for parcel in parcels)


class TestParallelBranches:
    def test_two_that_end_at_the_same_moment_are_both_recorded(self, far: FarSide) -> None:
        for _ in range(10):
            parcel = started()
            first, second = claim(parcel), claim(parcel)

            together(lambda a=first: finish(a), lambda b=second: finish(b))

            assert sorted(said["step"] for said in parcel.said("StepSucceeded")) == ["left", "right"]
            assert parcel.waits == {"confirmed": "open"}
            parcel.check()

    def test_one_goes_on_while_the_other_hangs(self, far: FarSide) -> None:
        parcel = started()
        gate = Gate(Number(number="L-1"))
        far.will("left", gate)
        held = claim(parcel)

        def meanwhile() -> list[str]:
            assert gate.entered.wait(20)
            work()
            before = [said["step"] for said in parcel.said("StepSucceeded")]
            gate.opened.set()
            return before

        _, before = together(lambda: finish(held), meanwhile)

        assert before == ["right"]
        assert parcel.waits == {"confirmed": "open"}
        parcel.check()


class TestLosses:
    def test_the_first_loss_is_nobodys_fault_and_the_next_attempt_is_alone(self) -> None:
        relay = started("relay")
        claim(relay)

        lose(relay)

        (lost,) = relay.said("AttemptLost")
        assert lost["counted"] is False
        assert [(row.pool, row.session_id) for row in relay.work] == [("quarantine", None)]
        work("quarantine")
        work()
        assert relay.lifecycle == "completed"

    def test_a_step_that_kills_whoever_runs_it_is_given_to_a_person_and_harms_nobody_else(self, far: FarSide) -> None:
        poison, other = started("relay"), started("relay")
        claim(poison)
        lose(poison)

        for _ in range(3):
            claim(poison, "quarantine")
            lose(poison)
        work_until(other, "Completed")

        assert [lost["counted"] for lost in poison.said("AttemptLost")] == [False, True, True, True]
        assert (poison.row.needs_person, poison.row.owner, poison.status) == (True, "post", "FirstFailed")
        assert not poison.work
        poison.check()

    def test_a_person_may_try_again(self, far: FarSide) -> None:
        poison = started("relay")
        for pool in ("default", "quarantine", "quarantine", "quarantine"):
            claim(poison, pool)
            lose(poison)

        interventions.act(principal(), "retry", poison.id, reason="the bug is mended")
        work_until(poison, "Completed")

        poison.check()

    def test_work_that_is_given_back_does_not_count(self) -> None:
        relay = started("relay")
        held = claim(relay)

        store.unclaim(held)

        assert [(row.session_id, row.leased_at, row.deadline_at) for row in relay.work] == [(None, None, None)]
        assert relay.history == ["InstanceStarted", "StageEntered", "StepScheduled first"]
        store.unclaim(held)
        again = claim(relay)
        store.unclaim(held)
        assert relay.work[0].token == again.token and relay.work[0].session_id, "an old lease gives nothing back"

    def test_what_must_not_be_repeated_is_looked_up_first(self, far: FarSide) -> None:
        coin = started("coin")
        claim(coin)
        lose(coin)

        work("quarantine")

        assert far.names()[0] == "find"

    def test_an_unknown_outcome_is_looked_up_and_only_then_done_again(self, far: FarSide) -> None:
        coin = started("coin")
        far.will("strike", OutcomeUnknown("the mint broke off"))

        work_until(coin, "Completed")

        assert far.names() == ["strike", "find", "strike"]
        assert len(set(far.keys("strike"))) == 1
        assert far.keys("find") == far.keys("strike")[:1], "the check asks about the same key"
        assert coin.history[-3:] == ["NothingHadHappened struck", "StepSucceeded struck", "InstanceEnded"]
        coin.check()


class TestSweeper:
    def test_a_dead_workers_attempts_come_back(self, far: FarSide) -> None:
        postgres_is_old_enough()
        relay = started("relay")
        claim(relay)
        Session.objects.filter(id=sessions.current().id).update(alive_until=relay.row.started_at)

        assert sweeper.sweep() == 1

        assert relay.said("AttemptLost")[0]["why"] == sweeper.DEAD
        assert Session.objects.get(id=sessions.current().id).ended_at is not None
        assert sweeper.sweep() == 0
        sessions.end()
        work_until(relay, "Completed")
        relay.check()

    def test_an_attempt_past_its_time_out_is_lost_although_its_worker_lives(self) -> None:
        postgres_is_old_enough()
        relay = started("relay")
        claim(relay)
        Work.objects.filter(instance_id=relay.id).update(deadline_at=relay.row.started_at)

        sweeper.sweep()

        assert relay.said("AttemptLost")[0]["why"] == sweeper.SLOW

    def test_a_live_attempt_is_left_alone(self) -> None:
        postgres_is_old_enough()
        relay = started("relay")
        claim(relay)

        assert sweeper.sweep() == 0

    def test_two_sweepers_at_the_same_moment_record_one_loss(self) -> None:
        postgres_is_old_enough()
        relay = started("relay")
        claim(relay)
        Work.objects.filter(instance_id=relay.id).update(deadline_at=relay.row.started_at)

        together(sweeper.sweep, sweeper.sweep)

        assert len(relay.said("AttemptLost")) == 1
        relay.check()


class TestSessions:
    def _connect(self) -> psycopg.Connection[object]:
        parameters = connection.get_connection_params()
        for unwanted in ("cursor_factory", "context", "server_side_binding", "pool"):
            parameters.pop(unwanted, None)
        return psycopg.connect(**{**parameters, "autocommit": True})

    def test_a_heartbeat_renews_the_lease_and_notes_who_heard_the_broker(self) -> None:
        session = sessions.current()
        Session.objects.filter(id=session.id).update(alive_until=Session.objects.get(id=session.id).started_at)
        session.heard.set()

        with self._connect() as conn:
            assert sessions.beat(conn, session)

        row = Session.objects.get(id=session.id)
        assert (row.alive_until - row.started_at).total_seconds() >= sessions.LEASE_SECONDS
        assert row.heard_at is not None

    def test_a_session_that_was_ended_is_not_revived(self) -> None:
        session = sessions.current()
        row = Session.objects.get(id=session.id)
        Session.objects.filter(id=session.id).update(ended_at=row.started_at)

        with self._connect() as conn:
            assert not sessions.beat(conn, session)

    def test_the_process_goes_on_under_a_new_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sessions, "HEARTBEAT_SECONDS", 0.02)
        session = sessions.current()
        old = session.id
        Session.objects.filter(id=old).update(ended_at=Session.objects.get(id=old).started_at)

        wait_until(
            lambda: session.id != old and Session.objects.filter(id=session.id).exists(), "a new session is open"
        )

        assert claim(started("relay")).token

    def test_ending_in_good_order_ends_the_row(self) -> None:
        old = sessions.current().id

        sessions.end()

        assert Session.objects.get(id=old).ended_at is not None

    def test_a_process_that_drains_takes_nothing_new(self) -> None:
        relay = started("relay")
        sessions.current().draining.set()

        assert work() == 0
        assert relay.work[0].session_id is None


class TestBatches:
    def test_fast_work_is_reserved_in_batches_and_given_back_uncounted_when_the_process_leaves(
        self, far: FarSide
    ) -> None:
        for _ in range(8):
            work_until(started("relay"), "Completed")
        assert "left_hand" in executor._fast()
        waiting = [started("relay") for _ in range(5)]
        far.will("first", lambda: sessions.current().draining.set())

        work()

        untouched = [relay for relay in waiting if relay.history[-1] == "StepScheduled first"]
        assert len(untouched) >= 3
        assert all(row.session_id is None for relay in untouched for row in relay.work)

    def test_slow_dependencies_are_capped_per_process(self, far: FarSide) -> None:
        session = sessions.current()
        started("relay")
        session.running["left_hand"] = sessions.THREADS // 2

        assert work() == 0
