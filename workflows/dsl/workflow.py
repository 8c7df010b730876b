"""The class an author derives from; its body is read once and frozen into a Definition."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel

from workflows.dsl.checks import check
from workflows.dsl.definition import Deadline, Definition, Function, Irreversible, Kind, Node, node_refs
from workflows.dsl.errors import DefinitionError, where_called
from workflows.dsl.nodes import ANSWER, Draft, Line, close_draft, open_draft
from workflows.dsl.rules import Ref, Rule, renamed, renamed_ref
from workflows.dsl.status import Endings

_RULES = ("when", "refused_when")
_REFS = ("match", "idempotent_by", "refusal_reason")
_ROLES = ("function", "check", "otherwise", "fallback", "compensate")

#: Words of the class body that already mean something.
_RESERVED = frozenset(
    {"name", "version", "noun", "owner", "runbook", "deadline", "endings", "sentences", "diverts", "call"}
    | {"when_compensating", "definition"}
)


class WorkflowType(type):
    """Collects the lines of a class body in order and freezes them."""

    @classmethod
    def __prepare__(cls, name: str, bases: tuple[type, ...], /, **kwargs: Any) -> dict[str, object]:
        open_draft()
        return super().__prepare__(name, bases, **kwargs)  # type: ignore[return-value]

    def __new__(mcs, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> WorkflowType:
        collected = close_draft()
        cls = super().__new__(mcs, name, bases, body)
        if bases and collected is not None:
            cls.definition = _freeze(cls, collected, body)  # type: ignore[attr-defined]
        return cls


class Workflow(metaclass=WorkflowType):
    """Base of every process. A subclass is complete, checked and immutable as soon as it is imported.

    Raises DefinitionError (with file, line and a sentence) while the class is being defined.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    noun: ClassVar[str]
    owner: ClassVar[str]
    runbook: ClassVar[str] = ""
    deadline: ClassVar[Deadline | None] = None
    endings: ClassVar[Endings] = Endings()
    sentences: ClassVar[Mapping[str, tuple[str, str]]] = {}
    diverts: ClassVar[Sequence[tuple[Rule, str]]] = ()
    when_compensating: ClassVar[Sequence[Line]] = ()
    definition: ClassVar[Definition]


def _freeze(cls: type, draft: Draft, body: dict[str, Any]) -> Definition:
    where = where_called()
    for required in ("name", "version", "noun", "owner"):
        if required not in body:
            raise DefinitionError(f"{cls.__name__} must say its {required}", where=where)
    if not isinstance(body["version"], int) or body["version"] < 1:
        raise DefinitionError(f"version must be a whole number from 1, not {body['version']!r}", where=where)
    if draft.given is None:
        raise DefinitionError(f"{cls.__name__} must say what it is given: order = given(Order, key=…)", where=where)
    _name_lines(draft, body)
    options = draft.given.options
    definition = Definition(
        name=body["name"],
        version=body["version"],
        title=(cls.__doc__ or "").strip().split("\n")[0],
        noun=body["noun"],
        owner=body["owner"],
        runbook=body.get("runbook", ""),
        given=draft.given.name,
        contract=options["contract"],
        key=options["key"],
        attributes=options["attributes"],
        stages=tuple(draft.stages),
        nodes=tuple(_node(line, draft) for line in draft.lines),
        alerts=tuple(_node(line, draft) for line in body.get("when_compensating", ())),
        deadline=body.get("deadline"),
        endings=body.get("endings", Endings()),
        sentences=dict(body.get("sentences", {})),
        diverts=tuple((_rule(rule, draft.given), other) for rule, other in body.get("diverts", ())),
        where=where,
    )
    check(definition)
    return definition


def _name_lines(draft: Draft, body: dict[str, Any]) -> None:
    """A line's name is the attribute it was assigned to."""
    for attribute, value in body.items():
        if isinstance(value, Line):
            if attribute in _RESERVED:
                raise DefinitionError(
                    f"{attribute!r} has a meaning of its own; name this line differently", where=value.where
                )
            value.name = attribute
    for line in (*((draft.given,) if draft.given else ()), *draft.lines):
        if not line.name:
            word = line.kind or "given"
            raise DefinitionError(f"give this {word} a name: name = {word}(…)", where=line.where)


def _rule(rule: Any, line: Line) -> Rule:
    """The rule with names instead of lines. A bare field is refused: it would hold whenever the class is read."""
    if isinstance(rule, Ref):
        text = renamed_ref(rule, _namer(line)).text()
        raise DefinitionError(f"{text} alone is no rule; write a comparison such as {text} == True", where=line.where)
    return renamed(typing.cast(Rule, rule), _namer(line))


def _node(line: Line, draft: Draft) -> Node:
    assert line.kind is not None and line.stage is not None
    names = {draft.given.name if draft.given else "", *(other.name for other in draft.lines)}
    options: dict[str, Any] = dict(line.options)
    explicit = frozenset(other.name for other in options.pop("after", ()))
    for option in _RULES:
        if options.get(option) is not None:
            options[option] = _rule(options[option], line)
    for option in _REFS:
        if options.get(option) is not None:
            options[option] = renamed_ref(options[option], _namer(line))
    if line.kind is Kind.CHOOSE:
        options["choices"] = tuple((name, _rule(rule, line)) for name, rule in options["choices"])
    if line.kind is Kind.APPROVAL:
        options["evidence"] = tuple(_evidence(shown, line) for shown in options["evidence"])
    if line.kind is Kind.PUBLISH:
        options["fields"] = _event_fields(line, draft, options["fields"])
    for role in _ROLES:
        function = options.get(role)
        if function is not None and not isinstance(function, Irreversible):
            options[role] = _function(function, names | {line.name}, line)
    if options.get("output") is None and options.get("function"):
        options["output"] = _returns(options["function"].call, line)
    node = Node(name=line.name, kind=line.kind, stage=line.stage, where=line.where, after=frozenset(), **options)
    mentioned = {ref.source for ref in node_refs(node)} | set(node.evidence)
    for function in (getattr(node, role) for role in _ROLES):
        mentioned |= {source for _, source in function.parameters} if isinstance(function, Function) else set()
    given_name = draft.given.name if draft.given else ""
    return Node(**{**vars_of(node), "after": (explicit | mentioned) - {given_name, line.name}})


def _evidence(shown: Any, line: Line) -> str:
    if not isinstance(shown, Line):
        raise DefinitionError(f"evidence is a list of lines such as [order, risk], not {shown!r}", where=line.where)
    return shown.name


def vars_of(node: Node) -> dict[str, Any]:
    """The node's fields as a dictionary, functions and rules kept as they are."""
    return {name: getattr(node, name) for name in node.__dataclass_fields__}


def _namer(line: Line) -> Callable[[Any], str]:
    def name(source: Any) -> str:
        return line.name if source is ANSWER else source.name if isinstance(source, Line) else str(source)

    return name


def _event_fields(line: Line, draft: Draft, named: dict[str, Ref]) -> tuple[tuple[str, Ref], ...]:
    event = line.options["event"]
    given_name = draft.given.name if draft.given else ""
    every = {field: named.get(field, Ref(given_name, (field,))) for field in event.model_fields}
    every.update(named)
    return tuple((field, renamed_ref(ref, _namer(line))) for field, ref in every.items())


def _function(function: Callable[..., Any], names: set[str], line: Line) -> Function:
    parameters = []
    wants_call = False
    try:
        typing.get_type_hints(function)
    except NameError as error:
        raise DefinitionError(
            f"the annotations of {function.__name__} cannot be read: {error}", where=line.where
        ) from None
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "call":
            wants_call = True
        elif parameter.name in names:
            parameters.append((parameter.name, parameter.name))
        elif parameter.default is inspect.Parameter.empty:
            known = ", ".join(sorted(names - {""}))
            raise DefinitionError(
                f"{function.__name__} asks for {parameter.name!r}, which nothing provides (known: {known}, call)",
                where=line.where,
            )
    return Function(function, tuple(parameters), wants_call)


def _returns(function: Callable[..., Any], line: Line) -> type[BaseModel] | None:
    returned = typing.get_type_hints(function).get("return", inspect.Signature.empty)
    if returned is type(None):
        return None
    if isinstance(returned, type) and issubclass(returned, BaseModel):
        return returned
    raise DefinitionError(f"{function.__name__} must say that it returns a Contract, or None", where=line.where)
