"""What people see of a state: its business status, stage, and whom or what it waits for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from workflows.core.correct import OPEN
from workflows.core.patience import MAX_ROUNDS
from workflows.core.state import FINISHED, Item, ItemPhase, Lifecycle, Patience, Phase, State, StepState
from workflows.dsl.definition import Definition, Kind, Node
from workflows.dsl.status import COMPENSATING, RECEIVED


@dataclass(frozen=True, slots=True)
class Face:
    """The present, in values that are stored beside the state so that lists can filter by them.

    `waiting_kind` is work, retry, breaker, callback, approval, timer, person, paused or empty; `waiting_name` the
    dependency, the message or the group that decides; `next_what` is the automatic action that comes next (attempt,
    probe, ask, escalate, approve, reject, fire) at `next_at`. When a breaker lets a probe through, only it knows.
    """

    lifecycle: Lifecycle
    status: str
    stage: str
    step: str = ""
    dependency: str = ""
    needs_person: bool = False
    waiting_kind: str = ""
    waiting_name: str = ""
    waiting_until: datetime | None = None
    next_what: str = ""
    next_at: datetime | None = None
    owner: str = ""
    reason: str = ""


def face(definition: Definition, state: State) -> Face:
    """How the state looks to people. Exactly one business status, always."""
    if state.ended is not None:
        return Face(
            state.ended,
            state.ended_status,
            _stage(definition, state),
            owner=state.owner or definition.owner,
            reason=state.reason,
        )
    shown = _correcting(definition, state) if state.correction else _forward(definition, state)
    if state.paused:
        shown = replace(shown, lifecycle=Lifecycle.PAUSED, waiting_kind="paused", next_what="", next_at=None)
    return replace(shown, owner=state.owner) if state.owner else shown


def _forward(definition: Definition, state: State) -> Face:
    stage = _stage(definition, state)
    unfinished = [
        (_urgency(step), definition.position[name], name)
        for name, step in state.steps.items()
        if step.phase not in FINISHED
    ]
    if not unfinished:
        return Face(Lifecycle.RUNNING, _last_success(definition, state), stage, owner=definition.owner)
    _, _, name = min(unfinished)
    node, step = definition.by_name[name], state.steps[name]
    ready = any(s.phase is Phase.READY and not _held_up(s.patience) for s in state.steps.values())
    kind, target, until, what, at = _waiting(node, step)
    return Face(
        Lifecycle.RUNNING if ready else Lifecycle.WAITING,
        _status(definition, state, node, step),
        stage,
        step=name,
        dependency=node.calls.name if node.calls and node.calls.adapter != "internal" else "",
        needs_person=any(s.phase is Phase.STUCK for s in state.steps.values()),
        waiting_kind=kind,
        waiting_name=target,
        waiting_until=until,
        next_what=what,
        next_at=at,
        owner=definition.owner_of(node),
        reason=step.patience.error if step.phase is Phase.STUCK else "",
    )


def _urgency(step: StepState) -> int:
    """Needs a person, then unavailable, retrying, waiting, pending: the worst of several steps is shown."""
    if step.phase is Phase.STUCK:
        return 0
    if step.phase is Phase.READY and step.patience.parked:
        return 1
    if step.phase is Phase.READY and step.patience.failures:
        return 2
    return 3 if step.phase is Phase.WAITING else 4


def _status(definition: Definition, state: State, node: Node, step: StepState) -> str:
    if node.status is None:
        return _last_success(definition, state)
    if step.phase is Phase.STUCK:
        return node.status.failed
    if step.phase is Phase.READY and step.patience.parked:
        return node.status.unavailable
    if step.phase is Phase.READY and step.patience.failures:
        return node.status.retrying
    return node.status.waiting if step.phase is Phase.WAITING else node.status.pending


def _waiting(node: Node, step: StepState) -> tuple[str, str, datetime | None, str, datetime | None]:
    """Kind, name, until, next action and its time for one unfinished step."""
    target = node.calls.name if node.calls else node.name
    if step.phase is Phase.STUCK:
        return "person", target, None, "", None
    if step.phase is Phase.READY and step.patience.parked:
        return "breaker", step.patience.parked, None, "probe", None
    if step.phase is Phase.READY:
        return (
            ("retry" if _pausing(step.patience) else "work"),
            target,
            step.patience.retry_at,
            "attempt",
            step.patience.retry_at,
        )
    if node.kind is Kind.APPROVAL:
        return "approval", node.audience, step.due_at, node.default, step.due_at
    if node.kind is Kind.TIMER:
        return "timer", node.name, step.due_at, "fire", step.due_at
    asks = node.otherwise is not None and step.rounds < MAX_ROUNDS
    name = node.calls.name if node.calls and node.calls.adapter != "internal" else node.message
    return "callback", name, step.due_at, ("ask" if asks else "escalate"), step.due_at


def _pausing(patience: Patience) -> bool:
    """Whether the next attempt waits for its time. After a loss it is ready at once."""
    return patience.retry_at is not None and patience.failures > 0


def _held_up(patience: Patience) -> bool:
    """Whether nobody may try now."""
    return bool(patience.parked) or _pausing(patience)


def _last_success(definition: Definition, state: State) -> str:
    last, status = 0, RECEIVED
    for name, step in state.steps.items():
        node = definition.by_name[name]
        if step.phase is Phase.SUCCEEDED and step.ended_seq > last and node.status:
            last, status = step.ended_seq, node.status.done
    return status


def _stage(definition: Definition, state: State) -> str:
    index = max(state.stage, 0)
    return definition.stages[min(index, len(definition.stages) - 1)].name


def _correcting(definition: Definition, state: State) -> Face:
    assert state.correction is not None
    item = min((item for item in state.correction.items if item.phase in OPEN), key=_rank, default=None)
    stage, reason = _stage(definition, state), state.correction.reason
    if item is None:
        return Face(
            Lifecycle.COMPENSATING, COMPENSATING, stage, owner=definition.owner, reason=reason, waiting_kind="work"
        )
    node = definition.by_name[item.step]
    kind, what, at = _item_waiting(item)
    target = node.calls.name if node.calls else node.name
    return Face(
        Lifecycle.COMPENSATING,
        COMPENSATING,
        stage,
        step=item.step,
        dependency=target,
        needs_person=item.phase is ItemPhase.STUCK,
        waiting_kind=kind,
        waiting_name=target,
        waiting_until=at,
        next_what=what,
        next_at=at,
        owner=definition.owner_of(node),
        reason=reason,
    )


def _rank(item: Item) -> int:
    return (ItemPhase.STUCK, ItemPhase.READY, ItemPhase.AWAITING, ItemPhase.PLANNED).index(item.phase)


def _item_waiting(item: Item) -> tuple[str, str, datetime | None]:
    if item.phase is ItemPhase.STUCK:
        return "person", "", None
    if item.phase is ItemPhase.AWAITING:
        return "work", "outcome", None
    if item.patience.parked:
        return "breaker", "probe", None
    if _pausing(item.patience):
        return "retry", "attempt", item.patience.retry_at
    return "work", "attempt", None


def deadline_state(definition: Definition, state: State) -> str:
    """`near` or `passed` once the instance was told so, else empty."""
    deadline = definition.deadline
    if deadline is None:
        return ""
    if state.deadline_at is None:
        return "passed"
    return "near" if deadline.warn_before and state.warn_at is None else ""
