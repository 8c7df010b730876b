"""From a function of the author to a fact: contracts, refusals, crashes, and what may be kept of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import OperationalError

from tests.engine.flows_app.far_side import FarSide
from tests.engine.flows_app.flows import Number, Parcel
from tests.engine.parcels import ready_now, started, work, work_until
from tests.worlds import Kept, principal
from workflows import interventions
from workflows.dsl import OutcomeUnknown, Pending, PermanentFailure, PersonNeeded, Refused, TemporaryFailure
from workflows.engine import attempt
from workflows.models import OnceResult, Payload

pytestmark = pytest.mark.usefixtures("far")


def tried(far: FarSide, outcome: Any) -> Kept:
    """A relay whose first step ended like this, once."""
    relay = started("relay")
    far.will("first", outcome)
    work()
    return relay


@pytest.mark.parametrize(
    ("outcome", "kind", "error"),
    [
        (TemporaryFailure("not now"), "TemporaryFailure", "not now"),
        (OutcomeUnknown("it broke off"), "OutcomeUnknown", "it broke off"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError", "ZeroDivisionError: division by zero"),
        (TemporaryFailure("a\x00b"), "TemporaryFailure", "a\ufffdb"),
        (RuntimeError("x" * 2000), "RuntimeError", "RuntimeError: " + "x" * 485 + "…"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_failure_is_recorded_and_tried_again(far: FarSide, outcome: Exception, kind: str, error: str) -> None:
    relay = tried(far, outcome)

    failed = relay.said("AttemptFailed")[0]
    assert (failed["kind"], failed["error"]) == (kind, error)
    work_until(relay, "Completed")
    assert [seen.attempt for seen in far.seen if seen.name == "first"] == [1, 2]
    assert len(set(far.keys("first"))) == 1
    relay.check()


def test_after_the_last_attempt_a_person_is_named(far: FarSide) -> None:
    relay = started("relay")
    far.will("first", *[TemporaryFailure("not now")] * 3)

    work_until(relay, "FirstFailed")

    assert (relay.row.needs_person, relay.row.reason, relay.row.waiting_kind) == (True, "not now", "person")
    assert len(far.keys("first")) == 3
    relay.check()


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (PermanentFailure("wrong request"), "permanent"),
        (PersonNeeded("which one?", {"candidates": ["a", "b"], "at": datetime(2010, 12, 1, tzinfo=UTC)}), "asked"),
        (lambda: Parcel(parcel_id="P", weight=1), "permanent"),
        (lambda: "a text", "permanent"),
        (lambda: Pending(), "permanent"),
    ],
    ids=["permanent", "person", "another contract", "a text", "pending"],
)
def test_what_no_attempt_can_mend_goes_to_a_person(far: FarSide, outcome: Any, code: str) -> None:
    relay = tried(far, outcome)

    assert relay.said("PersonAsked")[0]["code"] == code
    assert relay.row.needs_person
    relay.check()


def test_what_must_not_be_repeated_is_looked_up_even_if_the_database_went_away_meanwhile(far: FarSide) -> None:
    coin = started("coin")
    far.will("strike", OperationalError("server closed the connection unexpectedly"))

    work_until(coin, "Completed")

    assert far.names() == ["strike", "find", "strike"]
    coin.check()


def test_a_correction_that_crashed_and_must_not_be_repeated_goes_to_a_person(far: FarSide) -> None:
    coin = started("coin")
    work()
    far.will("melt", ConnectionResetError("reset by peer"))
    interventions.act(principal(), "compensate", coin.id, reason="wrong face")

    work()

    assert coin.said("PersonAsked")[0]["code"] == "unknown"
    assert far.names().count("melt") == 1


def test_what_a_person_needs_to_see_is_kept_as_json(far: FarSide) -> None:
    relay = tried(far, PersonNeeded("which one?", {"at": datetime(2010, 12, 1, tzinfo=UTC), "what": object}))

    assert relay.said("PersonAsked")[0]["evidence"]["at"] == "2010-12-01T00:00:00Z"


def test_a_refusal_ends_it(far: FarSide) -> None:
    relay = tried(far, Refused("No", "the answer is\x00no"))

    assert (relay.lifecycle, relay.row.reason) == ("failed", "the answer is\ufffdno")


@pytest.mark.parametrize("size", [float("nan"), float("inf")])
def test_a_number_that_json_cannot_carry_is_a_broken_contract(far: FarSide, size: float) -> None:
    relay = started("relay")
    far.will("third", lambda: Number(number="3", size=size))

    work()

    assert relay.said("AttemptFailed")[0]["kind"] == "Contract"
    assert relay.row.needs_person
    relay.check()


def test_a_result_that_is_too_large_to_carry_around_goes_to_a_person_and_is_not_kept(far: FarSide) -> None:
    relay = tried(far, lambda: Number(number="x" * attempt.MAX_RESULT))

    assert relay.said("AttemptFailed")[0]["error"].startswith("a result of 8,000,0")
    assert relay.row.needs_person
    assert not Payload.objects.filter(instance_id=relay.id, seq__gt=1).exists()
    relay.check()


def test_a_text_with_nul_may_be_returned(far: FarSide) -> None:
    relay = started("relay")
    far.will("first", lambda: Number(number="a\x00b"))

    work()

    assert relay.lifecycle == "completed"
    relay.check()


def test_an_answer_that_breaks_its_contract_is_named_without_its_content(far: FarSide) -> None:
    relay = tried(far, lambda: Number.model_validate({"number": ["a secret"], "size": "another"}))

    failed = relay.said("AttemptFailed")[0]
    assert failed["error"].startswith("number: ")
    assert "secret" not in json.dumps(failed)


class TestOnce:
    def test_what_was_done_is_not_done_again_by_the_next_attempt(self, far: FarSide) -> None:
        once = started("once")
        far.will("two", TemporaryFailure("not now"))

        work()
        ready_now(once)
        work()

        assert far.names() == ["one", "two", "two"]
        assert once.lifecycle == "completed"
        assert sorted(OnceResult.objects.values_list("name", "result")) == [("one", '{"n": 1}'), ("two", '{"n": 2}')]

    def test_another_run_does_it_anew(self, far: FarSide) -> None:
        first = started("once", "O1")
        work()
        second = started("once", "O2")
        work()

        assert far.names() == ["one", "two"] * 2
        assert first.lifecycle == second.lifecycle == "completed"


def test_a_step_knows_its_attempt(far: FarSide) -> None:
    relay = started("relay", "R1")
    far.will("first", TemporaryFailure("not now"))

    work_until(relay, "Completed")

    assert [(seen.key, seen.attempt) for seen in far.seen[:2]] == [
        ("relay/R1/r1/first/g1", 1), ("relay/R1/r1/first/g1", 2),
    ]  # fmt: skip
    assert interventions.allowed_actions(principal(), relay.row)[0].reason == "It has already ended as Completed."
