"""Rules of the house that no linter knows: every module says what it is for, and new thought joins its contract."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(
    path
    for package in ("console", "workflows", "breakers", "approvals", "benchmarks", "tests")
    for path in (ROOT / package).rglob("*.py")
    if path.read_text().strip() and "migrations" not in path.parts
)
#: modules that must stay free of clock, settings, rows and wires as soon as they exist
THOUGHT = (
    "workflows.core", "workflows.dsl", "breakers.machine", "breakers.window", "breakers.policies", "approvals.rules",
)  # fmt: skip


def test_every_module_begins_with_what_it_is_for() -> None:
    silent = [path for path in MODULES if not ast.get_docstring(ast.parse(path.read_text()))]

    assert silent == []


def test_thought_is_bound_by_the_purity_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    bound = next(contract["source_modules"] for contract in contracts if contract["id"] == "purity")
    existing = {name for name in THOUGHT if _exists(name)}

    assert existing == set(bound)


def _exists(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").exists()
