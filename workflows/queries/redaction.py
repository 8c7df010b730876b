"""Masks personal fields for readers without the right to see them, wherever payloads leave the process.

The contracts say which fields are personal. What no contract describes is masked as a whole: fail closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from workflows.dsl.contracts import personal_paths
from workflows.dsl.definition import Definition, Node
from workflows.dsl.rules import Ref

MASK = "•••"


def masked(body: Any, paths: Iterable[str]) -> Any:
    """A copy of JSON data with the values at the dotted paths masked; items of lists count as `lines.name`."""
    groups: dict[str, list[str]] = {}
    for path in paths:
        head, _, rest = path.partition(".")
        groups.setdefault(head, []).append(rest)
    return _mask(body, groups)


def _mask(body: Any, groups: Mapping[str, list[str]]) -> Any:
    if isinstance(body, list):
        return [_mask(item, groups) for item in body]
    if not isinstance(body, Mapping):
        return body
    return {name: _hidden(value, groups[name]) if name in groups else value for name, value in body.items()}


def _hidden(value: Any, below: list[str]) -> Any:
    """A value that is personal itself (an empty path) or holds something personal."""
    if "" in below:
        return None if value is None else MASK
    return masked(value, below)


def of_contract(body: Any, contract: type[BaseModel] | None) -> Any:
    """A payload of this contract without its personal fields; without a contract nothing is shown."""
    if contract is None:
        return None if body is None else MASK
    return masked(body, personal_paths(contract))


def of_message(body: Any, contract: type[BaseModel] | None) -> Any:
    """What came from outside, as far as the contract describes it: what breaks the contract is not shown at all."""
    if contract is None:
        return MASK
    try:
        read = contract.model_validate(body)
    except ValidationError:
        return MASK
    return of_contract(read.model_dump(mode="json"), contract)


def rule(definition: Definition, node: Node | None, text: str) -> str:
    """A rule with the operands that decided (`order.total > 1000 is true (1200)`), without personal ones."""
    if node is None:
        return MASK if text else text
    rules = [one for one in (node.when, *(way for _, way in node.choices)) if one is not None]
    if not any(is_personal(definition, ref) for one in rules for ref in one.refs()):
        return text
    for verdict in ("true", "false"):
        if node.when is not None and text.startswith(f"{node.when.text()} is {verdict} ("):
            return f"{node.when.text()} is {verdict} ({MASK})"
    return MASK if text else text


def attributes(definition: Definition | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """An instance's attributes without the personal ones; all are masked when no code knows the workflow."""
    if definition is None:
        return dict.fromkeys(values, MASK)
    return dict(masked(values, personal_paths(definition.contract)))


def is_personal_attribute(definition: Definition, name: str) -> bool:
    """Whether this attribute of the instances is personal."""
    return _covers(personal_paths(definition.contract), name)


def extracted(definition: Definition, source: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that an event keeps of a result, by dotted path, without the personal ones."""
    personal = _personal(definition, source)
    return {path: MASK if _covers(personal, path) and value is not None else value for path, value in values.items()}


def is_personal(definition: Definition, ref: Ref | None) -> bool:
    """Whether what the reference reads is personal."""
    return ref is not None and _covers(_personal(definition, ref.source), ref.field)


def _personal(definition: Definition, source: str) -> frozenset[str]:
    if source == definition.given:
        return personal_paths(definition.contract)
    node = definition.by_name.get(source)
    return personal_paths(node.output) if node is not None and node.output is not None else frozenset()


def _covers(personal: frozenset[str], path: str) -> bool:
    """Whether the path is personal, lies inside something personal, or holds something personal."""
    return any(path == one or path.startswith(f"{one}.") or one.startswith(f"{path}.") for one in personal)
