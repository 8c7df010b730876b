"""Looks at every definition before a process starts: it must load, and what was released must not have changed.

An app that releases a version writes its fingerprint into `released.json` beside its `flows.py`:
`{"order": {"1": "e8fe8e…"}}`. Running instances keep their version, so a released one is never edited; a change is a
new class with the next version.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error, register

from workflows import registry
from workflows.dsl import DefinitionError
from workflows.dsl.describe import fingerprint

RELEASED = "released.json"


@register("workflows")
def definitions_load(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """workflows.E001: a definition is wrong, with file, line and what to write instead."""
    try:
        registry.definitions()
    except DefinitionError as error:
        return [Error(str(error), id="workflows.E001")]
    return released_unchanged()


def released_unchanged() -> list[CheckMessage]:
    """workflows.E002: a released version was edited. E003: it is gone. E004: `released.json` cannot be understood."""
    return [message for folder in _folders() for message in judge(folder / RELEASED)]


def _folders() -> Iterator[Path]:
    for config in apps.get_app_configs():
        spec = find_spec(f"{config.name}.flows")
        if spec is not None and spec.origin is not None:
            yield Path(spec.origin).parent


def judge(path: Path) -> Iterator[CheckMessage]:
    """The problems of one `released.json`; none where there is no such file."""
    if not path.is_file():
        return
    try:
        released = {(name, int(version)): str(known) for name, versions in json.loads(path.read_text()).items()
                    for version, known in versions.items()}  # fmt: skip
    except (ValueError, AttributeError) as error:
        yield Error(f"{path}: {error}", hint='It looks like {"order": {"1": "fingerprint"}}.', id="workflows.E004")
        return
    for (name, version), known in released.items():
        definition = registry.definitions().get((name, version))
        if definition is None:
            hint = f"Keep its class while instances of it exist; then remove its line from {path}."
            yield Error(
                f"{name} version {version} was released and is not declared any more", hint=hint, id="workflows.E003"
            )
        elif fingerprint(definition) != known:
            hint = f"Undo the change, and declare it as version {version + 1} in a class of its own."
            changed = f"{definition.where}: {name} version {version} was released and has changed since"
            yield Error(changed, hint=hint, id="workflows.E002")
