"""The core's state as JSON and back; what is at its default is left out, because the row is rewritten every step."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic_core import to_json

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

_EMPTY = Patience()
#: of an attempt that succeeded, only its number is worth a place
_NOTHING_SINCE = [0, 0, False, None, "", ""]
#: parts of a patience before `parked`, which is written only where a breaker refused
_PARTS = 7


def dump(state: State) -> dict[str, Any]:
    """The state as JSON data."""
    data: dict[str, Any] = {
        "workflow": state.workflow,
        "version": state.version,
        "key": state.key,
        "seq": state.seq,
        "stage": state.stage,
        "steps": {name: _dump_step(step) for name, step in state.steps.items()},
        "values": dict(state.values),
        "input": state.input_seq,
    }
    if state.run != 1:
        data["run"] = state.run
    if state.generation != 1:
        data["generation"] = state.generation
    if state.paused:
        data["paused"] = True
    if state.ended:
        data["ended"] = [state.ended, state.ended_status]
    if state.reason:
        data["reason"] = state.reason
    if state.deadline_at:
        data["deadline"] = state.deadline_at.isoformat()
    if state.warn_at:
        data["warn"] = state.warn_at.isoformat()
    if state.owner:
        data["owner"] = state.owner
    if state.correction:
        data["correction"] = _dump_correction(state.correction)
    return data


def text(state: State) -> str:
    """The state as JSON text."""
    return to_json(dump(state)).decode()


def load(data: dict[str, Any]) -> State:
    """The state that `dump` wrote."""
    ended = data.get("ended")
    return State(
        workflow=data["workflow"],
        version=data["version"],
        key=data["key"],
        run=data.get("run", 1),
        generation=data.get("generation", 1),
        seq=data["seq"],
        stage=data["stage"],
        paused=data.get("paused", False),
        ended=Lifecycle(ended[0]) if ended else None,
        ended_status=ended[1] if ended else "",
        reason=data.get("reason", ""),
        steps={name: _load_step(step) for name, step in data["steps"].items()},
        values=data["values"],
        correction=_load_correction(data["correction"]) if "correction" in data else None,
        owner=data.get("owner", ""),
        deadline_at=_time(data.get("deadline")),
        warn_at=_time(data.get("warn")),
        input_seq=data["input"],
    )


def _dump_step(step: StepState) -> dict[str, Any]:
    data: dict[str, Any] = {"phase": step.phase}
    if step.direction is not Direction.FORWARD:
        data["direction"] = step.direction
    if step.generation != 1:
        data["generation"] = step.generation
    if step.patience != _EMPTY:
        data["patience"] = _dump_patience(step.patience)
    for name in ("unknown", "corrected", "corrections", "match", "rounds"):
        if getattr(step, name):
            data[name] = getattr(step, name)
    if step.due_at:
        data["due"] = step.due_at.isoformat()
    if step.ended_seq:
        data["ended"] = step.ended_seq
    if step.output_seq:
        data["output"] = step.output_seq
    return data


def _load_step(data: dict[str, Any]) -> StepState:
    return StepState(
        Phase(data["phase"]),
        Direction(data.get("direction", "forward")),
        data.get("generation", 1),
        _load_patience(data["patience"]) if "patience" in data else _EMPTY,
        data.get("unknown", False),
        data.get("corrected", False),
        data.get("corrections", 0),
        _time(data.get("due")),
        data.get("match", ""),
        data.get("rounds", 0),
        data.get("ended", 0),
        data.get("output", 0),
    )


def _dump_patience(patience: Patience) -> list[Any]:
    at = patience.retry_at.isoformat() if patience.retry_at else None
    rest = [patience.failures, patience.losses, patience.quarantined, at, patience.error, patience.error_kind]
    if patience.parked:
        return [patience.attempts, *rest, patience.parked]
    return [patience.attempts] if rest == _NOTHING_SINCE else [patience.attempts, *rest]


def _load_patience(data: list[Any]) -> Patience:
    if len(data) == 1:
        return Patience(data[0])
    return Patience(data[0], data[1], data[2], data[3], _time(data[4]), data[5], data[6], *data[_PARTS:])


def _dump_correction(correction: Correction) -> dict[str, Any]:
    return {
        "cause": correction.cause,
        "code": correction.code,
        "reason": correction.reason,
        "items": [
            [i.step, i.phase, _dump_patience(i.patience), i.round, *([True] if i.again else [])]
            for i in correction.items
        ],
        "irreversible": list(correction.irreversible),
        **({"waived": list(correction.waived)} if correction.waived else {}),
    }


def _load_correction(data: dict[str, Any]) -> Correction:
    items = tuple(Item(i[0], ItemPhase(i[1]), _load_patience(i[2]), *i[3:]) for i in data["items"])
    return Correction(
        data["cause"], data["code"], data["reason"], items, tuple(data["irreversible"]), tuple(data.get("waived", ()))
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
