"""What others wrote is stored exactly as pinned, with its licence."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from console.management.commands.vendor import check

STORED = Path(settings.BASE_DIR) / "static" / "vendor"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the vendored files that may be spoilt."""
    return Path(shutil.copytree(STORED, tmp_path / "vendor"))


def test_the_stored_files_are_exactly_the_pinned_ones(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("vendor", "--check")

    assert "exactly as pinned" in capsys.readouterr().out


def test_a_changed_file_is_named(copy: Path) -> None:
    (copy / "htmx.min.js").write_text("alert(1)")

    assert check(copy) == ["htmx.min.js differs from the pinned version."]


def test_a_missing_and_an_unlisted_file_are_named(copy: Path) -> None:
    (copy / "sprite.svg").rename(copy / "other.svg")

    assert check(copy) == [
        "other.svg is stored but not listed in vendor.json.",
        "sprite.svg is listed in vendor.json but not stored.",
    ]


def test_a_package_without_its_licence_is_named(copy: Path) -> None:
    lock = copy / "vendor.json"
    lock.write_text(lock.read_text().replace('"source": "LICENSE"', '"source": "README"', 1))

    assert check(copy) == ["htmx.org has no licence file beside it."]
