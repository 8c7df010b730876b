"""What was released stays as it was: the description of every released version is kept here word for word."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from workflows import checks, registry
from workflows.dsl.describe import as_text

GOLDEN = Path(__file__).parent / "golden"
RELEASED = [("order", 1), ("order", 2), ("return", 1)]


@pytest.mark.parametrize(("name", "version"), RELEASED)
def test_a_released_version_reads_as_on_the_day_it_was_released(name: str, version: int) -> None:
    kept = (GOLDEN / f"{name}-{version}.txt").read_text()

    assert as_text(registry.find(name, version)) == kept, "declare a new version instead of changing a released one"


def test_the_checks_find_nothing_wrong_with_what_is_declared() -> None:
    assert checks.definitions_load() == []


def written(folder: Path, content: Any) -> Path:
    path = folder / "released.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_released_version_that_changed_is_refused_with_its_place(tmp_path: Path) -> None:
    (problem,) = checks.judge(written(tmp_path, {"order": {"1": "0" * 64}}))

    assert problem.id == "workflows.E002"
    assert "order_v1.py:" in problem.msg
    assert "version 2" in str(problem.hint)


def test_a_released_version_that_is_gone_is_refused(tmp_path: Path) -> None:
    (problem,) = checks.judge(written(tmp_path, {"order": {"7": "0" * 64}}))

    assert problem.id == "workflows.E003"


@pytest.mark.parametrize("content", ["{", {"order": ["1"]}, {"order": {"one": "0"}}, "[]"])
def test_a_list_of_releases_that_makes_no_sense_is_named(tmp_path: Path, content: Any) -> None:
    (problem,) = checks.judge(written(tmp_path, content))

    assert problem.id == "workflows.E004"
    assert str(tmp_path) in problem.msg


def test_an_app_without_releases_is_left_alone(tmp_path: Path) -> None:
    assert list(checks.judge(tmp_path / "released.json")) == []


def described(*arguments: str) -> str:
    out = StringIO()
    call_command("describe", *arguments, stdout=out)
    return out.getvalue()


def test_a_definition_is_described_as_text_diagram_and_data() -> None:
    assert described("order") == (GOLDEN / "order-2.txt").read_text()
    assert described("order", "--format", "mermaid").startswith("flowchart LR\n")
    assert json.loads(described("order", "--version", "1", "--format", "json"))["name"] == "order"


def test_what_nobody_declared_is_said_with_what_exists() -> None:
    with pytest.raises(CommandError, match=r"known: .*order"):
        described("ordr")
    with pytest.raises(CommandError, match=r"no version 9 of order \(known: 1, 2\)"):
        described("order", "--version", "9")
