"""Events and states as they are stored: nothing is lost on the way to JSON and back, and old shapes are lifted."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.core.story import NOON
from workflows.core import events as e
from workflows.core.evolve import fold
from workflows.core.state import (
    Correction,
    Direction,
    Item,
    ItemPhase,
    Lifecycle,
    Patience,
    Phase,
    State,
    StepState,
)
from workflows.engine import codec

_EXAMPLES: dict[str, Any] = {
    "str": "text é \u0000 'quoted'",
    "int": 3,
    "bool": True,
    "datetime": NOON,
    "datetime | None": NOON,
    "dict[str, Any]": {"a": 1.5, "b": None, "c": ["x"]},
    "list[str]": ["one", "two"],
}


@pytest.mark.parametrize("kind", sorted(e.TYPES))
def test_every_event_survives_its_way_through_json(kind: str) -> None:
    cls = e.TYPES[kind]
    event = cls(**{one.name: _EXAMPLES[str(one.type)] for one in fields(cls)})

    stored = json.loads(json.dumps(e.to_data(event)))

    assert e.from_data(kind, cls.schema, stored) == event


def test_fields_at_their_default_are_not_stored() -> None:
    assert e.to_data(e.StepScheduled(step="charge")) == {"step": "charge"}


def test_an_older_shape_is_lifted_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(e.TimerFired, "schema", 3)
    monkeypatch.setitem(e.UPCASTERS, ("TimerFired", 1), lambda data: {"name": data["timer"]})
    monkeypatch.setitem(e.UPCASTERS, ("TimerFired", 2), lambda data: {"step": data["name"]})

    assert e.from_data("TimerFired", 1, {"timer": "rest"}) == e.TimerFired(step="rest")


def test_an_unknown_event_is_refused() -> None:
    with pytest.raises(KeyError):
        e.from_data("Unheard", 1, {})


def test_a_state_with_nothing_at_its_default_survives() -> None:
    late = datetime(2010, 12, 2, tzinfo=UTC)
    patience = Patience(4, 3, 2, quarantined=True, retry_at=late, error="broken", error_kind="Test")
    step = StepState(Phase.READY, Direction.CHECK, 2, patience, True, True, 2, late, "E1", 2, 17, 17)
    items = (Item("charge", ItemPhase.READY, patience, 2, again=True), Item("reserve", ItemPhase.DONE))
    correction = Correction("cancelled", "Cancelled", "reason", items, ("thanks",))
    state = State(
        "order", 2, "536365", 2, 2, 40, 1, True, Lifecycle.CANCELLED, "OrderCancelled", "reason",
        {"charge": step}, {"order": {"total": 1.5}}, correction, late, NOON, 1,
    )  # fmt: skip

    assert codec.load(json.loads(json.dumps(codec.dump(state)))) == state
    assert not [one.name for one in fields(StepState) if getattr(step, one.name) == one.default]


def test_nothing_folds_to_an_empty_state() -> None:
    assert fold([]) == State()
