"""The lines of a definition as an author writes them: given, stage, query, step, callback, approval, choose, …"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel

from workflows.dsl.contracts import Choice, Decision, Event
from workflows.dsl.definition import Exhausted, Irreversible, Kind, Stage
from workflows.dsl.dependency import INTERNAL, Dependency
from workflows.dsl.errors import DefinitionError, where_called
from workflows.dsl.rules import Ref, Rule
from workflows.dsl.status import HUMAN, Status


@dataclass(eq=False)
class Line:
    """A line while its class body is being read. `line["field"]` refers to a field of its result."""

    kind: Kind | None
    where: str
    stage: int | None = None
    name: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, path: str) -> Ref:
        return Ref(self, (path,))


@dataclass
class Draft:
    """What a class body has declared so far."""

    lines: list[Line] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    given: Line | None = None
    current: int | None = None


_draft: ContextVar[Draft | None] = ContextVar("draft", default=None)

#: Stands for the message's own answer in `refused_when=ANSWER["accepted"] == False`.
ANSWER = Line(None, "", name="ANSWER")


def open_draft() -> Draft:
    """Begin collecting the lines of one class body."""
    draft = Draft()
    _draft.set(draft)
    return draft


def close_draft() -> Draft | None:
    """Stop collecting and hand over what was declared."""
    draft = _draft.get()
    _draft.set(None)
    return draft


def given(contract: type[BaseModel], *, key: str, attributes: Iterable[str] = ()) -> Line:
    """The input every instance starts with; `key` names the field that identifies the business case."""
    draft, where = _current("given")
    if draft.given is not None:
        raise DefinitionError("a workflow has one given(…)", where=where)
    draft.given = Line(None, where, options={"contract": contract, "key": key, "attributes": tuple(attributes)})
    return draft.given


def stage(name: str, *, owner: str = "", runbook: str = "") -> AbstractContextManager[None]:
    """A business stage: what is declared inside begins when the stages before have ended."""
    draft, where = _current("stage")
    if draft.current is not None:
        raise DefinitionError("stages cannot be nested", where=where)
    return _inside(draft, Stage(name, owner, runbook))


@contextmanager
def _inside(draft: Draft, opened: Stage) -> Iterator[None]:
    draft.stages.append(opened)
    draft.current = len(draft.stages) - 1
    try:
        yield
    finally:
        draft.current = None


def query(
    function: Callable[..., Any],
    *,
    status: str | Status,
    calls: Dependency = INTERNAL,
    when: Rule | None = None,
    after: Line | Iterable[Line] = (),
    critical: bool = True,
    exhausted: Exhausted = Exhausted.WAIT,
    fallback: Callable[..., Any] | None = None,
    owner: str = "",
    runbook: str = "",
) -> Line:
    """Ask something that changes nothing at the far side; its answer is kept for later lines.

    `fallback` gives the answer instead when the dependency's breaker refuses the call or all attempts failed.
    """
    return _line(
        Kind.QUERY, function=function, status=_status(status), calls=calls, when=when, after=after,
        critical=critical, exhausted=exhausted, fallback=fallback, owner=owner, runbook=runbook,
    )  # fmt: skip


def step(
    function: Callable[..., Any],
    *,
    compensate: Callable[..., Any] | Irreversible | None = None,
    status: str | Status | None = None,
    calls: Dependency = INTERNAL,
    when: Rule | None = None,
    after: Line | Iterable[Line] = (),
    critical: bool = True,
    exhausted: Exhausted = Exhausted.WAIT,
    check: Callable[..., Any] | None = None,
    fallback: Callable[..., Any] | None = None,
    idempotent_by: Ref | None = None,
    owner: str = "",
    runbook: str = "",
) -> Line:
    """Do something that changes the world. `compensate=` is mandatory: a function, or IRREVERSIBLE spelled out.

    `check` finds out whether an unknown outcome happened: it returns the output, or None if nothing happened.
    `fallback` does it another way when the breaker refuses the call or all attempts failed, unless the effect may have
    happened; the same `compensate` corrects it.
    """
    return _line(
        Kind.STEP, function=function, compensate=compensate, status=_status(status), calls=calls, when=when,
        after=after, critical=critical, exhausted=exhausted, check=check, fallback=fallback,
        idempotent_by=idempotent_by, owner=owner, runbook=runbook,
    )  # fmt: skip


def callback(
    message: str,
    answer: type[BaseModel],
    *,
    match: Ref,
    within: timedelta,
    status: str | Status,
    otherwise: Callable[..., Any] | None = None,
    calls: Dependency = INTERNAL,
    refused_when: Rule | None = None,
    refusal_reason: Ref | None = None,
    when: Rule | None = None,
    after: Line | Iterable[Line] = (),
    owner: str = "",
    runbook: str = "",
) -> Line:
    """Wait for a message of this type whose key equals `match`.

    After `within` without one, `otherwise` is asked: it returns the answer or `Pending`; after three rounds, or
    without `otherwise`, a person is named. `refused_when` (a rule on ANSWER) turns an answer into a refusal.
    """
    return _line(
        Kind.CALLBACK, message=message, output=answer, match=match, within=within, status=_status(status),
        otherwise=otherwise, calls=calls, refused_when=refused_when, refusal_reason=refusal_reason, when=when,
        after=after, owner=owner, runbook=runbook,
    )  # fmt: skip


def approval(
    question: str,
    *,
    by: str,
    within: timedelta,
    evidence: Iterable[Line] = (),
    default: Literal["approve", "reject"] = "reject",
    quorum: int = 1,
    status: str | Status | None = None,
    when: Rule | None = None,
    after: Line | Iterable[Line] = (),
    owner: str = "",
    runbook: str = "",
) -> Line:
    """Ask people of the group `by`. A rejection is a refusal: what was done is corrected.

    `quorum` of them have to approve, one rejection decides. After `within` without a decision `default` follows. They
    are shown `evidence`, and decide about exactly that. Nobody decides about what they started or edited themselves.
    """
    shown = Status("HumanDecision", pending=HUMAN, waiting=HUMAN, done="Approved", refused="Rejected")
    return _line(
        Kind.APPROVAL, question=question, audience=by, within=within, evidence=tuple(evidence), default=default,
        quorum=quorum, status=_status(status) or shown, output=Decision, when=when, after=after, owner=owner,
        runbook=runbook,
    )  # fmt: skip


def choose(
    choices: Mapping[str, Rule],
    *,
    otherwise: str,
    when: Rule | None = None,
    after: Line | Iterable[Line] = (),
) -> Line:
    """Take the first way whose rule holds, else `otherwise`; later lines ask `when=way["choice"] == "express"`."""
    return _line(
        Kind.CHOOSE, choices=tuple(choices.items()), otherwise_choice=otherwise, output=Choice, when=when, after=after
    )  # fmt: skip


def timer(
    within: timedelta,
    *,
    when: Rule | None = None,
    after: Line | Iterable[Line] = (),
    status: str | Status | None = None,
) -> Line:
    """Wait for a length of time."""
    return _line(Kind.TIMER, within=within, when=when, after=after, status=_status(status))


def publish(event: type[Event], *, when: Rule | None = None, after: Line | Iterable[Line] = (), **fields: Ref) -> Line:
    """Publish a milestone. Fields not named are taken from the given input's fields of the same name."""
    return _line(Kind.PUBLISH, event=event, when=when, after=after, fields=fields)


def alert(function: Callable[..., Any], *, calls: Dependency) -> Line:
    """A non-critical step for `when_compensating`: tells people, is never corrected, holds nothing up."""
    from workflows.dsl.definition import IRREVERSIBLE

    name = "".join(part.capitalize() for part in function.__name__.split("_"))
    options = {
        "function": function,
        "calls": calls,
        "compensate": IRREVERSIBLE,
        "critical": False,
        "status": Status(name),
    }
    return Line(Kind.STEP, where_called(), stage=0, name=function.__name__, options=options)


def _line(kind: Kind, **options: Any) -> Line:
    draft, where = _current(kind.value)
    if draft.current is None:
        raise DefinitionError(f"{kind.value}(…) belongs inside a `with stage(…):` block", where=where)
    after = options["after"]
    options["after"] = (after,) if isinstance(after, Line) else tuple(after)
    line = Line(kind, where, stage=draft.current, options=options)
    draft.lines.append(line)
    return line


def _current(word: str) -> tuple[Draft, str]:
    draft, where = _draft.get(), where_called()
    if draft is None:
        raise DefinitionError(f"{word}(…) is only meaningful inside a Workflow class body", where=where)
    return draft, where


def _status(status: str | Status | None) -> Status | None:
    return Status(status) if isinstance(status, str) else status
