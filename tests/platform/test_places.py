"""The embedded PostgreSQL finds a place its account can reach, and refuses what it must not touch."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.embedded import places
from console.embedded.accounts import rights, unprivileged
from console.embedded.errors import EmbeddedError
from console.embedded.postgres import Cluster

ROOT_RUNS_THIS = os.geteuid() == 0


@pytest.fixture
def hidden(tmp_path: Path) -> Iterator[Path]:
    """A directory only we may enter, as /root is, and whatever was put elsewhere because of it."""
    tmp_path.chmod(0o700)
    data_dir = tmp_path / "var"
    yield data_dir
    for base in (places.SHORT, places.LASTING):
        shutil.rmtree(base / places.label(data_dir), ignore_errors=True)


def test_what_the_servers_account_cannot_reach_moves_elsewhere(hidden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = places.copy_installation(places.wheel_binaries(), hidden.parent / "site-packages")
    monkeypatch.setattr(places, "wheel_binaries", lambda: installed)

    found = places.choose(hidden)

    refuge = places.LASTING / places.label(hidden)
    assert found.data.parent == (refuge if ROOT_RUNS_THIS else hidden)
    assert found.bin.is_relative_to(refuge if ROOT_RUNS_THIS else installed)
    assert places.may_run(unprivileged(), found.bin / "initdb")
    assert places.may_run(unprivileged(), found.bin / "postgres")
    assert places.choose(hidden) == found


def test_a_directory_somebody_else_prepared_is_refused(hidden: Path, tmp_path: Path) -> None:
    trap = places.SHORT / places.label(hidden)
    trap.symlink_to(tmp_path)

    with pytest.raises(EmbeddedError, match="belongs to somebody else"):
        places.choose(hidden)

    trap.unlink()


def test_data_of_another_major_version_is_refused_with_what_to_do(tmp_path: Path) -> None:
    data = tmp_path / "postgres"
    data.mkdir()
    (data / "PG_VERSION").write_text("14\n")
    cluster = Cluster(places.Places(places.wheel_binaries(), data, tmp_path, None))

    with pytest.raises(EmbeddedError, match=r"made by PostgreSQL 14, but PostgreSQL 18 is installed\. Dump the data"):
        cluster.create()


def test_the_servers_account_has_no_rights_of_ours() -> None:
    them = rights(unprivileged())

    done = subprocess.run(
        ["/bin/sh", "-c", "id -u; id -G"],
        user=them.user,
        group=them.group,
        extra_groups=them.extra_groups,
        capture_output=True,
        text=True,
        check=True,
    )

    uid, groups = done.stdout.splitlines()
    assert uid != "0"
    assert "0" not in groups.split()
