"""The declared processes as JSON data for pages and API: newest first, with every version's fingerprint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workflows import registry
from workflows.dsl.definition import Definition
from workflows.dsl.describe import as_json, fingerprint
from workflows.queries.visibility import Viewer, declared_to


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One version of a workflow. `described` is the whole definition as JSON data."""

    name: str
    version: int
    #: all versions this process has code for, oldest first
    versions: tuple[int, ...]
    title: str
    noun: str
    owner: str
    runbook: str
    fingerprint: str
    described: dict[str, Any]


def newest(viewer: Viewer) -> list[Declared]:
    """The newest version of every workflow the viewer may see, by name."""
    names = sorted({one.name for one in declared_to(viewer)})
    return [_declared(registry.newest(name)) for name in names]


def one(viewer: Viewer, name: str, version: int | None = None) -> Declared | None:
    """One version, the newest when none is named; None if there is no code for it, or not for this viewer."""
    if not viewer.may_see(name):
        return None
    try:
        return _declared(registry.newest(name) if version is None else registry.find(name, version))
    except registry.UnknownWorkflow:
        return None


def event_schema(name: str, version: int) -> dict[str, Any] | None:
    """The JSON Schema of a published event's data; None if no process publishes it in that version."""
    for definition in registry.definitions().values():
        for node in definition.nodes:
            if node.event is not None and (node.event.__name__, node.event.schema_version) == (name, version):
                return node.event.model_json_schema()
    return None


def _declared(definition: Definition) -> Declared:
    versions = tuple(sorted(version for name, version in registry.definitions() if name == definition.name))
    return Declared(
        name=definition.name,
        version=definition.version,
        versions=versions,
        title=definition.title,
        noun=definition.noun,
        owner=definition.owner,
        runbook=definition.runbook,
        fingerprint=fingerprint(definition),
        described=as_json(definition),
    )
