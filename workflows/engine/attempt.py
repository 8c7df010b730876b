"""One attempt from inputs to outcome: calls the author's function and turns whatever happens into a fact."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any
from uuid import UUID

import structlog
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from workflows.core import facts
from workflows.core.keys import idempotency_key
from workflows.core.state import Direction, State
from workflows.core.wants import called
from workflows.dsl.call import Pending
from workflows.dsl.contracts import extract
from workflows.dsl.definition import Definition, Function, Irreversible, Node
from workflows.dsl.errors import PersonNeeded, Refused, StepOutcome, TemporaryFailure
from workflows.engine import failpoints, store
from workflows.engine.calls import RunningCall
from workflows.engine.patience import AWAY
from workflows.engine.store import Claim

log = structlog.get_logger(__name__)

#: What is kept of an error's text in history and on screen.
_MAX_TEXT = 500
#: Characters of JSON that one result may have.
MAX_RESULT = 8_000_000


@dataclass
class Inputs:
    """The outputs of earlier steps, read once per run and handed on as models."""

    instance_id: UUID
    known: dict[int, BaseModel | None] = field(default_factory=dict)
    #: bodies that were read ahead, by history seq
    unread: dict[int, str | None] = field(default_factory=dict)

    def fetch(self, definition: Definition, state: State, function: Function) -> dict[str, BaseModel | None]:
        """The function's arguments by parameter name; None for what was skipped, dropped or is not known."""
        if missing := self.missing(definition, state, function):
            self.unread.update(store.payloads(self.instance_id, missing))
        wanted = {name: (source, _seq(definition, state, source)) for name, source in function.parameters}
        for source, seq in wanted.values():
            if seq in self.unread:
                body = self.unread.pop(seq)
                self.known[seq] = _contract(definition, source).model_validate_json(body) if body is not None else None
        return {name: self.known.get(seq) if seq else None for name, (_, seq) in wanted.items()}

    def missing(self, definition: Definition, state: State, function: Function) -> set[int]:
        """The history seqs of the results the function needs and nobody has read yet."""
        seqs = {_seq(definition, state, source) for _, source in function.parameters}
        return {seq for seq in seqs if seq and seq not in self.known and seq not in self.unread}


def _seq(definition: Definition, state: State, source: str) -> int:
    if source == definition.given:
        return state.input_seq
    step = state.steps.get(source)
    return step.output_seq if step else 0


def _contract(definition: Definition, source: str) -> type[BaseModel]:
    contract = definition.contract if source == definition.given else definition.by_name[source].output
    assert contract is not None, f"{source} has no result, which the checks refuse"
    return contract


@dataclass(frozen=True, slots=True)
class Outcome:
    """The fact an attempt led to, the JSON text of its result, and the result as a model for the next step."""

    fact: facts.Succeeded | facts.StillPending | facts.Failed | facts.RefusedBy | facts.Barred
    body: str | None = None
    model: BaseModel | None = None


def execute(definition: Definition, claim: Claim, state: State, inputs: Inputs) -> Outcome:
    """Run the function of a claimed attempt. Never raises for what the author's code does."""
    node = definition.by_name[claim.step]
    function = function_of(node, claim.direction)
    common: dict[str, Any] = {
        "step": claim.step,
        "direction": claim.direction,
        "token": claim.token,
        "started_at": claim.leased_at,
        "key": idempotency_key(state, node, claim.direction),
    }
    acts = claim.direction in (Direction.FORWARD, Direction.COMPENSATE)
    try:
        arguments: dict[str, Any] = dict(inputs.fetch(definition, state, function))
    except ValidationError as error:
        text = f"an earlier result does not fit: {broken_input(error)}"
        return Outcome(facts.Failed(error=_short(text), kind="Contract", retryable=False, **common))
    if function.wants_call:
        arguments["call"] = running_call(claim, state, node)
    try:
        with failpoints.around("f" if claim.direction is Direction.COMPENSATE else "c", claim.row.id):
            result = function.call(**arguments)
        return _returned(definition, node, claim.direction, result, common)
    except Refused as refusal:
        return Outcome(facts.RefusedBy(code=_short(refusal.code), reason=_short(refusal.reason), **common))
    except StepOutcome as outcome:
        return Outcome(_failed(outcome, common))
    except (ValidationError, Unstorable) as error:
        text = broken_input(error) if isinstance(error, ValidationError) else str(error)
        again = isinstance(error, ValidationError)
        return Outcome(
            facts.Failed(error=_short(text), kind="Contract", retryable=again, may_have_happened=acts, **common)
        )  # fmt: skip
    except Exception as error:  # the author's code may raise anything; the fact records it
        if isinstance(error, AWAY) and not (acts and called(node, claim.direction).repeats == "unsafe"):
            raise  # the attempt is given back and does not count, because it may be repeated
        log.exception("attempt.crashed", step=claim.step, instance=str(claim.row.id))
        kind = type(error).__name__
        return Outcome(
            facts.Failed(error=_short(f"{kind}: {error}"), kind=kind, may_have_happened=acts, **common)
        )  # fmt: skip


def function_of(node: Node, direction: Direction) -> Function:
    """Which of the node's functions an attempt in this direction runs."""
    chosen = {
        Direction.FORWARD: node.function,
        Direction.CHECK: node.check,
        Direction.ASK: node.otherwise,
        Direction.FALLBACK: node.fallback,
        Direction.COMPENSATE: node.compensate,
    }[direction]
    assert chosen is not None and not isinstance(chosen, Irreversible), (
        f"{node.name} has nothing to run for {direction}"
    )
    return chosen


def running_call(claim: Claim, state: State, node: Node) -> RunningCall:
    """What the function learns about its attempt."""
    dependency = called(node, claim.direction)
    item = next((i for i in state.correction.items if i.step == node.name), None) if state.correction else None
    step = state.steps.get(node.name)
    compensating = claim.direction is Direction.COMPENSATE and item is not None
    patience = item.patience if compensating and item else step.patience if step else None
    return RunningCall(
        key=idempotency_key(state, node, claim.direction),
        forward_key=idempotency_key(state, node),
        attempt=(patience.attempts if patience else 0) + 1,
        deadline=claim.leased_at + dependency.timeout,
        correlation_id=claim.row.correlation_id,
        instance_id=str(claim.row.id),
        workflow=state.workflow,
        business_key=state.key,
        reason=state.correction.reason if state.correction else "",
        dependency=dependency,
    )


def barred(claim: Claim, dependency: str) -> Outcome:
    """What follows when the dependency's breaker refuses the call."""
    fact = facts.Barred(step=claim.step, direction=claim.direction, token=claim.token, dependency=dependency)
    return Outcome(fact)


def _returned(definition: Definition, node: Node, direction: Direction, result: Any, common: dict[str, Any]) -> Outcome:
    if isinstance(result, Pending):
        if direction is not Direction.ASK:
            error = f"{node.name} answered Pending, which only otherwise= may do"
            return Outcome(facts.Failed(error=error, kind="Contract", retryable=False, **common))
        return Outcome(facts.StillPending(after=result.after, **common))
    if direction is Direction.COMPENSATE:
        body = written(result) if isinstance(result, BaseModel) else None
        return Outcome(facts.Succeeded(has_output=body is not None, **common), body)
    if result is None and (node.output is None or direction is Direction.CHECK):
        return Outcome(facts.Succeeded(**common))
    if node.output is None or not isinstance(result, node.output):
        wanted = node.output.__name__ if node.output else "nothing"
        error = f"{node.name} returned {type(result).__name__}, its contract says {wanted}"
        return Outcome(facts.Failed(error=error, kind="Contract", retryable=False, may_have_happened=True, **common))
    values, body = extracted(definition, node.name, result), written(result)
    return Outcome(facts.Succeeded(has_output=True, values=values, **common), body, result)


class Unstorable(ValueError):
    """A result that cannot be kept: the message names the field that JSON in the database cannot hold, or the size."""


def written(model: BaseModel) -> str:
    """A result as JSON. Raises Unstorable for one that every later step and page would choke on."""
    body = model.model_dump_json()
    if len(body) > MAX_RESULT:
        raise Unstorable(f"a result of {len(body):,} characters is too large; keep it elsewhere and return a reference")
    return body


def extracted(definition: Definition, source: str, model: BaseModel) -> dict[str, Any]:
    """The few fields of a result that rules, keys and events read, as JSON values by dotted path. Raises Unstorable."""
    paths = definition.extracts.get(source, ())
    if not paths:
        return {}
    data = model.model_dump(mode="json", include={path[0] for path in paths})
    values = {".".join(path): extract(data, path) for path in paths}
    for name, value in values.items():
        if isinstance(value, float) and not isfinite(value):
            raise Unstorable(f"{name}: must be a finite number")
        if isinstance(value, str) and "\x00" in value:
            raise Unstorable(f"{name}: must not contain NUL characters")
    return values


def _failed(outcome: StepOutcome, common: dict[str, Any]) -> facts.Failed:
    person = isinstance(outcome, PersonNeeded)
    return facts.Failed(
        error=_short(str(outcome)),
        kind=type(outcome).__name__,
        retryable=outcome.retryable,
        after=outcome.after if isinstance(outcome, TemporaryFailure) else None,
        may_have_happened=outcome.may_have_happened,
        person=person,
        evidence=_plain(outcome.evidence) if isinstance(outcome, PersonNeeded) else {},
        **common,
    )


def _plain(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """What a person needs to see, as JSON, whatever the author put in."""
    plain: dict[str, Any] = json.loads(to_json(evidence, fallback=str, inf_nan_mode="null"))
    return plain


def _short(text: str) -> str:
    text = text.replace("\x00", "\ufffd")
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"


def broken_input(error: ValidationError) -> str:
    """The first problem of a contract violation in words, without the offending value."""
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
