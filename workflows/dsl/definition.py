"""A finished definition: frozen data that the core walks, the console draws and `describe` prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from workflows.dsl.contracts import Event
from workflows.dsl.dependency import Dependency
from workflows.dsl.rules import Ref, Rule
from workflows.dsl.status import COMPENSATING, RECEIVED, Endings, Status


class Kind(StrEnum):
    """What a node of the graph is."""

    #: asks something, changes nothing
    QUERY = "query"
    #: has a side effect and says how to correct it
    STEP = "step"
    #: waits for a message from outside
    CALLBACK = "callback"
    #: waits for a time
    TIMER = "timer"
    #: publishes an event
    PUBLISH = "publish"
    #: waits for people to decide
    APPROVAL = "approval"
    #: picks one of several ways
    CHOOSE = "choose"


class Exhausted(StrEnum):
    """What follows when all attempts of a critical step failed for technical reasons."""

    #: wait for a person (the default: a technical failure is no business refusal)
    WAIT = "wait"
    #: correct what was done
    COMPENSATE = "compensate"


class Irreversible:
    """The type of IRREVERSIBLE: this step's effect cannot be corrected, and the author says so."""

    def __repr__(self) -> str:
        return "IRREVERSIBLE"


IRREVERSIBLE = Irreversible()
WAIT, COMPENSATE = Exhausted.WAIT, Exhausted.COMPENSATE

#: (parameter name, node it receives) pairs of a step function, `call` left out.
Parameters = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Function:
    """A step function and the nodes its parameters receive."""

    call: Callable[..., Any]
    parameters: Parameters
    wants_call: bool

    @property
    def name(self) -> str:
        """The function's dotted name below its module, as `describe` prints it."""
        return self.call.__name__


@dataclass(frozen=True, kw_only=True)
class Node:
    """One line of a definition. Fields that do not belong to the node's kind stay at their defaults."""

    name: str
    kind: Kind
    stage: int
    where: str
    after: frozenset[str] = frozenset()
    when: Rule | None = None
    status: Status | None = None
    critical: bool = True
    function: Function | None = None
    calls: Dependency | None = None
    output: type[BaseModel] | None = None
    compensate: Function | Irreversible | None = None
    check: Function | None = None
    fallback: Function | None = None
    exhausted: Exhausted = Exhausted.WAIT
    idempotent_by: Ref | None = None
    owner: str = ""
    runbook: str = ""
    message: str = ""
    match: Ref | None = None
    within: timedelta | None = None
    otherwise: Function | None = None
    refused_when: Rule | None = None
    refusal_reason: Ref | None = None
    event: type[Event] | None = None
    fields: tuple[tuple[str, Ref], ...] = ()
    question: str = ""
    audience: str = ""
    quorum: int = 1
    #: approve or reject: what follows when nobody decides in time
    default: str = ""
    #: what the deciders are shown: the given input and earlier results
    evidence: tuple[str, ...] = ()
    #: (name, rule) of each way, the first that holds is taken
    choices: tuple[tuple[str, Rule], ...] = ()
    otherwise_choice: str = ""

    @property
    def compensable(self) -> bool:
        """Whether the node's effect can be corrected by a function."""
        return isinstance(self.compensate, Function)

    @property
    def executes(self) -> bool:
        """Whether a worker runs a function for the node itself."""
        return self.kind in (Kind.QUERY, Kind.STEP)


@dataclass(frozen=True)
class Stage:
    """A business stage: a barrier with a name, an owner and a runbook."""

    name: str
    owner: str = ""
    runbook: str = ""


@dataclass(frozen=True, kw_only=True)
class Deadline:
    """When the whole instance should have ended; it warns and tells, it never ends anything."""

    after: timedelta
    warn_before: timedelta = timedelta(0)
    escalate_to: str = ""


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A workflow as frozen data."""

    name: str
    version: int
    title: str
    noun: str
    owner: str
    runbook: str
    given: str
    contract: type[BaseModel]
    key: str
    attributes: tuple[str, ...]
    stages: tuple[Stage, ...]
    nodes: tuple[Node, ...]
    alerts: tuple[Node, ...] = ()
    deadline: Deadline | None = None
    endings: Endings = Endings()
    sentences: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    #: inputs for which the rule holds belong to another workflow
    diverts: tuple[tuple[Rule, str], ...] = ()
    where: str = ""

    @cached_property
    def by_name(self) -> dict[str, Node]:
        """Every node, alerts included, by name."""
        return {node.name: node for node in (*self.nodes, *self.alerts)}

    @cached_property
    def position(self) -> dict[str, int]:
        """The place of each node in the definition's order."""
        return {name: index for index, name in enumerate(self.by_name)}

    @cached_property
    def extracts(self) -> dict[str, tuple[tuple[str, ...], ...]]:
        """Per source, the field paths that rules, keys, matches and events read: kept small beside the state."""
        found: dict[str, dict[tuple[str, ...], None]] = {self.given: {}}
        for ref in (ref for node in self.by_name.values() for ref in node_refs(node)):
            found.setdefault(ref.source, {})[ref.path] = None
        return {source: tuple(paths) for source, paths in found.items()}

    @cached_property
    def statuses(self) -> tuple[str, ...]:
        """Every business status an instance of this definition can have."""
        names = [RECEIVED]
        for node in self.by_name.values():
            names.extend(node.status.names() if node.status else ())
        return tuple(dict.fromkeys([*names, COMPENSATING, *self.endings.names()]))

    @cached_property
    def dependencies(self) -> tuple[Dependency, ...]:
        """Every dependency the definition calls, in order of first use."""
        return tuple(dict.fromkeys(node.calls for node in self.by_name.values() if node.calls))

    def owner_of(self, node: Node | None) -> str:
        """Who is in charge of a node: its own owner, its stage's, or the workflow's."""
        if node is None:
            return self.owner
        return node.owner or self.stages[node.stage].owner or self.owner

    def runbook_of(self, node: Node | None) -> str:
        """What to read when a node is in trouble: its own runbook, its stage's, or the workflow's."""
        if node is None:
            return self.runbook
        return node.runbook or self.stages[node.stage].runbook or self.runbook


def node_refs(node: Node) -> tuple[Ref, ...]:
    """Every field of another node this node reads outside its function's parameters.

    The references of `refused_when` and `refusal_reason` point at the node's own answer.
    """
    refs = list(node.when.refs()) if node.when is not None else []
    refs += list(node.refused_when.refs()) if node.refused_when is not None else []
    refs += [ref for _, rule in node.choices for ref in rule.refs()]
    refs += [ref for ref in (node.idempotent_by, node.match, node.refusal_reason) if ref is not None]
    return (*refs, *(ref for _, ref in node.fields))
