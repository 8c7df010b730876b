"""Typed inputs and outputs of steps: what may come in, what goes out, and which fields are about a person."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict


class Contract(BaseModel):
    """A frozen record that refuses unknown fields. Base of inputs, outputs and callback answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Event(Contract):
    """A published milestone; `schema_version` grows with every change of its fields."""

    schema_version: typing.ClassVar[int] = 1


class Decision(Contract):
    """What came of an approval: by whom (the last vote, empty for a time-out), and what they said."""

    approved: bool
    by: str
    comment: str


class Choice(Contract):
    """Which way a `choose` took."""

    choice: str


class Personal:
    """Marks a field about a person: `customer_id: Annotated[str, Personal()]`. Masked without the right to read it."""


def field_type(contract: type[BaseModel], path: tuple[str, ...]) -> Any:
    """The annotation at a dotted path, or None when the contract has no such field."""
    current: Any = contract
    for part in path:
        current = without_none(current)
        if not (isinstance(current, type) and issubclass(current, BaseModel)) or part not in current.model_fields:
            return None
        current = current.model_fields[part].annotation
    return current


def accepts_none(annotation: Any) -> bool:
    """Whether None is a legal value of the annotation."""
    return annotation is None or annotation is type(None) or annotation is Any or type(None) in get_args(annotation)


def may_be_none(contract: type[BaseModel], path: tuple[str, ...]) -> bool:
    """Whether None is a legal value anywhere along a dotted path."""
    return any(accepts_none(field_type(contract, path[: length + 1])) for length in range(len(path)))


def without_none(annotation: Any) -> Any:
    """The annotation without its `| None` and without marks."""
    if get_origin(annotation) is Annotated:
        return without_none(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [part for part in get_args(annotation) if part is not type(None)]
        if len(rest) == 1:
            return without_none(rest[0])
    return annotation


def personal_paths(contract: type[BaseModel]) -> frozenset[str]:
    """Dotted paths of the fields marked `Personal`; items of lists count as `lines.name`.

    What has no such path is personal as a whole: a record that may hold itself, records below keys nobody knows.
    """
    return _personal_paths(contract, ())


def _personal_paths(contract: type[BaseModel], above: tuple[type[BaseModel], ...]) -> frozenset[str]:
    found: set[str] = set()
    for name, info in contract.model_fields.items():
        inner = set(_records(info.annotation))
        below = {path for one in inner - {*above, contract} for path in _personal_paths(one, (*above, contract))}
        entire = _is_marked(info.annotation) or any(isinstance(mark, Personal) for mark in info.metadata)
        entire = entire or bool(inner & {*above, contract}) or bool(below and _is_keyed(info.annotation))
        for spelled in {name, info.alias, info.validation_alias, info.serialization_alias}:
            if isinstance(spelled, str):
                found |= {spelled} if entire else {f"{spelled}.{path}" for path in below}
    return frozenset(found)


def _is_marked(annotation: Any) -> bool:
    """Whether `Personal` stands anywhere in the annotation, for example inside of a list or an option."""
    marks = annotation.__metadata__ if get_origin(annotation) is Annotated else ()
    return any(isinstance(mark, Personal) for mark in marks) or any(map(_is_marked, get_args(annotation)))


def _is_keyed(annotation: Any) -> bool:
    """Whether the annotation holds values under keys that the contract does not name."""
    origin = get_origin(annotation)
    return (isinstance(origin, type) and issubclass(origin, Mapping)) or any(map(_is_keyed, get_args(annotation)))


def _records(annotation: Any) -> Iterator[type[BaseModel]]:
    """Every contract inside of the annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _records(part)


def extract(body: Any, path: tuple[str, ...]) -> Any:
    """The JSON value at a path of a JSON-like body, or None."""
    for part in path:
        if not isinstance(body, dict):
            return None
        body = body.get(part)
    return body
