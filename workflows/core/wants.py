"""What a state needs to go on: work for workers, timers, open waits. Effects are the difference between two states.

Because the rows are a function of the state, the sweeper can always say which of them are missing, and make them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from workflows.core import events as e
from workflows.core.state import DEADLINE, WARNING, Direction, ItemPhase, Patience, Phase, State
from workflows.dsl.definition import Definition, Kind, Node
from workflows.dsl.dependency import INTERNAL, Dependency

QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class Work:
    """One attempt somebody should make. `ready_at` None means now; `held` means not while the instance is paused."""

    step: str
    direction: Direction
    pool: str
    dependency: str
    timeout: timedelta
    ready_at: datetime | None
    held: bool
    repeats_safely: bool
    #: the dependency's breaker refused it; it is offered again when calls pass
    parked: bool = False


@dataclass(frozen=True, slots=True)
class Timer:
    """A time at which the instance wants to be told."""

    name: str
    fire_at: datetime
    held: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """A message the instance is waiting for."""

    step: str
    message_type: str
    match: str
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wants:
    """Everything a state needs outside of itself."""

    work: dict[tuple[str, Direction], Work] = field(default_factory=dict)
    timers: dict[str, Timer] = field(default_factory=dict)
    waits: dict[str, Wait] = field(default_factory=dict)
    #: steps whose question is open
    asks: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class AddWork:
    """Make this work available, or change when it is."""

    work: Work


@dataclass(frozen=True, slots=True)
class DropWork:
    """This work is done or no longer wanted."""

    step: str
    direction: Direction


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Tell the instance at this time."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class ClearTimer:
    """The time no longer matters."""

    name: str


@dataclass(frozen=True, slots=True)
class OpenWait:
    """Hand messages of this type and key to the instance."""

    wait: Wait


@dataclass(frozen=True, slots=True)
class CloseWait:
    """Messages for this step come too late from now on."""

    step: str


@dataclass(frozen=True, slots=True)
class Publish:
    """Put a milestone into the outbox. `seq` is the history seq of its event."""

    seq: int
    event: e.EventPublished


@dataclass(frozen=True, slots=True)
class OpenApproval:
    """Ask people. `seq` is the history seq of the event."""

    seq: int
    event: e.ApprovalOpened


@dataclass(frozen=True, slots=True)
class CloseApproval:
    """The question is settled: approved, rejected, timed_out or withdrawn; `by` is the person whose vote decided."""

    step: str
    outcome: str
    by: str = ""


Effect = AddWork | DropWork | SetTimer | ClearTimer | OpenWait | CloseWait | OpenApproval | CloseApproval | Publish


def wants(definition: Definition, state: State, only: Iterable[str] | None = None) -> Wants:
    """Everything this state needs outside of itself. An ended instance needs nothing.

    `only` leaves out what other steps need, their corrections excepted.
    """
    found = Wants()
    if not state.alive:
        return found
    held = state.paused
    for name in state.steps if only is None else only:
        if name not in state.steps:
            continue
        node, step = definition.by_name[name], state.steps[name]
        if step.phase is Phase.READY:
            found.work[name, step.direction] = _work(node, step.direction, step.patience, held)
        if step.phase is Phase.WAITING and step.due_at:
            found.timers[name] = Timer(name, step.due_at, held)
        if node.kind is Kind.CALLBACK and step.phase in (Phase.WAITING, Phase.READY, Phase.STUCK):
            found.waits[name] = Wait(name, node.message, step.match, step.due_at)
        if node.kind is Kind.APPROVAL and step.phase is Phase.WAITING:
            found.asks.add(name)
    for item in state.correction.items if state.correction else ():
        if item.phase is ItemPhase.READY:
            key = (item.step, Direction.COMPENSATE)
            found.work[key] = _work(definition.by_name[item.step], Direction.COMPENSATE, item.patience, held)
    if state.generation > 1:
        return found  # the deadline was the first generation's, which ended
    if state.warn_at:
        found.timers[WARNING] = Timer(WARNING, state.warn_at, held)
    if state.deadline_at:
        found.timers[DEADLINE] = Timer(DEADLINE, state.deadline_at, held)
    return found


def _work(node: Node, direction: Direction, patience: Patience, held: bool) -> Work:
    dependency = called(node, direction)
    return Work(
        node.name,
        direction,
        QUARANTINE if patience.quarantined else dependency.pool,
        dependency.name,
        dependency.timeout,
        patience.retry_at,
        held,
        dependency.repeats != "unsafe",
        bool(patience.parked),
    )


def called(node: Node, direction: Direction) -> Dependency:
    """What an attempt in this direction calls; a fallback is there to do without."""
    return INTERNAL if direction is Direction.FALLBACK else node.calls or INTERNAL


def is_parked(state: State, step: str, direction: Direction) -> bool:
    """Whether people see already that the dependency's breaker refuses this attempt."""
    if direction is Direction.COMPENSATE:
        items = state.correction.items if state.correction else ()
        return any(item.step == step and item.patience.parked for item in items)
    return step in state.steps and bool(state.steps[step].patience.parked)


def effects_between(
    definition: Definition,
    before: State,
    after: State,
    said: Sequence[e.Event],
    *,
    finished: tuple[str, Direction] | None = None,
) -> tuple[Effect, ...]:
    """What has to change outside so that the rows match the new state, plus what was published.

    Work that goes on after the attempt that `finished` is offered anew even if nothing else about it changed.
    """
    if before is after:
        return ()
    touched = _touched(before, after, finished)
    old, new = wants(definition, before, touched), wants(definition, after, touched)
    effects: list[Effect] = [DropWork(*key) for key in old.work if key not in new.work]
    effects += [AddWork(work) for key, work in new.work.items() if old.work.get(key) != work or key == finished]
    effects += [ClearTimer(name) for name in old.timers if name not in new.timers]
    effects += [SetTimer(timer) for name, timer in new.timers.items() if old.timers.get(name) != timer]
    effects += [CloseWait(step) for step in old.waits if step not in new.waits]
    effects += [OpenWait(wait) for step, wait in new.waits.items() if old.waits.get(step) != wait]
    effects += [_settled(step, said) for step in sorted(old.asks - new.asks)]
    for offset, event in enumerate(said, start=1):
        if isinstance(event, e.EventPublished):
            effects.append(Publish(before.seq + offset, event))
        elif isinstance(event, e.ApprovalOpened) and event.step in new.asks:
            effects.append(OpenApproval(before.seq + offset, event))
    return tuple(effects)


def _settled(step: str, said: Sequence[e.Event]) -> CloseApproval:
    """How and by whom a question was settled by what was said."""
    by = next((event.person for event in said if isinstance(event, e.VoteCast) and event.step == step), "")
    for event in said:
        if isinstance(event, e.StepSucceeded | e.StepRefused) and event.step == step:
            if event.how == "timeout":
                return CloseApproval(step, "timed_out")
            return CloseApproval(step, "approved" if isinstance(event, e.StepSucceeded) else "rejected", by)
    return CloseApproval(step, "withdrawn")


def _touched(before: State, after: State, finished: tuple[str, Direction] | None) -> list[str] | None:
    """The steps that may need something else than before; None: all of them."""
    if (before.alive, before.paused) != (after.alive, after.paused):
        return None
    touched = [name for name, step in after.steps.items() if before.steps.get(name) is not step]
    if finished and finished[0] not in touched:
        touched.append(finished[0])
    return touched
