"""Did everything happen in an order the definition allows? (I04 never early, I15, I16, I23, I24)"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from workflows import registry
from workflows.core import events as e
from workflows.core.advance import open_stage
from workflows.core.decide import settle
from workflows.core.state import FINISHED, ItemPhase, Phase, State
from workflows.core.turn import Turn
from workflows.dsl.definition import Definition
from workflows.verify.findings import Offender
from workflows.verify.snapshot import Snapshot
from workflows.verify.stories import Moment, Story


def judge(story: Story, snapshot: Snapshot) -> Iterator[Offender]:
    """I04 (early), I15, I16, I23 and I24 of one instance whose code is at hand."""
    definition = registry.definitions().get((story.row.workflow, story.row.version))
    if definition is None:
        return
    for moment in story.moments:
        for invariant, problem in _wrong(moment, definition):
            yield Offender(invariant, story.name, f"{problem} (event {moment.record.seq})")
    if not story.broken and story.moments:
        for event in _unsaid(story, definition):
            yield Offender("I16", story.name, f"{event} should have happened by itself after event {story.state.seq}")


def _wrong(moment: Moment, definition: Definition) -> Iterator[tuple[str, str]]:
    match moment.event:
        case e.TimerFired() | e.AskScheduled() | e.DeadlineNear() | e.DeadlinePassed():
            yield from (("I04", problem) for problem in _early(moment))
        case e.CorrectionBegan():
            yield from (("I23", problem) for problem in _uncovered(moment, definition))
        case e.CompensationScheduled():
            yield from (("I24", problem) for problem in _disorder(moment, definition))
        case e.InstanceEnded() if moment.before.correction:
            yield from (("I23", problem) for problem in _left(moment.before, definition))
        case (
            e.StepScheduled() | e.StepSkipped() | e.WaitOpened() | e.TimerSet() | e.EventPublished()
            | e.ApprovalOpened() | e.RouteChosen()
        ):  # fmt: skip
            yield from (("I15", problem) for problem in _hasty(moment, definition))


def _early(moment: Moment) -> Iterator[str]:
    before, event = moment.before, moment.event
    match event:
        case e.DeadlineNear():
            due_at = before.warn_at
        case e.DeadlinePassed():
            due_at = before.deadline_at
        case _:
            due_at = before.steps[moment.record.step].due_at
    if due_at is not None and moment.record.at < due_at:
        yield f"{moment.record.type} came {due_at - moment.record.at} before its time"


def _hasty(moment: Moment, definition: Definition) -> Iterator[str]:
    name, before = moment.record.step, moment.before
    node = definition.by_name[name]
    if name in before.steps:
        return
    if node in definition.alerts:
        if before.correction is None:
            yield f"{name} began although nothing is being corrected"
        return
    missing = [one for one in node.after if one not in before.steps or before.steps[one].phase not in FINISHED]
    if missing:
        yield f"{name} began before {', '.join(sorted(missing))} had ended"
    elif node.stage > open_stage(definition, before):
        yield f"{name} began before stage {definition.stages[node.stage].name} was open"


def _unsaid(story: Story, definition: Definition) -> list[str]:
    """What the state alone makes happen must have been said together with what led to it."""
    turn = Turn(definition, story.state, story.moments[-1].record.at, frozenset(), 1)
    settle(turn)
    return [type(event).__name__ + (f" of {event.step}" if hasattr(event, "step") else "") for event in turn.events]


def _effects(state: State, definition: Definition) -> set[str]:
    """Steps that have an effect, or may have one, which is not corrected."""
    return {
        name
        for name, step in state.steps.items()
        if definition.by_name[name].compensable
        and not step.corrected
        and (step.phase is Phase.SUCCEEDED or step.unknown)
    }


def _uncovered(moment: Moment, definition: Definition) -> Iterator[str]:
    assert isinstance(moment.event, e.CorrectionBegan)
    missing = _effects(moment.before, definition) - {*moment.event.plan, *moment.event.awaiting}
    if missing:
        yield f"the plan leaves out {', '.join(sorted(missing))}"


def _left(before: State, definition: Definition) -> Iterator[str]:
    assert before.correction is not None
    left = _effects(before, definition) - {*before.correction.waived}
    if left:
        yield f"it ended although {', '.join(sorted(left))} had not been corrected"
    unfinished = [i.step for i in before.correction.items if i.phase not in (ItemPhase.DONE, ItemPhase.DROPPED)]
    if unfinished:
        yield f"it ended with its plan open at {', '.join(unfinished)}"


def _disorder(moment: Moment, definition: Definition) -> Iterator[str]:
    before, name = moment.before, moment.record.step
    step, items = before.steps[name], before.correction.items if before.correction else ()
    if not definition.by_name[name].compensable or not (step.phase is Phase.SUCCEEDED or step.unknown):
        yield f"{name} is corrected although it never happened"
    busy = [
        i.step for i in items if i.step != name and i.phase in (ItemPhase.READY, ItemPhase.STUCK, ItemPhase.AWAITING)
    ]
    if busy:
        yield f"{name} is corrected while {', '.join(busy)} is not settled"
    newer = [
        i.step
        for i in items
        if i.step != name and i.phase is ItemPhase.PLANNED and _recency(before, i.step) > _recency(before, name)
    ]
    if newer:
        yield f"{name} is corrected before {', '.join(newer)}, which happened later"


def _recency(state: State, name: str) -> float:
    return state.steps[name].ended_seq or inf
