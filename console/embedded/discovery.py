"""How a process finds the services that `up` runs on the same data directory.

The owner of the services holds an exclusive lock on `services.lock` for as long as they run, and writes their
addresses to `services.json`; a file without its lock is left over from a crash and ignored. Commands that borrow
services from another command hold a shared lock on `borrowers.lock`: the lender waits for them before it stops.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import IO

SERVICES = "services.json"
LOCK = "services.lock"
BORROWERS = "borrowers.lock"
DEMO = "demo.json"
SECRET_KEY = "secret_key"  # noqa: S105 - a file name


def discover(data_dir: Path) -> None:
    """Put the addresses of running services into the environment; what is set there already wins.

    A process with a DATABASE_URL of its own is left alone: hints of one installation must not reach another. So is
    `up`, which makes services instead of finding them.
    """
    if os.environ.get("WATCHKEEPER_PROCESS") == "up":
        return
    found = running(data_dir)
    if os.environ.get("DATABASE_URL") in {None, "", found.get("DATABASE_URL"), found.get("DATABASE_OWNER_URL")}:
        for name, value in found.items():
            os.environ.setdefault(name, value)


def running(data_dir: Path) -> dict[str, str]:
    """Environment variables that lead to the services of a running owner; empty when there is none."""
    if not is_owned(data_dir):
        return {}
    try:
        found = json.loads((data_dir / SERVICES).read_text())
    except (OSError, ValueError):
        return {}
    return {str(name): str(value) for name, value in found.items()}


def is_owned(data_dir: Path) -> bool:
    """Whether a live process owns the services of this directory."""
    try:
        with (data_dir / LOCK).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def own(data_dir: Path, who: str) -> IO[str] | None:
    """Become the owner of this directory's services until the returned file is closed; None: somebody else is."""
    file = _open(data_dir / LOCK)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    withdraw(data_dir)  # what a killed predecessor left behind
    file.truncate()
    file.write(f"{who} {os.getpid()}")
    file.flush()
    return file


def owner(data_dir: Path) -> tuple[str, str]:
    """The name and process id of who owns the services, or owned them last."""
    try:
        who, _, pid = (data_dir / LOCK).read_text().rpartition(" ")
    except OSError:
        return "", ""
    return who, pid


def borrow(data_dir: Path) -> IO[str]:
    """Ask the present owner not to stop before the returned file is closed. Waits while an owner is stopping."""
    file = _open(data_dir / BORROWERS)
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def await_borrowers(data_dir: Path) -> IO[str]:
    """Wait until nobody borrows; new borrowers wait until the returned file is closed."""
    file = _open(data_dir / BORROWERS)
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def publish(data_dir: Path, addresses: Mapping[str, str]) -> None:
    write_private(data_dir / SERVICES, json.dumps(dict(addresses), indent=1))


def withdraw(data_dir: Path) -> None:
    (data_dir / SERVICES).unlink(missing_ok=True)


def is_demo(data_dir: Path) -> bool:
    """What DEMO means when it is not set: an installation made by `up` without --no-demo, or none made yet."""
    if (data_dir / DEMO).exists():
        return True
    return not os.environ.get("DATABASE_URL") and not (data_dir / SECRET_KEY).exists()


def ensure_secret_key(data_dir: Path) -> None:
    """A random secret key for this installation, made once."""
    data_dir.mkdir(parents=True, exist_ok=True)
    if not (data_dir / SECRET_KEY).exists():
        write_private(data_dir / SECRET_KEY, secrets.token_urlsafe(48) + "\n")


def write_private(path: Path, text: str) -> None:
    """Replace the file whole, readable for its owner only."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    new.replace(path)


def _open(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+")
