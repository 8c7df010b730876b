"""Brings a database up to date: as the owner of its tables."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from console.embedded.errors import EmbeddedError
from console.embedded.processes import Program

PROJECT = Path(__file__).resolve().parent.parent.parent


def manage(name: str, *words: str, env: Mapping[str, str], may_finish: bool = False) -> Program:
    """A management command as a program; `name` is what people see and what its log is called."""
    argv = (sys.executable, str(PROJECT / "manage.py"), *words)
    return Program(name, argv, {**env, "WATCHKEEPER_PROCESS": name}, cwd=PROJECT, may_finish=may_finish)


def preparation(env: Mapping[str, str], *, url: str = "") -> Program:
    """`manage.py install` as the owner of the tables. `env` has both database URLs, or one for everything."""
    as_owner = {**env, "DATABASE_URL": env.get("DATABASE_OWNER_URL") or env["DATABASE_URL"]}
    return manage("install", "install", *(["--url", url] if url else []), env=as_owner)


def prepare(env: Mapping[str, str]) -> None:
    """The same, at once. Raises `EmbeddedError` with what it said when it failed."""
    step = preparation(env)
    done = subprocess.run(step.argv, env=dict(step.env), cwd=step.cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EmbeddedError(f"The database could not be prepared:\n{done.stdout}{done.stderr}")
