"""Gives a management command what it needs before settings are read: a database, a secret key, the right role."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from console.embedded import discovery
from console.embedded.errors import EmbeddedError
from console.embedded.places import choose, tidy
from console.embedded.postgres import APPLICATION, OWNER, Cluster
from console.embedded.preparation import prepare
from console.embedded.processes import Child, start, stop, wait_until

#: commands that never look at the database
WITHOUT_DATABASE = frozenset(
    {
        *("check", "collectstatic", "compilemessages", "describe", "diffsettings", "findstatic", "help"),
        *("makemessages", "makemigrations", "simulators", "vendor", "version"),
    }
)
#: commands that change tables or rights, and so run as their owner
AS_OWNER = frozenset(
    {
        *("dbshell", "flush", "grant_rights", "inspectdb", "install", "migrate", "optimizemigration"),
        *("showmigrations", "sqlmigrate", "squashmigrations"),
    }
)
#: how long to wait for another command that is starting or stopping the same database
PATIENCE = 60.0


@contextmanager
def services_for(argv: list[str]) -> Iterator[None]:
    """Set the environment for this command; a database started for it alone stops when it ends."""
    command = argv[0] if argv else "help"
    try:
        if command == "up":
            os.environ["WATCHKEEPER_PROCESS"] = "up"
            _heed_options(argv[1:])
            yield
        elif os.environ.get("DATABASE_URL"):
            yield
        elif command.startswith("-") or command in WITHOUT_DATABASE or {"-h", "--help"} & set(argv):
            _lend_secret_key()
            yield
        else:
            with _database(_data_dir(), command):
                yield
    except EmbeddedError as error:
        sys.exit(f"{error}")


def _data_dir() -> Path:
    return Path(os.environ.get("DATA_DIR") or "var").absolute()


def _heed_options(argv: list[str]) -> None:
    """`up` decides where the data is and whether this is a demo, which the settings need to know first."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--data-dir")
    parser.add_argument("--no-demo", action="store_true")
    options, _ = parser.parse_known_args(argv)
    if options.data_dir:
        os.environ["DATA_DIR"] = str(Path(options.data_dir).absolute())
    os.environ["DEMO"] = "0" if options.no_demo else "1"
    if not os.environ.get("SECRET_KEY") and not {"-h", "--help"} & set(argv):
        discovery.ensure_secret_key(_data_dir())
    _lend_secret_key()


def _lend_secret_key() -> None:
    """A key for the length of this command, where the installation has none."""
    if not os.environ.get("SECRET_KEY") and not (_data_dir() / discovery.SECRET_KEY).exists():
        os.environ["SECRET_KEY"] = secrets.token_urlsafe(48)


@contextmanager
def _database(data_dir: Path, command: str) -> Iterator[None]:
    """Use the services that run on this data directory, or be the one who starts the database."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if lock := discovery.own(data_dir, command):
            with lock, _own_database(data_dir, command):
                yield
            return
        with discovery.borrow(data_dir):
            if addresses := discovery.running(data_dir):
                _use(addresses, command)
                yield
                return
        time.sleep(0.1)
    raise EmbeddedError(f"Another process is starting or stopping the database in {data_dir}; it takes too long.")


@contextmanager
def _own_database(data_dir: Path, command: str) -> Iterator[None]:
    """The database for the length of this command; others may borrow it meanwhile. There is no Redis."""
    demo = discovery.is_demo(data_dir)
    discovery.ensure_secret_key(data_dir)
    cluster = Cluster(choose(data_dir))
    cluster.create()
    child = _started(cluster, data_dir / "logs")
    try:
        cluster.furnish()
        addresses = {
            "DATABASE_URL": cluster.url(APPLICATION),
            "DATABASE_OWNER_URL": cluster.url(OWNER),
            "DEMO": "1" if demo else "0",
        }
        if command not in AS_OWNER and not cluster.is_migrated():
            print("Preparing the database, once.", file=sys.stderr)
            prepare({**os.environ, **addresses})
        discovery.publish(data_dir, addresses)
        _use(addresses, command)
        yield
    finally:
        with discovery.await_borrowers(data_dir):
            discovery.withdraw(data_dir)
            stop(child)
            tidy(cluster.places)


def _started(cluster: Cluster, logs: Path) -> Child:
    """The running server. One that a killed predecessor left stopping is given the time to finish."""
    for _ in range(30):
        child = start(cluster.program, logs)
        if wait_until(partial(_settled, child, cluster), 60):
            if child.process.poll() is None:
                return child
            time.sleep(0.5)
            continue
        break
    stop(child)
    raise EmbeddedError(f"PostgreSQL does not start. Its log ends with:\n{child.last_words()}")


def _settled(child: Child, cluster: Cluster) -> bool:
    return child.process.poll() is not None or cluster.answers()


def _use(addresses: Mapping[str, str], command: str) -> None:
    for name, value in addresses.items():
        os.environ.setdefault(name, value)
    if command in AS_OWNER:
        os.environ["DATABASE_URL"] = addresses["DATABASE_OWNER_URL"]
