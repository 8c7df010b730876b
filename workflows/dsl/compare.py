"""Says what differs between two versions of a workflow: steps added, removed, or changed part by part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workflows.dsl.definition import Definition
from workflows.dsl.describe import as_json

#: parts of a definition that follow from others, that differ in every version, or that are but wording
_FOLLOWS = frozenset({"version", "title", "steps", "when_compensating", "edges", "statuses"})
Described = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a step, as text; empty where a version does not have it."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A step both versions have, and its parts that differ."""

    step: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """What the later version does otherwise, in its own order; `beside` names what differs outside of steps."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[Changed, ...]
    beside: tuple[str, ...]


def differences(earlier: Definition, later: Definition) -> Differences:
    """What was added, removed and changed. Alerts of a correction count as steps; functions are told apart by name."""
    before, after = as_json(earlier), as_json(later)
    old, new = _steps(before), _steps(after)
    changed = (Changed(name, _parts(old[name], new[name])) for name in new if name in old)
    return Differences(
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        changed=tuple(one for one in changed if one.parts),
        beside=tuple(name for name in after if name not in _FOLLOWS and before[name] != after[name]),
    )


def _steps(described: Described) -> dict[str, Described]:
    return {step["name"]: step for step in (*described["steps"], *described["when_compensating"])}


def _parts(old: Described, new: Described) -> tuple[Part, ...]:
    return tuple(
        Part(name, _text(old.get(name)), _text(new.get(name)))
        for name in dict.fromkeys((*new, *old))
        if old.get(name) != new.get(name)
    )


def _text(value: Any) -> str:
    """The part for people: lists with commas, contracts with their fields."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value))
        case {"name": name, "fields": fields}:
            return f"{name} ({', '.join(fields)})"
        case dict():
            return ", ".join(f"{name}: {one}" for name, one in value.items())
        case _:
            return str(value)
