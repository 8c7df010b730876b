"""The page about security names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_test_that_the_page_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)`", (ROOT / "docs" / "security.md").read_text())

    assert len(named) > 15
    assert [path for path in named if not (ROOT / path).is_file()] == []


def test_every_test_of_security_is_named() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    here = {f"tests/security/{path.name}" for path in Path(__file__).parent.glob("test_*.py")}

    assert {path for path in here if path not in page} == {"tests/security/test_document.py"}
