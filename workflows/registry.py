"""Which processes exist: every installed app's `flows.py`, discovered like `admin.py`, by name and version."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec

from django.apps import apps

from workflows.dsl import Definition, DefinitionError, Workflow


class UnknownWorkflow(LookupError):
    """No installed app declares this workflow, or not in this version."""


@cache
def definitions() -> dict[tuple[str, int], Definition]:
    """Every declared definition by (name, version). Raises DefinitionError for the first bad or doubled one."""
    rooms = [config.name for config in apps.get_app_configs()]
    for room in rooms:
        if find_spec(f"{room}.flows") is not None:
            import_module(f"{room}.flows")
    found: dict[tuple[str, int], Definition] = {}
    for declared in _subclasses(Workflow):
        if not declared.__module__.startswith(tuple(f"{room}." for room in rooms)):
            continue  # imported from somewhere that is not installed
        definition = declared.definition
        other = found.get((definition.name, definition.version))
        if other is not None:
            raise DefinitionError(
                f"{definition.name} version {definition.version} is declared twice, also at {other.where}",
                where=definition.where,
            )
        found[definition.name, definition.version] = definition
    return found


def _subclasses(cls: type[Workflow]) -> list[type[Workflow]]:
    direct = cls.__subclasses__()
    return [*direct, *(below for one in direct for below in _subclasses(one))]


def find(name: str, version: int) -> Definition:
    """The definition of one version. Raises UnknownWorkflow."""
    try:
        return definitions()[name, version]
    except KeyError:
        raise UnknownWorkflow(f"this process has no code for {name} version {version}") from None


def newest(name: str) -> Definition:
    """The highest version of a workflow. Raises UnknownWorkflow with the names that exist."""
    versions = [definition for (known, _), definition in definitions().items() if known == name]
    if not versions:
        known = ", ".join(sorted({known for known, _ in definitions()}))
        raise UnknownWorkflow(f"there is no workflow {name!r} (known: {known})")
    return max(versions, key=lambda definition: definition.version)


@cache
def capabilities() -> tuple[str, ...]:
    """What this process has code for, as `name/version`."""
    return tuple(sorted(f"{name}/{version}" for name, version in definitions()))


@cache
def pools() -> tuple[str, ...]:
    """Every pool a declared dependency names, `default` first."""
    named = {dependency.pool for definition in definitions().values() for dependency in definition.dependencies}
    return ("default", *sorted(named - {"default"}))
