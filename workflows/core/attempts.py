"""How an attempt's end is judged: success, refusal, another try, a check, or a person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from workflows.core import correct, facts
from workflows.core import events as e
from workflows.core.keys import idempotency_key
from workflows.core.patience import MAX_LOSSES, MAX_ROUNDS, retry_at
from workflows.core.state import Direction, Patience, Phase, State, StepState
from workflows.core.turn import Turn
from workflows.core.wants import called
from workflows.dsl.definition import Exhausted, Node
from workflows.dsl.dependency import INTERNAL, Dependency

AttemptFact = facts.Succeeded | facts.StillPending | facts.Failed | facts.RefusedBy | facts.Lost | facts.Barred


def ended(turn: Turn, fact: AttemptFact) -> None:
    """React to the end of one attempt. A fact about something already settled leads to no event."""
    if fact.direction is Direction.COMPENSATE:
        correct.attempt_ended(turn, fact)
        return
    node, step = turn.definition.by_name[fact.step], turn.state.steps.get(fact.step)
    if _found_nothing(fact) and (fact.late or not turn.state.alive):
        return  # what an old check did not find may have happened since
    if not turn.state.alive:
        if isinstance(fact, facts.Succeeded):
            correct.late_effect(turn, fact)
        return
    if step is None or not _open(turn.state, node, step, fact):
        if isinstance(fact, facts.Succeeded) and fact.late:
            correct.late_effect(turn, fact)
        return
    match fact:
        case facts.Succeeded():
            _succeeded(turn, node, step, fact)
        case facts.StillPending():
            due_at = turn.now + fact.after if fact.after else turn.after(node.within) if node.within else turn.now
            turn.say(e.AnswerPending(step=node.name, due_at=due_at))
        case facts.RefusedBy():
            _refused(turn, node, step, fact)
        case facts.Failed():
            _failed(turn, node, step, fact)
        case facts.Lost():
            _lost(turn, node, step, fact)
        case facts.Barred():
            _barred(turn, node, step, fact)


def _barred(turn: Turn, node: Node, step: StepState, fact: facts.Barred) -> None:
    """Nothing was sent. What is being corrected cannot have happened by this; the rest waits, or goes another way."""
    if correct.awaits(turn.state, node.name):
        correct.outcome(turn, node.name, _maybe(turn.state, node.name))
    elif _has_another_way(node, step, fact.direction):
        turn.say(e.FallbackScheduled(step=node.name, why=f"{fact.dependency} is unavailable"))
    elif step.patience.parked != fact.dependency:
        turn.say(e.StepParked(step=node.name, direction=fact.direction, dependency=fact.dependency))


def _has_another_way(node: Node, step: StepState, direction: Direction) -> bool:
    """Whether the step's fallback may be used: not twice, and not where the effect may have happened."""
    return node.fallback is not None and direction is Direction.FORWARD and not step.unknown


def _found_nothing(fact: AttemptFact) -> bool:
    return isinstance(fact, facts.Succeeded) and fact.direction is Direction.CHECK and not fact.has_output


def _open(state: State, node: Node, step: StepState, fact: AttemptFact) -> bool:
    """Whether the step still needs this fact."""
    if correct.awaits(state, node.name):
        return True
    if step.phase is Phase.READY:
        return step.direction is fact.direction or (fact.late and isinstance(fact, facts.Succeeded))
    return step.phase is Phase.STUCK and isinstance(fact, facts.Succeeded)


def _succeeded(turn: Turn, node: Node, step: StepState, fact: facts.Succeeded) -> None:
    if _found_nothing(fact):
        turn.say(e.NothingHadHappened(step=node.name))
        correct.outcome(turn, node.name, "no")
        return
    found = refusal(node, fact.values)
    if found:
        turn.say(
            e.StepRefused(
                step=node.name, code=found[0], reason=found[1], attempt=step.patience.attempts + 1, token=fact.token
            )
        )  # fmt: skip
        _correct_refusal(turn, node, *found)
        return
    turn.say(
        e.StepSucceeded(
            step=node.name,
            generation=step.generation,
            attempt=step.patience.attempts + 1,
            key=idempotency_key(turn.state, node),
            how=fact.direction,
            has_output=fact.has_output,
            values=dict(fact.values),
            token=fact.token,
            started_at=fact.started_at,
            late=fact.late,
        )
    )
    correct.outcome(turn, node.name, "yes")


def refusal(node: Node, values: Mapping[str, Any]) -> tuple[str, str] | None:
    """Code and reason when an answer is a refusal by the node's own rule, else None."""
    if node.refused_when is None or not node.refused_when.holds({node.name: values}):
        return None
    reason = node.refusal_reason.value({node.name: values}) if node.refusal_reason is not None else None
    code = node.status.refused if node.status else "Refused"
    return code, str(reason or f"{node.message or node.name} was refused")


def _refused(turn: Turn, node: Node, step: StepState, fact: facts.RefusedBy) -> None:
    attempt = step.patience.attempts + 1
    turn.say(e.StepRefused(step=node.name, code=fact.code, reason=fact.reason, attempt=attempt, token=fact.token))
    _correct_refusal(turn, node, fact.code, fact.reason)


def _correct_refusal(turn: Turn, node: Node, code: str, reason: str) -> None:
    if turn.state.correction:
        correct.outcome(turn, node.name, _maybe(turn.state, node.name))
    elif node.critical:
        correct.begin(turn, "refused", code, reason)


def _failed(turn: Turn, node: Node, step: StepState, fact: facts.Failed) -> None:
    dependency = called(node, fact.direction)
    awaited = correct.awaits(turn.state, node.name)
    final = awaited or fact.person or not fact.retryable
    again = None if final else _again(turn, node.name, dependency, step.patience, fact)
    unsure = fact.may_have_happened and fact.direction is Direction.FORWARD and dependency.repeats == "unsafe"
    turn.say(
        e.AttemptFailed(
            step=node.name,
            direction=fact.direction,
            attempt=step.patience.attempts + 1,
            error=fact.error,
            kind=fact.kind,
            retry_at=None if unsure else again,
            may_have_happened=fact.may_have_happened,
            token=fact.token,
            started_at=fact.started_at,
            probe=fact.probe,
        )
    )
    if awaited:
        correct.outcome(turn, node.name, _maybe(turn.state, node.name))
    elif unsure:
        _find_out(turn, node, fact.error)
    elif again is None:
        _gave_up(turn, node, fact)


def _maybe(state: State, name: str) -> str:
    """An attempt without effect says nothing about those before it."""
    return "maybe" if state.steps[name].unknown else "no"


def _again(turn: Turn, name: str, dependency: Dependency, patience: Patience, fact: facts.Failed) -> datetime | None:
    failures = patience.failures + 1
    if failures >= dependency.retry.attempts and not fact.probe:
        return None
    return retry_at(dependency.retry, failures, f"{turn.state.key}/{name}", turn.now, fact.after)


def _gave_up(turn: Turn, node: Node, fact: facts.Failed) -> None:
    if not fact.person and _has_another_way(node, turn.state.steps[node.name], fact.direction):
        turn.say(e.FallbackScheduled(step=node.name, why=fact.error))
    elif not node.critical:
        maybe = turn.state.steps[node.name].unknown
        turn.say(e.StepDropped(step=node.name, reason=fact.error, may_have_happened=maybe))
    elif node.exhausted is Exhausted.COMPENSATE and fact.retryable and not fact.person:
        code = node.status.failed if node.status else "Failed"
        correct.begin(turn, "exhausted", code, fact.error)
    else:
        code = "asked" if fact.person else "exhausted" if fact.retryable else "permanent"
        turn.say(
            e.PersonAsked(
                step=node.name, code=code, reason=fact.error, direction=fact.direction, evidence=dict(fact.evidence)
            )
        )  # fmt: skip


def _find_out(turn: Turn, node: Node, why: str) -> None:
    """The effect may have happened and may not be repeated: ask the check, else a person."""
    if node.check:
        turn.say(e.CheckScheduled(step=node.name))
        return
    if not node.critical:
        turn.say(e.StepDropped(step=node.name, reason=why, may_have_happened=True))
        return
    reason = f"It is not known whether this happened ({why}), and it must not be repeated blindly."
    turn.say(e.PersonAsked(step=node.name, code="unknown", reason=reason, may_have_happened=True))


def _lost(turn: Turn, node: Node, step: StepState, fact: facts.Lost) -> None:
    turn.say(
        e.AttemptLost(
            step=node.name,
            direction=fact.direction,
            attempt=step.patience.attempts + 1,
            why=fact.why,
            counted=step.patience.quarantined,
            retry_at=turn.now,
            token=fact.token,
        )
    )
    losses = turn.state.steps[node.name].patience.losses
    if correct.awaits(turn.state, node.name):
        correct.outcome(turn, node.name, "maybe")
    elif losses >= MAX_LOSSES:
        if node.critical:
            turn.say(e.PersonAsked(step=node.name, code="lost", reason=fact.why, direction=fact.direction))
        else:
            turn.say(e.StepDropped(step=node.name, reason=fact.why, may_have_happened=True))
    elif fact.direction is Direction.FORWARD and (node.calls or INTERNAL).repeats == "unsafe":
        _find_out(turn, node, fact.why)


def unanswered(turn: Turn, name: str) -> None:
    """No message came in time: ask the far side, and after the last round name a person."""
    node, step = turn.definition.by_name[name], turn.state.steps[name]
    if node.otherwise and step.rounds < MAX_ROUNDS:
        turn.say(e.AskScheduled(step=name, round=step.rounds + 1))
        return
    asked = f", and asking {step.rounds} times gave none" if step.rounds else ""
    turn.say(e.PersonAsked(step=name, code="unanswered", reason=f"No answer came in time{asked}."))
