"""Every state a process can reach gets a sentence that reads well; `docs/sentences.md` shows them all."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from breakers.machine import Policy
from breakers.machine import State as BreakerState
from breakers.queries import Standing as Breaker
from console.sentences import Barrier, Sentence, Standing, sentence
from console.standings import standing
from tests.console.walk import states
from workflows.core.face import deadline_state, face
from workflows.core.state import State
from workflows.demo.flows import OrderFulfilment, ReturnHandling
from workflows.dsl.definition import Definition
from workflows.queries.instances import InstanceRow
from workflows.queries.surroundings import Around

NOW = datetime(2010, 12, 1, 11, 0, tzinfo=UTC)
SINCE = NOW - timedelta(minutes=18)
GIVEN = {"total": 139.12, "order_id": "536365", "country": "United Kingdom"}
SHOWN = Path(__file__).parents[2] / "docs" / "sentences.md"

ORDER = OrderFulfilment.definition
RETURN = ReturnHandling.definition
WALKS: Mapping[str, tuple[Definition, dict[str, Any], dict[str, list[dict[str, Any]]]]] = {
    "order": (
        ORDER,
        {**GIVEN, "cancellation": False},
        {
            "submitted": [{"reference": "ERP-1"}],
            "registered": [{"accepted": True, "reason": None}, {"accepted": False, "reason": "Credit limit reached"}],
        },
    ),
    "return": (
        RETURN,
        {**GIVEN, "cancellation": True},
        {
            "match": [
                {"kind": "whole", "order_id": "536365", "amount": 10.0},
                {"kind": "partial", "order_id": "536365", "amount": 10.0},
            ],
            "original": [{"lifecycle": "completed", "charge_key": "k"}],
        },
    ),
}


def row(definition: Definition, state: State) -> InstanceRow:
    """The instance as it is stored, in its present status for 18 minutes."""
    shown = face(definition, state)
    ended = not state.alive
    return InstanceRow(
        id=UUID(int=1),
        workflow=definition.name,
        version=definition.version,
        key=state.key,
        run=state.run,
        generation=state.generation,
        priority=1,
        lifecycle=str(shown.lifecycle),
        status=shown.status,
        stage=shown.stage,
        since=SINCE,
        needs_person=shown.needs_person,
        step=shown.step,
        dependency=shown.dependency,
        waiting_kind=shown.waiting_kind,
        waiting_name=shown.waiting_name,
        waiting_until=shown.waiting_until,
        next_what=shown.next_what,
        next_at=NOW + timedelta(minutes=2) if shown.next_at else None,
        owner=shown.owner,
        reason=shown.reason,
        deadline_at={"": NOW + timedelta(hours=3), "near": NOW + timedelta(minutes=20)}.get(
            deadline_state(definition, state), NOW - timedelta(minutes=5)
        ),
        deadline_state=deadline_state(definition, state),
        initiator_kind="user",
        initiator="support",
        correlation_id="c",
        attributes={},
        revision=1,
        seq=state.seq,
        started_at=SINCE,
        updated_at=SINCE,
        ended_at=SINCE if ended else None,
    )


def error_of(state: State, shown: InstanceRow) -> str:
    """What the present step, or its correction, last heard."""
    for item in state.correction.items if state.correction else ():
        if item.step == shown.step:
            return item.patience.error
    return state.steps[shown.step].patience.error if shown.step in state.steps else ""


def breaker_of(shown: InstanceRow) -> Breaker | None:
    """The breaker it waits for, which has opened."""
    if shown.waiting_kind != "breaker":
        return None
    return Breaker(
        name=shown.waiting_name, state=BreakerState.OPEN, generation=2, since=SINCE, failure_share=1, slow_share=0,
        calls=5, consecutive=5, refused=3, refused_total=3, next_probe_at=NOW + timedelta(seconds=8), probed=0,
        probing=0, last_error="did not answer", hold=None, policy=Policy(), declared=Policy(),
    )  # fmt: skip


@cache
def told(name: str) -> dict[str, tuple[InstanceRow, Sentence]]:
    """Every distinct sentence of a process, with an instance that gets it."""
    definition, given, answers = WALKS[name]
    found: dict[str, tuple[InstanceRow, Sentence]] = {}
    for state in states(definition, given, answers, NOW):
        shown = row(definition, state)
        said = sentence(standing(shown, Around(breaker_of(shown)), error=error_of(state, shown)), NOW)
        found.setdefault(said.text, (shown, said))
    return found


@pytest.mark.parametrize("name", list(WALKS))
def test_every_reachable_state_has_a_sentence_that_reads_well(name: str) -> None:
    found = told(name)

    assert len(found) > 40
    for text, (shown, said) in found.items():
        assert re.match(r"[A-Z]", text) and text.endswith("."), text
        assert len(text) < 420, text
        assert not re.search(r"[a-z][A-Z]|_|None|\bNext: \.|  |\.\.|[{}]|\bworker\b|\blease", text), text
        assert "10:42 UTC" in text, text
        assert bool(shown.ended_at) != ("Next: " in text and "Owner: " in text), text
        assert "Reason: " in text or "because: " in text or not (shown.needs_person or shown.reason), text
        assert re.fullmatch(r"[A-Z].*\.", said.customer) and "Owner" not in said.customer, said.customer
        assert not re.search(r"ERP|team|did not answer|[a-z][A-Z]", said.customer), said.customer
        assert said.text == "".join(part.text for part in said.parts)


def test_the_sentences_people_read_are_shown_in_the_docs() -> None:
    lines = [
        "# Every kind of sentence an order or a return can show",
        "",
        "Made by walking both processes in memory (`tests/console/test_sentences.py`) with the clock at 11:00 UTC; one",
        "example of each kind. After a change of wording run `SHOW_SENTENCES=1 pytest tests/console/test_sentences.py`",
        "and read them aloud.",
    ]
    for name in WALKS:
        lines += ["", f"## {name.capitalize()}", *examples(name)]
    text = "\n".join(lines) + "\n"
    if os.environ.get("SHOW_SENTENCES"):
        SHOWN.write_text(text)

    assert SHOWN.read_text() == text


def examples(name: str) -> list[str]:
    """One sentence per status, way of waiting and next step, in the order in which they are met; no near deadlines."""
    kinds: dict[str, dict[Any, Sentence]] = {}
    for shown, said in told(name).values():
        kind = (shown.lifecycle, shown.waiting_kind, shown.next_what, bool(shown.reason))
        if not shown.deadline_state:
            kinds.setdefault(shown.status, {}).setdefault(kind, said)
    lines = []
    for status, found in kinds.items():
        customers = dict.fromkeys(said.customer for said in found.values())
        lines += ["", f"**{status}**. Customers: {' / '.join(customers)}", ""]
        lines += [f"- {said.text}" for said in found.values()]
    return lines


WAITING = Standing(
    noun="claim",
    lifecycle="waiting",
    status="AssessorReportPending",
    since=SINCE,
    waiting_kind="callback",
    waiting_name="assessor",
    next_what="ask",
    next_at=NOW + timedelta(minutes=2),
    owner="claims-desk",
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {},
            (
                "Waiting for the assessor system to answer (assessor report) since 10:42 UTC (18 min). "
                "Next: ask the assessor system at 11:02 UTC (in 2 min). Owner: claims-desk."
            ),
        ),
        (
            {"next_what": "escalate"},
            (
                "Waiting for the assessor system to answer (assessor report) since 10:42 UTC (18 min). "
                "Next: claims-desk is asked to step in at 11:02 UTC (in 2 min). Owner: claims-desk."
            ),
        ),
        (
            {"waiting_kind": "timer", "next_what": "fire", "status": "CoolingOffPending"},
            (
                "Waiting for the right time (cooling off) since 10:42 UTC (18 min). "
                "Next: it goes on at 11:02 UTC (in 2 min). Owner: claims-desk."
            ),
        ),
        (
            {"lifecycle": "running", "waiting_kind": "work", "next_what": "attempt", "next_at": None},
            (
                "Assessor report in progress (since 10:42 UTC, 18 min). "
                "Next: it goes on by itself, as soon as its turn comes. Owner: claims-desk."
            ),
        ),
        (
            {
                "waiting_kind": "retry",
                "dependency": "crm",
                "next_what": "attempt",
                "next_at": NOW - timedelta(minutes=3),
            },
            (
                "Assessor report did not work yet; the CRM is tried again (since 10:42 UTC, 18 min). "
                "Next: another attempt, as soon as its turn comes (due 10:57 UTC, 3 min overdue). Owner: claims-desk."
            ),
        ),
        (
            {"waiting_kind": "person", "needs_person": True, "reason": "the report is unreadable", "next_what": ""},
            (
                "Assessor report cannot go on without a person (since 10:42 UTC, 18 min). "
                "Reason: the report is unreadable. "
                "Next: nothing happens by itself; claims-desk has to act. Owner: claims-desk."
            ),
        ),
        (
            {
                "lifecycle": "running",
                "status": "Received",
                "waiting_kind": "work",
                "next_at": None,
                "next_what": "attempt",
            },
            (
                "Received and being taken up (since 10:42 UTC, 18 min). "
                "Next: it goes on by itself, as soon as its turn comes. Owner: claims-desk."
            ),
        ),
        (
            {"deadline_at": NOW - timedelta(minutes=5), "deadline_state": "passed"},
            (
                "Waiting for the assessor system to answer (assessor report) since 10:42 UTC (18 min). "
                "Next: ask the assessor system at 11:02 UTC (in 2 min). "
                "It should have ended by 10:55 UTC (5 min overdue). Owner: claims-desk."
            ),
        ),
        (
            {"lifecycle": "completed", "status": "ClaimSettled", "ended_at": SINCE},
            "Claim settled. Ended at 10:42 UTC (18 min ago).",
        ),
    ],
)
def test_without_declared_wording_the_sentence_is_made_from_names(changes: dict[str, Any], expected: str) -> None:
    assert sentence(replace(WAITING, **changes), NOW).text == expected


@pytest.mark.parametrize(
    ("barrier", "expected"),
    [
        (None, "Next: it goes on by itself when the CRM answers again; nothing was sent."),
        (
            Barrier("open", NOW + timedelta(seconds=8)),
            "Next: the CRM is tried again at 11:00:08 UTC (in 8 s); nothing was sent.",
        ),
        (
            Barrier("open", NOW - timedelta(seconds=1)),
            "Next: the CRM is being tried; it goes on when that works. Nothing was sent.",
        ),
        (Barrier("half_open"), "Next: the CRM is being tried; it goes on when that works. Nothing was sent."),
        (
            Barrier("held_open", NOW + timedelta(minutes=30), "olga"),
            "Next: olga keeps calls away from the CRM until 11:30:00 UTC (in 30 min); nothing was sent.",
        ),
        (Barrier("closed"), "Next: the CRM can be called again; what waited for it goes on bit by bit."),
        (
            Barrier("held_closed", NOW + timedelta(minutes=30), "olga"),
            "Next: the CRM can be called again; what waited for it goes on bit by bit.",
        ),
    ],
)
def test_what_waits_for_a_breaker_says_what_the_breaker_does_next(barrier: Barrier | None, expected: str) -> None:
    waiting = replace(WAITING, waiting_kind="breaker", waiting_name="crm", next_what="probe", next_at=None)

    assert expected in sentence(replace(waiting, barrier=barrier), NOW).text


def test_the_next_probe_is_a_time_that_a_page_keeps_current() -> None:
    at = NOW + timedelta(seconds=8)
    waiting = replace(WAITING, waiting_kind="breaker", waiting_name="crm", next_at=None, barrier=Barrier("open", at))

    kinds = [part.kind for part in sentence(waiting, NOW).parts if part.at == at]

    assert kinds == ["second", "until"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "Your claim is being processed."),
        ({"waiting_kind": "retry"}, "Your claim is taking longer than usual."),
        ({"needs_person": True}, "Your claim is delayed; a colleague is looking at it."),
        ({"lifecycle": "paused"}, "Your claim is on hold for the moment."),
        ({"lifecycle": "failed"}, "Your claim could not be accepted."),
        ({"customer": "We are reading your report."}, "We are reading your report."),
    ],
)
def test_customers_read_a_safe_sentence(changes: dict[str, Any], expected: str) -> None:
    assert sentence(replace(WAITING, **changes), NOW).customer == expected


def test_times_and_names_are_parts_of_their_own() -> None:
    parts = sentence(WAITING, NOW).parts

    assert [part.at for part in parts if part.kind == "time"] == [SINCE, WAITING.next_at]
    assert "claims-desk" in [part.text for part in parts if part.kind == "name"]
