"""What follows from a fact: the events to record and the effects to carry out, decided without touching anything.

fact ──► react (this file) ──► settle (advance, correct, end) ──► events, and effects from the difference of wants
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from workflows.core import attempts, correct, facts, people
from workflows.core import events as e
from workflows.core.advance import advance
from workflows.core.state import DEADLINE, WARNING, Direction, Phase, State, StepState
from workflows.core.turn import Turn
from workflows.core.wants import Effect, effects_between
from workflows.dsl.definition import Definition, Kind, Node


@dataclass(frozen=True, slots=True)
class Decision:
    """What a fact leads to. No events: the fact changes nothing (a duplicate, a late echo)."""

    events: tuple[e.Event, ...]
    effects: tuple[Effect, ...]
    state: State


def decide(
    definition: Definition,
    state: State,
    fact: facts.Fact,
    now: datetime,
    *,
    in_flight: Collection[tuple[str, Direction]] = (),
    pace: float = 1,
) -> Decision:
    """The events and effects that follow from a fact.

    `in_flight` names the attempts that hold a lease now; only a correction needs it. `pace` divides business
    durations (waits, timers, deadlines), never technical pauses. Raises NotNow when a person asks for something
    that makes no sense in this state.
    """
    turn = Turn(definition, state, now, frozenset(in_flight), pace)
    _react(turn, fact)
    if turn.events:
        settle(turn)
    effects = effects_between(definition, state, turn.state, turn.events, finished=_finished(fact))
    return Decision(tuple(turn.events), effects, turn.state)


def _finished(fact: facts.Fact) -> tuple[str, Direction] | None:
    """The attempt a fact ends. A late one had ended before."""
    match fact:
        case (
            facts.Succeeded() | facts.StillPending() | facts.Failed() | facts.RefusedBy() | facts.Lost()
            | facts.Barred()
        ):  # fmt: skip
            return None if fact.late else (fact.step, fact.direction)
    return None


def settle(turn: Turn) -> None:
    """Let everything happen that needs nobody: skip, publish, open waits, schedule, end."""
    while turn.state.alive and not turn.state.paused:
        if turn.state.correction:
            correct.proceed(turn)
            return
        if not advance(turn):
            return


def _react(turn: Turn, fact: facts.Fact) -> None:
    match fact:
        case facts.Start():
            _start(turn, fact)
        case (
            facts.Succeeded() | facts.StillPending() | facts.Failed() | facts.RefusedBy() | facts.Lost()
            | facts.Barred()
        ):  # fmt: skip
            attempts.ended(turn, fact)
        case facts.MessageArrived():
            _message(turn, fact)
        case facts.TimeCame():
            _time(turn, fact.name)
        case facts.Voted():
            people.voted(turn, fact)
        case facts.Retry():
            people.retry(turn, fact)
        case facts.Skip():
            people.skip(turn, fact)
        case facts.Complete():
            people.complete(turn, fact)
        case facts.Reassign():
            people.reassign(turn, fact)
        case facts.Pause():
            _pause(turn, fact)
        case facts.Resume():
            _resume(turn, fact)
        case facts.Cancel(reason=reason):
            if not turn.state.alive:
                raise facts.NotNow(f"it has already ended as {turn.state.ended_status}")
            if turn.state.correction:
                raise facts.NotNow("it is already being corrected")
            _wake(turn, reason)
            correct.begin(turn, "cancelled", "Cancelled", reason)
        case facts.Compensate(reason=reason):
            _compensate(turn, reason)


def _start(turn: Turn, fact: facts.Start) -> None:
    definition = turn.definition
    deadline_at = warn_at = None
    if definition.deadline:
        deadline_at = turn.after(definition.deadline.after)
        if definition.deadline.warn_before:
            warn_at = turn.after(definition.deadline.after - definition.deadline.warn_before)
    turn.say(
        e.InstanceStarted(
            workflow=definition.name,
            version=definition.version,
            key=fact.key,
            run=fact.run,
            given=definition.given,
            input_hash=fact.input_hash,
            values=dict(fact.values),
            deadline_at=deadline_at,
            warn_at=warn_at,
        )
    )


def _message(turn: Turn, fact: facts.MessageArrived) -> None:
    node, step = turn.definition.by_name[fact.step], turn.state.steps.get(fact.step)
    if not turn.state.alive or step is None or not waits_for_message(node, step):
        return
    refusal = attempts.refusal(node, fact.values)
    if refusal:
        turn.say(
            e.StepRefused(step=fact.step, code=refusal[0], reason=refusal[1], message=fact.message, how="callback")
        )
        if turn.state.correction is None:
            correct.begin(turn, "refused", *refusal)
        return
    turn.say(
        e.StepSucceeded(
            step=fact.step, how="callback", has_output=True, values=dict(fact.values), message=fact.message
        )
    )  # fmt: skip


def waits_for_message(node: Node, step: StepState) -> bool:
    """Whether a message may still decide this step: it waits, is being asked for, or waits for a person."""
    return node.kind is Kind.CALLBACK and step.phase in (Phase.WAITING, Phase.READY, Phase.STUCK)


def _time(turn: Turn, name: str) -> None:
    state = turn.state
    if not state.alive or state.paused:
        return
    if name == WARNING and state.warn_at and state.deadline_at:
        if state.warn_at <= turn.now:
            turn.say(e.DeadlineNear(deadline_at=state.deadline_at))
    elif name == DEADLINE and state.deadline_at:
        if state.deadline_at > turn.now:
            return
        deadline = turn.definition.deadline
        turn.say(e.DeadlinePassed(deadline_at=state.deadline_at, escalate_to=deadline.escalate_to if deadline else ""))
    elif name in state.steps and state.steps[name].phase is Phase.WAITING:
        due_at = state.steps[name].due_at
        if due_at is None or due_at > turn.now:
            return
        if turn.definition.by_name[name].kind is Kind.TIMER:
            turn.say(e.TimerFired(step=name))
        elif turn.definition.by_name[name].kind is Kind.APPROVAL:
            people.undecided(turn, name)
        else:
            attempts.unanswered(turn, name)


def _pause(turn: Turn, fact: facts.Pause) -> None:
    if not turn.state.alive:
        raise facts.NotNow(f"it has already ended as {turn.state.ended_status}")
    if turn.state.paused:
        raise facts.NotNow("it is already paused")
    turn.say(e.InstancePaused(reason=fact.reason))


def _resume(turn: Turn, fact: facts.Resume) -> None:
    if not turn.state.paused:
        raise facts.NotNow("it is not paused")
    turn.say(e.InstanceResumed(reason=fact.reason))


def _compensate(turn: Turn, reason: str) -> None:
    if turn.state.correction and turn.state.alive:
        raise facts.NotNow("it is already being corrected")
    if not turn.state.alive:
        if not correct.plan(turn):
            raise facts.NotNow("nothing that can be corrected remains")
        turn.say(e.GenerationOpened(generation=turn.state.generation + 1, reason=reason))
    _wake(turn, reason)
    correct.begin(turn, "requested", "Requested", reason)


def _wake(turn: Turn, reason: str) -> None:
    if turn.state.paused:
        turn.say(e.InstanceResumed(reason=reason))
