"""How each act becomes a fact for the core, what it needs to be told, and why it makes no sense now.

retry, pause, resume, cancel, compensate    need a reason
skip                                        passes over a step, or leaves an effect as it is
complete                                    takes a person's word for a result (`data`: the result's fields), or for
                                            a correction made outside (`data`: {"evidence": …})
signal                                      hands an answer to a step that waits for a message (`data`: the answer)
reassign                                    names another owner (`data`: {"owner": …})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ValidationError

from workflows.core import facts, people
from workflows.core.decide import decide, waits_for_message
from workflows.core.facts import NotNow
from workflows.core.state import State
from workflows.dsl.definition import Definition, Node
from workflows.engine.attempt import Unstorable, extracted
from workflows.engine.intake import InvalidInput, Problem, input_hash


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants, beside the name of the act."""

    reason: str
    step: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Made:
    """The fact, the JSON text of a result, and for a signal the step whose answer it is."""

    fact: facts.Fact | None
    body: str | None = None
    answers: str = ""


@dataclass(frozen=True, slots=True)
class Verb:
    """One act. `make` raises NotNow and InvalidInput; `sense` says why the act makes no sense now, or nothing."""

    make: Callable[[Wish, Definition, State], Made]
    sense: Callable[[Definition, State, datetime], str]
    #: the steps that may be meant, each with why not (empty: it may); None for acts on the whole instance
    steps: Callable[[Definition, State], Mapping[str, str]] | None = None
    takes_data: bool = False


def _tried(make: Callable[[Wish], facts.Fact]) -> Verb:
    """An act whose sense is found out by deciding without saving."""

    def sense(definition: Definition, state: State, now: datetime) -> str:
        try:
            decide(definition, state, make(Wish("-")), now)
        except NotNow as error:
            return str(error)
        return ""

    return Verb(lambda wish, definition, state: Made(make(wish)), sense)


def _complete(wish: Wish, definition: Definition, state: State) -> Made:
    name = _one(wish.step, people.completable(definition, state), "completed by hand")
    if state.correction:
        evidence = wish.data.get("evidence")
        if not isinstance(evidence, str) or not 1 <= len(evidence.strip()) <= 2000:
            raise InvalidInput(
                [Problem("data.evidence", "say how one can see that it was done (1 to 2,000 characters)")]
            )
        _only(wish.data, "evidence")
        return Made(facts.Complete(reason=f"{wish.reason} ({evidence.strip()})", step=name))
    model = _result(definition.by_name[name], wish.data)
    if model is None:
        return Made(facts.Complete(reason=wish.reason, step=name))
    values = _values(definition, name, model)
    return Made(
        facts.Complete(reason=wish.reason, step=name, has_output=True, values=values), model.model_dump_json()
    )  # fmt: skip


def _signal(wish: Wish, definition: Definition, state: State) -> Made:
    name = _one(wish.step, _waiting(definition, state), "answered")
    model = _result(definition.by_name[name], wish.data)
    assert model is not None, "a callback has an answer"
    _values(definition, name, model)
    return Made(None, model.model_dump_json(), answers=name)


def _reassign(wish: Wish, definition: Definition, state: State) -> Made:
    if refusal := _alive(definition, state):
        raise NotNow(refusal)
    owner = wish.data.get("owner")
    if not isinstance(owner, str) or not 1 <= len(owner.strip()) <= 100:
        raise InvalidInput([Problem("data.owner", "name who looks after it from now on (1 to 100 characters)")])
    _only(wish.data, "owner")
    return Made(facts.Reassign(owner=owner.strip(), reason=wish.reason))


def _result(node: Node, data: Mapping[str, Any]) -> BaseModel | None:
    """What was entered, as the step's contract. Raises InvalidInput naming every field."""
    _carriable(data)
    if node.output is None:
        if data:
            raise InvalidInput([Problem("data", f"{node.name} has no result, so there is nothing to enter")])
        return None
    try:
        return node.output.model_validate(dict(data))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise InvalidInput([Problem(".".join(("data", *map(str, one["loc"]))), one["msg"]) for one in found]) from None


def _carriable(data: Mapping[str, Any]) -> None:
    """Raises InvalidInput for what the database cannot hold: the same as for inputs."""
    try:
        input_hash(data)
    except InvalidInput as error:
        raise InvalidInput([Problem(f"data.{one.field}", one.message) for one in error.problems]) from None


def _values(definition: Definition, name: str, model: BaseModel) -> dict[str, Any]:
    try:
        return extracted(definition, name, model)
    except Unstorable as error:
        raise InvalidInput([Problem("data", str(error))]) from None


def _only(data: Mapping[str, Any], *known: str) -> None:
    unknown = sorted(set(data) - set(known))
    if unknown:
        raise InvalidInput([Problem(f"data.{name}", "is not known here") for name in unknown])


def _retryable(definition: Definition, state: State) -> dict[str, str]:
    """Steps that a retry would try again."""
    return {name: "" for name, _ in people.retryable(definition, state)} if state.alive else {}


def _waiting(definition: Definition, state: State) -> dict[str, str]:
    """Steps that wait for a message."""
    if not state.alive:
        return {}
    return {name: "" for name, step in state.steps.items() if waits_for_message(definition.by_name[name], step)}


def _one(wanted: str | None, candidates: Mapping[str, str], done: str) -> str:
    """The step that is meant. Raises NotNow."""
    name = wanted
    if name is None:
        possible = [one for one, refusal in candidates.items() if not refusal]
        if len(possible) > 1:
            raise NotNow(f"say which step: {', '.join(possible)}")
        name = possible[0] if possible else next(iter(candidates), None)
    if name is None:
        raise NotNow(f"nothing here can be {done} now")
    if candidates.get(name, "-"):
        raise NotNow(f"{name} cannot be {done}: {candidates.get(name) or 'it is not waiting for anything'}")
    return name


def _among(candidates: Callable[[Definition, State], Mapping[str, str]], done: str) -> Callable[..., str]:
    """Sense: some step can be meant."""

    def sense(definition: Definition, state: State, now: datetime) -> str:
        if not state.alive:
            return f"it has already ended as {state.ended_status}"
        found = candidates(definition, state)
        if any(not refusal for refusal in found.values()):
            return ""
        try:
            _one(None, found, done)
        except NotNow as error:
            return str(error)
        return ""

    return sense


def _alive(definition: Definition, state: State, now: datetime | None = None) -> str:
    return "" if state.alive else f"it has already ended as {state.ended_status}"


VERBS: dict[str, Verb] = {
    "retry": Verb(
        lambda wish, definition, state: Made(facts.Retry(reason=wish.reason, step=wish.step)),
        _tried(lambda wish: facts.Retry(reason=wish.reason)).sense,
        steps=_retryable,
    ),
    "skip": Verb(
        lambda wish, definition, state: Made(facts.Skip(reason=wish.reason, step=wish.step)),
        _among(people.skippable, "passed over"),
        steps=people.skippable,
    ),
    "complete": Verb(
        _complete, _among(people.completable, "completed by hand"), steps=people.completable, takes_data=True
    ),
    "signal": Verb(_signal, _among(_waiting, "answered"), steps=_waiting, takes_data=True),
    "reassign": Verb(_reassign, _alive, takes_data=True),
    "pause": _tried(lambda wish: facts.Pause(reason=wish.reason)),
    "resume": _tried(lambda wish: facts.Resume(reason=wish.reason)),
    "cancel": _tried(lambda wish: facts.Cancel(reason=wish.reason)),
    "compensate": _tried(lambda wish: facts.Compensate(reason=wish.reason)),
}
