"""Refuses a bad definition at import, with file, line and a sentence that says what to write instead."""

from __future__ import annotations

import re
import typing
from typing import Any

from workflows.dsl.call import Pending
from workflows.dsl.contracts import accepts_none, field_type, personal_paths, without_none
from workflows.dsl.definition import Definition, Function, Irreversible, Kind, Node
from workflows.dsl.errors import DefinitionError
from workflows.dsl.field_checks import check_diverts, check_fields, contract_of, may_be_missing, type_name
from workflows.dsl.rules import All, Compare, Rule

_SLUG = re.compile(r"[a-z][a-z0-9-]*")
_REFUSABLE = (Kind.STEP, Kind.CALLBACK, Kind.APPROVAL)


def check(definition: Definition) -> None:
    """Every check of a definition on its own; raises DefinitionError at the first that fails."""
    _check_header(definition)
    seen: set[str] = {definition.given}
    for node in definition.nodes:
        _check_edges(definition, node, seen)
        seen.add(node.name)
    for node in definition.alerts:
        if node.name in seen:
            _refuse(node.where, f"the name {node.name!r} is used twice")
        seen.add(node.name)
    for node in (*definition.nodes, *definition.alerts):
        for one in (_check_kind, check_fields, _check_functions, _check_irreversible):
            one(definition, node)
    check_diverts(definition)
    _check_sentences(definition)


def _check_irreversible(definition: Definition, node: Node) -> None:
    """An effect nobody can take back belongs behind everything that may still be refused."""
    if (
        node.kind is not Kind.STEP
        or not isinstance(node.compensate, Irreversible)
        or node.name not in _names(definition)
    ):
        return
    for other in definition.nodes:
        refusable = other.critical and other.kind in _REFUSABLE and other is not node
        if refusable and not _surely_before(definition, other, node) and not _exclusive(other, node):
            _refuse(
                node.where,
                f"{node.name} is IRREVERSIBLE and can run before {other.name}, which may still be refused; "
                f"move it behind, or give it a compensate= function",
            )


def _names(definition: Definition) -> set[str]:
    return {node.name for node in definition.nodes}


def _surely_before(definition: Definition, first: Node, then: Node) -> bool:
    """Whether `first` has always ended when `then` begins: an earlier stage, or a path of edges."""
    if first.stage < then.stage:
        return True
    seen, open_names = set(), set(then.after)
    while open_names:
        name = open_names.pop()
        if name == first.name:
            return True
        seen.add(name)
        if name in definition.by_name:
            open_names |= definition.by_name[name].after - seen
    return False


def _exclusive(one: Node, other: Node) -> bool:
    """Whether the two conditions compare the same field with different constants, so that only one can hold."""
    constants = [
        {(part.left.text(), part.right) for part in _conjuncts(node.when) if part.operator == "=="}
        for node in (one, other)
    ]
    return any(a == b and x != y for a, x in constants[0] for b, y in constants[1])


def _conjuncts(rule: Rule | None) -> list[Compare]:
    if isinstance(rule, Compare):
        return [rule]
    return [part for inner in rule.parts for part in _conjuncts(inner)] if isinstance(rule, All) else []


def _check_header(definition: Definition) -> None:
    if not _SLUG.fullmatch(definition.name):
        _refuse(definition.where, f"the name {definition.name!r} must be lower-case words joined by '-'")
    if not definition.nodes:
        _refuse(definition.where, "a workflow needs at least one line inside a stage")
    for name in (definition.key, *definition.attributes):
        if field_type(definition.contract, (name,)) is None:
            _refuse(definition.where, f"the contract {definition.contract.__name__} has no field {name!r}")
    if definition.key in personal_paths(definition.contract):
        _refuse(definition.where, f"the key {definition.key!r} is personal, but it stands in addresses, logs and keys")
    if accepts_none(field_type(definition.contract, (definition.key,))):
        _refuse(definition.where, f"the key {definition.key!r} may not be empty: remove None from its type")
    names = [stage.name for stage in definition.stages]
    if len(names) != len(set(names)):
        _refuse(definition.where, "two stages have the same name")
    called = [dependency.name for dependency in definition.dependencies]
    if len(called) != len(set(called)):
        _refuse(definition.where, "two different dependencies have the same name")


def _check_edges(definition: Definition, node: Node, seen: set[str]) -> None:
    unknown = node.after - seen
    if unknown:
        _refuse(node.where, f"{node.name} depends on {', '.join(sorted(unknown))}, which comes later; move it up")
    if node.name in seen:
        _refuse(node.where, f"the name {node.name!r} is used twice")


def _check_kind(definition: Definition, node: Node) -> None:
    if node.kind in (Kind.QUERY, Kind.STEP, Kind.CALLBACK) and node.status is None:
        _refuse(node.where, f"{node.name} must declare status=, the business name people will read")
    if node.kind is Kind.STEP and node.compensate is None:
        _refuse(node.where, f"{node.name} must say compensate=: a function that corrects it, or IRREVERSIBLE")
    if node.kind is Kind.CALLBACK and (node.within is None or node.within.total_seconds() <= 0):
        _refuse(node.where, f"{node.name} must say how long to wait: within=minutes(20)")
    if node.kind is Kind.APPROVAL:
        _check_approval(definition, node)
    if node.kind is Kind.CHOOSE:
        _check_choices(node)
    if node.check is not None and node.output is None:
        _refuse(node.where, f"{node.name} has a check=, so it must return a Contract: nothing means nothing happened")
    if node.calls is not None and node.calls.repeats == "unsafe" and node.kind is Kind.QUERY:
        _refuse(node.where, f"{node.name} is a query, but {node.calls.name} repeats unsafely; a query has no effect")


def _check_approval(definition: Definition, node: Node) -> None:
    if not node.question.strip():
        _refuse(node.where, f"{node.name} must ask a question people can answer with yes or no")
    if not node.audience.strip():
        _refuse(node.where, f'{node.name} must say who decides: by="fraud-team"')
    if node.within is None or node.within.total_seconds() <= 0:
        _refuse(node.where, f"{node.name} must say how long people have: within=hours(1)")
    if node.quorum < 1:
        _refuse(node.where, f"{node.name} needs a quorum of at least 1")
    if node.default not in ("approve", "reject"):
        _refuse(node.where, f"{node.name} must say what follows without a decision: default='approve' or 'reject'")
    for name in node.evidence:
        if contract_of(definition, name) is None:
            _refuse(node.where, f"{node.name} shows {name} as evidence, which has no result")


def _check_choices(node: Node) -> None:
    names = [*(name for name, _ in node.choices), node.otherwise_choice]
    if not node.choices or not all(names):
        _refuse(node.where, f"{node.name} must name at least one way with a rule, and the way taken otherwise")
    if len(set(names)) != len(names):
        _refuse(node.where, f"{node.name} names a way twice: {', '.join(names)}")


def _check_functions(definition: Definition, node: Node) -> None:
    own = {"compensate"}
    for role in ("function", "check", "otherwise", "fallback", "compensate"):
        function = getattr(node, role)
        if not isinstance(function, Function):
            continue
        hints = typing.get_type_hints(function.call)
        for parameter, source in function.parameters:
            if source == node.name and role not in own:
                _refuse(node.where, f"{function.name} cannot receive the result of its own step {node.name}")
            if source != node.name and definition.position.get(source, -1) >= definition.position[node.name]:
                _refuse(node.where, f"{function.name} receives {source}, which comes after {node.name}")
            _check_parameter(definition, node, function, parameter, source, hints.get(parameter, Any))
        if role in ("check", "otherwise", "fallback"):
            _check_answer(node, function, role, hints.get("return", Any))


def _check_parameter(
    definition: Definition, node: Node, function: Function, parameter: str, source: str, wanted: Any
) -> None:
    contract = contract_of(definition, source)
    if wanted is Any:
        return
    chosen = definition.by_name.get(source)
    if contract is None or (chosen is not None and chosen.kind is Kind.CHOOSE):
        _refuse(node.where, f"{function.name} receives {source}, which has no result")
    if without_none(wanted) is not contract:
        _refuse(
            node.where,
            f"{function.name} wants {parameter}: {type_name(wanted)}, but {source} gives {type_name(contract)}",
        )
    early = node.name not in _names(definition) and source != definition.given
    if (early or may_be_missing(definition, source) or source == node.name) and not accepts_none(wanted):
        why = "the outcome may be unknown" if source == node.name else f"{source} may not have happened"
        _refuse(
            node.where,
            f"{function.name} must accept None for {parameter} ({why}): {parameter}: {type_name(wanted)} | None",
        )


def _check_answer(node: Node, function: Function, role: str, returned: Any) -> None:
    if returned is Any or node.output is None:
        return
    allowed = set(typing.get_args(returned) or (returned,))
    nothing = {"check": type(None), "otherwise": Pending}.get(role)
    if node.output not in allowed or allowed - {node.output, nothing}:
        answer = node.output.__name__ + {"check": " | None", "otherwise": " | Pending"}.get(role, "")
        _refuse(node.where, f"{function.name} ({role}) must return {answer}, as {node.name} promises its result")


def _check_sentences(definition: Definition) -> None:
    for status, pair in definition.sentences.items():
        if status not in definition.statuses:
            _refuse(
                definition.where, f"a sentence is given for {status!r}, which no line of {definition.name} can reach"
            )
        if len(pair) != 2:
            _refuse(definition.where, f"the sentence of {status!r} must be a pair: (for staff, for customers)")


def _refuse(where: str, sentence: str) -> typing.NoReturn:
    raise DefinitionError(sentence, where=where)
