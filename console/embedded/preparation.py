"""Brings a database up to date: tables as their owner, rights for the application, people for the demo."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from console.embedded.errors import EmbeddedError

PROJECT = Path(__file__).resolve().parent.parent.parent
MANAGE = (sys.executable, str(PROJECT / "manage.py"))


def prepare(env: Mapping[str, str]) -> None:
    """Migrate, grant and, in the demo, create its users. `env` has both database URLs. Safe to repeat."""
    as_owner = {**env, "DATABASE_URL": env.get("DATABASE_OWNER_URL") or env["DATABASE_URL"]}
    _run(as_owner, "migrate", "--no-input")
    if env.get("DATABASE_OWNER_URL"):
        _run(as_owner, "grant_rights")
    if env.get("DEMO") == "1":
        _run(env, "demo_users")


def _run(env: Mapping[str, str], *command: str) -> None:
    done = subprocess.run(
        [*MANAGE, *command], env=dict(env), cwd=PROJECT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise EmbeddedError(f"`manage.py {' '.join(command)}` failed:\n{done.stdout}{done.stderr}")
