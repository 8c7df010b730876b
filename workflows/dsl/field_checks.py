"""Refuses references to fields that do not exist, may be empty, or are compared with another kind of value."""

from __future__ import annotations

import types
import typing
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from workflows.dsl.contracts import accepts_none, field_type, may_be_none, personal_paths, without_none
from workflows.dsl.definition import Definition, Kind, Node, node_refs
from workflows.dsl.errors import DefinitionError
from workflows.dsl.rules import All, AnyOf, Compare, Not, Ref, Rule


def check_fields(definition: Definition, node: Node) -> None:
    """Every field a node reads outside its function's parameters."""
    for ref in node_refs(node):
        _check_ref(definition, node.where, node.name, ref)
    for rule in (node.when, node.refused_when, *(rule for _, rule in node.choices)):
        if rule is not None:
            _check_rule(definition, node.where, rule)
    for word, key in (("match", node.match), ("idempotent_by", node.idempotent_by)):
        if key is not None and _may_be_empty(definition, node, key):
            _refuse(node.where, f"{node.name} is identified by {word}={key.text()}, which may be empty")
    reason = node.refusal_reason
    if reason is not None and reason.path[0] in {path.partition(".")[0] for path in _personal(definition, reason)}:
        _refuse(node.where, f"the reason {reason.text()} is personal, but everybody reads why something was refused")
    if node.kind is Kind.PUBLISH:
        for name, ref in node.fields:
            _check_event_field(definition, node, name, ref)


def check_diverts(definition: Definition) -> None:
    """The rules that send an input elsewhere read the input alone."""
    for rule, _ in definition.diverts:
        for ref in rule.refs():
            if ref.source != definition.given:
                _refuse(definition.where, f"diverts may only read {definition.given}, not {ref.text()}")
            _check_ref(definition, definition.where, "diverts", ref)
        _check_rule(definition, definition.where, rule)


def contract_of(definition: Definition, source: str) -> type[BaseModel] | None:
    """The contract of the input or of a node's result; None for a node without result."""
    if source == definition.given:
        return definition.contract
    node = definition.by_name.get(source)
    return node.output if node else None


def _personal(definition: Definition, ref: Ref) -> frozenset[str]:
    contract = contract_of(definition, ref.source)
    return personal_paths(contract) if contract is not None else frozenset()


def may_be_missing(definition: Definition, source: str) -> bool:
    """Whether the process can go on without this node's result."""
    node = definition.by_name.get(source)
    return node is not None and (node.when is not None or not node.critical)


def type_name(annotation: Any) -> str:
    """How a type is printed in a sentence."""
    return getattr(annotation, "__name__", None) or str(annotation)


def _check_ref(definition: Definition, where: str, reader: str, ref: Ref) -> None:
    contract = contract_of(definition, ref.source)
    if contract is None:
        _refuse(where, f"{reader} reads {ref.text()}, but {ref.source} has no result")
    if field_type(contract, ref.path) is None:
        known = ", ".join(contract.model_fields)
        _refuse(where, f"{reader} reads {ref.text()}, but {contract.__name__} has no such field (known: {known})")


def _may_be_empty(definition: Definition, node: Node, ref: Ref) -> bool:
    """Whether a field can be None when the node reads it; a node with its own condition is trusted to know."""
    contract = contract_of(definition, ref.source)
    skipped = may_be_missing(definition, ref.source) and node.when is None
    return skipped or (contract is not None and may_be_none(contract, ref.path))


def _check_event_field(definition: Definition, node: Node, name: str, ref: Ref) -> None:
    assert node.event is not None
    if name not in node.event.model_fields:
        _refuse(node.where, f"{node.event.__name__} has no field {name!r}")
    contract = contract_of(definition, ref.source)
    given, wanted = field_type(contract, ref.path) if contract else None, field_type(node.event, (name,))
    if without_none(given) is not without_none(wanted) and without_none(given) != without_none(wanted):
        _refuse(
            node.where,
            f"{node.event.__name__}.{name} wants {type_name(wanted)}, but {ref.text()} is {type_name(given)}",
        )
    if _may_be_empty(definition, node, ref) and not accepts_none(wanted):
        _refuse(node.where, f"{node.event.__name__}.{name} may not be empty, but {ref.text()} may be")


def _check_rule(definition: Definition, where: str, rule: Rule) -> None:
    match rule:
        case Compare():
            _check_compare(definition, where, rule)
        case All(parts) | AnyOf(parts):
            for part in parts:
                _check_rule(definition, where, part)
        case Not(part):
            _check_rule(definition, where, part)


def _check_compare(definition: Definition, where: str, rule: Compare) -> None:
    """Both sides are numbers, texts or truth values, and of the same kind: anything else fails only when it runs."""
    if rule.right is None:
        if rule.operator not in ("==", "!="):
            _refuse(where, f"{rule.text()}: nothing is smaller or greater than none")
        return
    left = _kind_of_field(definition, rule.left)
    choices = rule.right if rule.operator == "in" else (rule.right,)
    for choice in choices:
        right = _kind_of_field(definition, choice) if isinstance(choice, Ref) else _kind_of_value(choice)
        if "" in (left, right):
            _refuse(where, f"{rule.text()}: rules compare numbers, texts and truth values only")
        if left != right:
            _refuse(where, f"{rule.text()} compares a {left} with a {right}")


def _kind_of_field(definition: Definition, ref: Ref) -> str:
    contract = contract_of(definition, ref.source)
    return _kind_of_type(field_type(contract, ref.path)) if contract else ""


def _kind_of_type(annotation: Any) -> str:
    """What a type becomes as JSON, which is what rules compare; empty for what they cannot."""
    one = without_none(annotation)
    if get_origin(one) in (Union, types.UnionType):
        return _only({_kind_of_type(part) for part in get_args(one) if part is not type(None)})
    if get_origin(one) is Literal:
        return _only({_kind_of_value(value) for value in get_args(one)})
    if not isinstance(one, type):
        return ""
    if issubclass(one, Enum):
        return _only({_kind_of_value(member.value) for member in one})
    if issubclass(one, bool):
        return "truth value"
    if issubclass(one, int | float):
        return "number"
    return "text" if issubclass(one, str) else ""


def _kind_of_value(value: Any) -> str:
    return _kind_of_type(type(value))


def _only(kinds: set[str]) -> str:
    return kinds.pop() if len(kinds) == 1 else ""


def _refuse(where: str, sentence: str) -> typing.NoReturn:
    raise DefinitionError(sentence, where=where)
