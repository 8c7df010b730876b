"""`manage.py up` as a person meets it: everything runs, says where, is found by commands, and is gone afterwards."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from console.embedded.valkey import free_port
from tests.platform.lineage import alive, command_of, descendants, eventually

ROOT = Path(__file__).resolve().parents[2]
#: what the test run itself uses must not leak into what is tested
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in {"DATABASE_URL", "REDIS_URL", "DATA_DIR", "DEMO", "PACE", "WEBHOOK_SECRETS", "SECRET_KEY"}
    and not name.startswith(("PYTEST", "DJANGO"))
}


class Up:
    """One run of `manage.py up` on a data directory."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--data-dir", str(data_dir), "--port", str(self.port), *options],
            cwd=ROOT,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def until(self, wanted: str) -> str:
        """What it says up to a line with these words; fails when it ends before."""
        said = ""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said += line
            if wanted in line:
                return said
        raise AssertionError(f"never said {wanted!r}:\n{said}")

    def family(self) -> set[int]:
        return descendants(self.process.pid)


def manage(data_dir: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={**ENVIRONMENT, "DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """Used by all stories of this module one after the other, as a person would. It has a blank in its name."""
    folder = Path(tempfile.mkdtemp(prefix="watchkeeper tests "))
    folder.chmod(0o755)
    yield folder / "var"
    shutil.rmtree(folder)


@pytest.fixture
def up(data_dir: Path) -> Iterator[Up]:
    running = Up(data_dir, "--workers", "1")
    yield running
    family = running.family()
    running.process.kill()
    running.process.communicate()
    assert eventually(lambda: not alive(family))


def test_one_command_runs_the_demo_and_ctrl_c_ends_it(up: Up, data_dir: Path) -> None:
    said = up.until("Ctrl-C stops everything")
    demo = json.loads((data_dir / "demo.json").read_text())

    assert f"Watchkeeper is ready: {up.url}/" in said
    assert demo["users"]["operator"]["token"] in said
    assert stat.S_IMODE((data_dir / "demo.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((data_dir / "services.json").stat().st_mode) == 0o600
    assert demo["url"] == f"{up.url}/"
    assert httpx.get(f"{up.url}/readyz").json()["degraded"] == []
    assert eventually(lambda: _answers(f"{demo['simulators_url']}ledger"))

    assert (examined := manage(data_dir, "doctor")).returncode in {0, 1}  # workers may still be starting
    assert "ok    database" in examined.stdout
    assert "ok    redis" in examined.stdout

    family = up.family()
    up.process.send_signal(signal.SIGINT)
    up.until("stopped")
    assert up.process.wait(30) == 0
    assert alive(family) == set()
    assert not (data_dir / "services.json").exists()


def test_a_second_up_on_the_same_data_is_refused(up: Up, data_dir: Path) -> None:
    up.until("PostgreSQL")

    refused = manage(data_dir, "up", "--port", str(free_port()))

    assert refused.returncode == 1
    assert f"already runs on {data_dir} (process {up.process.pid})" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_killed_worker_comes_back_and_a_killed_up_leaves_nothing(up: Up) -> None:
    up.until("Ctrl-C stops everything")
    worker = next(pid for pid in up.family() if "--hostname worker-1" in command_of(pid))

    os.kill(worker, signal.SIGKILL)
    up.until("worker-1 runs again")
    family = up.family()
    up.process.kill()

    assert len(family) > 5
    assert eventually(lambda: not alive(family))


def test_a_command_without_up_starts_the_database_for_itself(data_dir: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", "print('here', flush=True); input()"],
        cwd=ROOT,
        env={**ENVIRONMENT, "DATA_DIR": str(data_dir)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert first.stdout is not None
    assert first.stdout.readline() == "here\n"
    family = descendants(first.pid)
    assert any("postgres" in command_of(pid) for pid in family)

    second = manage(
        data_dir, "shell", "-v", "0", "-c", "from django.db import connection as c; c.cursor(); print('too')"
    )

    assert (second.returncode, second.stdout) == (0, "too\n"), second.stderr
    first.communicate("\n", timeout=30)
    assert first.returncode == 0
    assert alive(family) == set()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--host", "0.0.0.0"], "The demo has public passwords"),
        (["--port", "0"], "--port must be between"),
        (["--workers", "0"], "--workers must be at least 1"),
    ],
)
def test_an_odd_wish_is_refused_with_a_sentence(options: list[str], sentence: str, tmp_path: Path) -> None:
    refused = manage(tmp_path, "up", *options)

    assert refused.returncode == 1
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.HTTPError:
        return False
