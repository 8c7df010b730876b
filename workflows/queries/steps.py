"""Every step of an instance as people see it: where it stands, how often it was tried, what went in and came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workflows.core.correct import OPEN
from workflows.core.keys import idempotency_key
from workflows.core.state import FINISHED, Direction, Item, Phase, State, StepState
from workflows.dsl.definition import Definition, Function, Node
from workflows.queries.history import HistoryEvent

#: attempts being made now: (step, direction) to the time their lease began
Leased = Mapping[tuple[str, str], datetime | None]

_WORDS = {Phase.STUCK: "needs_person"}
_BEGINS = frozenset({"StepScheduled", "WaitOpened", "TimerSet"})
_ENDS = frozenset(
    {"StepSucceeded", "StepSkipped", "StepRefused", "StepDropped", "StepWithdrawn", "TimerFired", "EventPublished"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompensationRow:
    """The correction of one step. `state` is awaiting, planned, ready, running, needs_person, done or dropped."""

    function: str
    state: str
    attempts: int
    last_error: str
    idempotency_key: str
    retry_at: datetime | None
    ended_at: datetime | None
    output: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. `state` is planned (not begun), ready, running, waiting, needs_person or how it ended."""

    name: str
    kind: str
    stage: str
    state: str
    #: the business status it gives the instance now
    status: str
    critical: bool
    dependency: str
    attempts: int
    max_attempts: int | None
    last_error: str
    error_kind: str
    idempotency_key: str
    scheduled_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    retry_at: datetime | None
    due_at: datetime | None
    #: why it applies or was skipped, with the operands: `order.total > 0 is false (0)`
    rule: str
    #: the system whose breaker keeps it waiting; empty if none does
    held_up_by: str
    #: its effect may have happened although no outcome is recorded
    unknown: bool
    corrected: bool
    irreversible: bool
    owner: str
    runbook: str
    #: parameter name to the value it received; None where the step was skipped or has not run
    input: Mapping[str, Any]
    #: parameter name to the node it comes from
    sources: Mapping[str, str]
    output: Any
    compensation: CompensationRow | None


@dataclass(slots=True)
class _Times:
    scheduled_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    corrected_at: datetime | None = None
    correction_seq: int = 0
    rule: str = ""
    published: Any = None


def steps(
    definition: Definition | None,
    state: State,
    events: Sequence[HistoryEvent],
    leased: Leased,
    bodies: Mapping[int, Any],
) -> tuple[Step, ...]:
    """All steps in the definition's order; without the definition, those that have begun."""
    if definition is None:
        return ()
    times = _times(events)
    known = [*definition.nodes, *(node for node in definition.alerts if node.name in state.steps)]
    return tuple(_step(definition, node, state, times.get(node.name, _Times()), leased, bodies) for node in known)


def _times(events: Sequence[HistoryEvent]) -> dict[str, _Times]:
    found: dict[str, _Times] = {}
    for event in events:
        if not event.step:
            continue
        times = found.setdefault(event.step, _Times())
        if event.type in _BEGINS:
            times.scheduled_at, times.ended_at = event.at, None
        if event.type in ("StepSucceeded", "AttemptFailed") and event.data.get("direction") != Direction.COMPENSATE:
            started = event.data.get("started_at")
            times.started_at = times.started_at or (datetime.fromisoformat(started) if started else None)
        if event.type in _ENDS:
            times.ended_at = event.at
            times.started_at = times.started_at or times.scheduled_at
        if event.type == "CompensationSucceeded":
            times.corrected_at, times.correction_seq = event.at, event.seq
        if event.type == "EventPublished":
            times.published = event.data.get("data", {})
        times.rule = event.data.get("rule") or times.rule
    return found


def _step(
    definition: Definition, node: Node, state: State, times: _Times, leased: Leased, bodies: Mapping[int, Any]
) -> Step:
    step = state.steps.get(node.name)
    patience = step.patience if step else None
    parameters = node.function.parameters if node.function else ()
    lease = leased.get((node.name, str(step.direction))) if step else None
    running = step is not None and (node.name, str(step.direction)) in leased and step.phase is Phase.READY
    return Step(
        name=node.name,
        kind=str(node.kind),
        stage=definition.stages[node.stage].name,
        state=_word(step, running=running),
        status=_status(node, step),
        critical=node.critical,
        dependency=node.calls.name if node.calls else "",
        attempts=patience.attempts if patience else 0,
        max_attempts=node.calls.retry.attempts if node.calls and node.executes else None,
        last_error=patience.error if patience else "",
        error_kind=patience.error_kind if patience else "",
        idempotency_key=idempotency_key(state, node) if node.executes else "",
        scheduled_at=times.scheduled_at,
        started_at=times.started_at or lease,
        ended_at=times.ended_at,
        retry_at=patience.retry_at if patience else None,
        due_at=step.due_at if step else None,
        rule=times.rule,
        held_up_by=step.patience.parked if step else "",
        unknown=step.unknown if step else False,
        corrected=step.corrected if step else False,
        irreversible=node.compensate is not None and not node.compensable,
        owner=_owner(definition, node, state, step),
        runbook=definition.runbook_of(node),
        input={name: bodies.get(_seq(definition, state, source)) for name, source in parameters} if step else {},
        sources=dict(parameters),
        output=times.published if times.published is not None else bodies.get(step.output_seq if step else 0),
        compensation=_compensation(node, state, times, leased, bodies),
    )


def _owner(definition: Definition, node: Node, state: State, step: StepState | None) -> str:
    """Who looks after it: whoever was named for the instance, until the step is over."""
    over = step is not None and step.phase in FINISHED and not _in_correction(state, node)
    return (state.owner if not over else "") or definition.owner_of(node)


def _in_correction(state: State, node: Node) -> bool:
    items = state.correction.items if state.correction else ()
    return any(item.step == node.name and item.phase in OPEN for item in items)


def _word(step: StepState | None, *, running: bool) -> str:
    if step is None:
        return "planned"
    return "running" if running else _WORDS.get(step.phase, str(step.phase))


def _status(node: Node, step: StepState | None) -> str:
    """The business status this step stands for; empty when it declares none or has not begun."""
    if node.status is None or step is None:
        return ""
    match step.phase:
        case Phase.READY:
            if step.patience.parked:
                return node.status.unavailable
            return node.status.retrying if step.patience.failures else node.status.pending
        case Phase.WAITING:
            return node.status.waiting
        case Phase.STUCK:
            return node.status.failed
        case Phase.SUCCEEDED:
            return node.status.done
        case Phase.REFUSED:
            return node.status.refused
        case _:
            return ""


def _seq(definition: Definition, state: State, source: str) -> int:
    if source == definition.given:
        return state.input_seq
    step = state.steps.get(source)
    return step.output_seq if step else 0


def _compensation(
    node: Node, state: State, times: _Times, leased: Leased, bodies: Mapping[int, Any]
) -> CompensationRow | None:
    if not isinstance(node.compensate, Function):
        return None
    item = next((item for item in state.correction.items if item.step == node.name), None) if state.correction else None
    if item is None:
        return None
    running = (node.name, str(Direction.COMPENSATE)) in leased
    return CompensationRow(
        function=node.compensate.name,
        state="running" if running else _item_word(item),
        attempts=item.patience.attempts,
        last_error=item.patience.error,
        idempotency_key=idempotency_key(state, node, Direction.COMPENSATE),
        retry_at=item.patience.retry_at,
        ended_at=times.corrected_at,
        output=bodies.get(times.correction_seq),
    )


def _item_word(item: Item) -> str:
    return "needs_person" if item.phase == "stuck" else str(item.phase)
