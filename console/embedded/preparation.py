"""Brings a database up to date: tables as their owner, rights for the application, people for the demo."""

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


def preparations(env: Mapping[str, str], *, url: str = "") -> list[Program]:
    """Migrate, grant and, in the demo, create its users; each is safe to repeat. `env` has both database URLs."""
    owner = env.get("DATABASE_OWNER_URL", "")
    as_owner = {**env, "DATABASE_URL": owner or env["DATABASE_URL"]}
    steps = [manage("migrate", "migrate", "--no-input", env=as_owner)]
    if owner:
        steps.append(manage("grant_rights", "grant_rights", env=as_owner))
    if env.get("DEMO") == "1":
        steps.append(manage("demo_users", "demo_users", *(["--url", url] if url else []), env=env))
    return steps


def prepare(env: Mapping[str, str]) -> None:
    """All of it, one after the other. Raises `EmbeddedError` with what the failing step said."""
    for step in preparations(env):
        done = subprocess.run(step.argv, env=dict(step.env), cwd=step.cwd, capture_output=True, text=True, check=False)
        if done.returncode:
            raise EmbeddedError(f"`manage.py {step.name}` failed:\n{done.stdout}{done.stderr}")
