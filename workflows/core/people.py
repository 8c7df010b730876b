"""What people do to single steps: vote, try again, pass over, enter a result, hand over to somebody else.

None of it jumps over an approval: that is decided by those who are asked, or by its time.
"""

from __future__ import annotations

import typing
from typing import Any

from workflows.core import attempts, correct, facts
from workflows.core import events as e
from workflows.core.facts import NotNow
from workflows.core.keys import idempotency_key
from workflows.core.state import Direction, ItemPhase, Phase, State, StepState
from workflows.core.turn import Turn
from workflows.core.wants import called
from workflows.dsl.contracts import accepts_none
from workflows.dsl.definition import Definition, Function, Kind, Node

_UNFINISHED = (Phase.STUCK, Phase.READY, Phase.WAITING)
_OPEN_ITEM = (ItemPhase.STUCK, ItemPhase.READY)
_ASKED = "those who are asked decide, nobody else"


def voted(turn: Turn, fact: facts.Voted) -> None:
    """Record a vote, and go on if it decides. One that comes too late leads to no event."""
    step = turn.state.steps.get(fact.step)
    if not turn.state.alive or turn.state.correction or step is None or step.phase is not Phase.WAITING:
        return
    turn.say(e.VoteCast(step=fact.step, person=fact.person, verdict=fact.verdict, comment=fact.comment))
    if fact.decides:
        reason = fact.comment or f"{fact.person} rejected it"
        _decided(turn, turn.definition.by_name[fact.step], "approval", fact.verdict, fact.person, reason)


def undecided(turn: Turn, name: str) -> None:
    """Nobody decided in time: the declared default follows."""
    node = turn.definition.by_name[name]
    _decided(turn, node, "timeout", node.default, "", f"{node.audience} did not decide in time")


def _decided(turn: Turn, node: Node, how: str, verdict: str, by: str, reason: str) -> None:
    if verdict == "approve":
        values = {"approved": True, "by": by, "comment": reason if how == "timeout" else ""}
        turn.say(e.StepSucceeded(step=node.name, how=how, has_output=True, values=values))
        return
    code = node.status.refused if node.status else "Rejected"
    turn.say(e.StepRefused(step=node.name, code=code, reason=reason, how=how))
    correct.begin(turn, "refused", code, reason)


def retry(turn: Turn, fact: facts.Retry) -> None:
    """Try again what is stuck or waits for its next attempt. Raises NotNow."""
    _alive(turn.state)
    candidates = retryable(turn.definition, turn.state)
    if fact.step is not None:
        candidates = [pair for pair in candidates if pair[0] == fact.step]
    if not candidates:
        raise NotNow("nothing here waits to be tried again")
    for name, direction in candidates:
        turn.say(e.RetryRequested(step=name, direction=direction, reason=fact.reason))
        node = turn.definition.by_name[name]
        if direction is Direction.ASK and node.otherwise is None and node.within:
            turn.say(e.AnswerPending(step=name, due_at=turn.after(node.within)))


def retryable(definition: Definition, state: State) -> list[tuple[str, Direction]]:
    """What a retry would try again: stuck steps and those waiting for their next attempt.

    Where the effect may have happened and must not be repeated, the step's check looks first.
    """
    if state.correction:
        return [
            (item.step, Direction.COMPENSATE)
            for item in state.correction.items
            if item.phase is ItemPhase.STUCK or (item.phase is ItemPhase.READY and item.patience.retry_at)
        ]
    found = []
    for name, step in state.steps.items():
        if step.phase is Phase.STUCK:
            found.append((name, Direction.ASK if step.match else _carefully(definition.by_name[name], step)))
        elif step.phase is Phase.READY and step.patience.retry_at and step.patience.failures:
            found.append((name, step.direction))
    return found


def _carefully(node: Node, step: StepState) -> Direction:
    blind = step.direction is Direction.FORWARD and step.unknown and called(node, step.direction).repeats == "unsafe"
    return Direction.CHECK if blind and node.check is not None else step.direction


def skip(turn: Turn, fact: facts.Skip) -> None:
    """Go on without a step, or leave an effect as it is. Raises NotNow."""
    name = _chosen(turn, fact.step, skippable(turn.definition, turn.state), "passed over")
    if turn.state.correction:
        turn.say(e.CorrectionWaived(step=name, reason=fact.reason))
    else:
        turn.say(e.StepPassedOver(step=name, reason=fact.reason))


def complete(turn: Turn, fact: facts.Complete) -> None:
    """Take a person's word for a result, or for a correction that was made outside. Raises NotNow.

    A result that is a refusal by the node's own rule is one, whoever says so.
    """
    name = _chosen(turn, fact.step, completable(turn.definition, turn.state), "completed by hand")
    node = turn.definition.by_name[name]
    if turn.state.correction:
        key = idempotency_key(turn.state, node, Direction.COMPENSATE)
        turn.say(e.CompensationSucceeded(step=name, key=key, note=fact.reason))
        return
    refused = attempts.refusal(node, fact.values)
    if refused:
        turn.say(e.StepRefused(step=name, code=refused[0], reason=refused[1], how="person"))
        if node.critical:
            correct.begin(turn, "refused", *refused)
        return
    turn.say(
        e.StepSucceeded(
            step=name,
            generation=turn.state.steps[name].generation,
            key=idempotency_key(turn.state, node) if node.executes else "",
            how="person",
            has_output=fact.has_output,
            values=dict(fact.values),
            note=fact.reason,
        )
    )


def reassign(turn: Turn, fact: facts.Reassign) -> None:
    """Name somebody else. Raises NotNow."""
    _alive(turn.state)
    if turn.state.owner == fact.owner:
        raise NotNow(f"{fact.owner} looks after it already")
    turn.say(e.Reassigned(owner=fact.owner, reason=fact.reason))


def skippable(definition: Definition, state: State) -> dict[str, str]:
    """Steps a person may pass over: name to why not, empty where they may."""
    if state.correction:
        return {item.step: "" for item in state.correction.items if item.phase in _OPEN_ITEM}
    return {
        name: _why_needed(definition, definition.by_name[name]) or _too_early(state.steps[name])
        for name in _unfinished(definition, state)
    }


def completable(definition: Definition, state: State) -> dict[str, str]:
    """Steps whose result a person may enter: name to why not, empty where they may."""
    if state.correction:
        return {item.step: "" for item in state.correction.items if item.phase in _OPEN_ITEM}
    return {
        name: _ASKED if definition.by_name[name].kind is Kind.APPROVAL else _too_early(state.steps[name])
        for name in _unfinished(definition, state)
    }


def _unfinished(definition: Definition, state: State) -> list[str]:
    """Steps that have begun and are not over; a rest is no step anybody could do."""
    return [
        name
        for name, step in state.steps.items()
        if step.phase in _UNFINISHED and definition.by_name[name].kind is not Kind.TIMER
    ]


def _too_early(step: StepState) -> str:
    patience = step.patience
    trouble = step.phase is not Phase.READY or patience.failures or patience.parked or patience.quarantined
    return "" if trouble else "it has only just begun; wait for its outcome"


def _why_needed(definition: Definition, node: Node) -> str:
    """Why the process cannot go on without the result, or nothing."""
    if node.kind is Kind.APPROVAL:
        return _ASKED
    for other in definition.by_name.values():
        if other.match is not None and other.match.source == node.name:
            return f"{other.name} is found by its result; enter the result instead"
        for function in (other.function, other.check, other.otherwise, other.fallback):
            if isinstance(function, Function) and _insists(function, node.name):
                return f"{other.name} needs its result; enter the result instead"
    return ""


def _insists(function: Function, source: str) -> bool:
    hints = typing.get_type_hints(function.call)
    return any(
        name == source and not accepts_none(hints.get(parameter, Any)) for parameter, name in function.parameters
    )


def _chosen(turn: Turn, wanted: str | None, candidates: dict[str, str], done: str) -> str:
    """The step a person means. Raises NotNow."""
    _alive(turn.state)
    if wanted is None:
        open_ones = [name for name, refusal in candidates.items() if not refusal]
        if len(open_ones) > 1:
            raise NotNow(f"say which step: {', '.join(open_ones)}")
        wanted = open_ones[0] if open_ones else next(iter(candidates), None)
    if wanted is None:
        raise NotNow(f"nothing here can be {done} now")
    refusal = candidates.get(wanted, "it is not waiting for anything")
    if refusal:
        raise NotNow(f"{wanted} cannot be {done}: {refusal}")
    if any(name == wanted for name, _ in turn.in_flight):
        raise NotNow(f"an attempt of {wanted} is under way; wait for its outcome")
    return wanted


def _alive(state: State) -> None:
    if not state.alive:
        raise NotNow(f"it has already ended as {state.ended_status}")
