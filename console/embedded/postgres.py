"""The embedded PostgreSQL: made once, run as a child on a private socket, with an owner and an application role."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from console.embedded.accounts import rights
from console.embedded.errors import EmbeddedError
from console.embedded.places import Places
from console.embedded.processes import Program

DATABASE = "watchkeeper"
SUPERUSER = "postgres"
#: owns the tables and migrates them
OWNER = "watchkeeper_owner"
#: what every process runs as; `manage.py grant_rights` says what it may do
APPLICATION = "watchkeeper_app"

INITDB = (
    *("-U", SUPERUSER, "--auth=reject", "--encoding=UTF8", "--no-instructions"),
    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
)
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "256MB",
    "max_connections": "200",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    # Dead rows of hot tables cost claims more than vacuuming them does.
    "autovacuum_naptime": "10s",
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.05",
    "autovacuum_vacuum_cost_limit": "1000",
    "jit": "off",
    "logging_collector": "off",
    "log_timezone": "UTC",
    "log_lock_waits": "on",
    "log_min_duration_statement": "1s",
}
ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/bin:/bin"}


@dataclass(frozen=True)
class Cluster:
    """One embedded PostgreSQL; `create` it, run `program`, then `furnish` it."""

    places: Places
    #: differences from `SETTINGS`, for tests that need no durability
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def program(self) -> Program:
        """SIGINT is a fast shutdown; SIGQUIT, if we are killed, an immediate one that loses no commit."""
        wanted = SETTINGS | dict(self.settings)
        options = [word for name, value in wanted.items() for word in ("-c", f"{name}={value}")]
        return Program(
            name="postgres",
            argv=(
                str(self.places.bin / "postgres"),
                "-D",
                str(self.places.data),
                "-k",
                str(self.places.sockets),
                *options,
            ),
            env=ENVIRONMENT,
            user=self.places.user,
            stop_signal=signal.SIGINT,
            orphan_signal=signal.SIGQUIT,
            grace_seconds=15,
            is_service=True,
        )

    def url(self, role: str, database: str = DATABASE) -> str:
        """A URL that psycopg and Django understand alike."""
        return f"postgresql://{role}@/{database}?host={quote(str(self.places.sockets), safe='/')}"

    def create(self) -> None:
        """Make the data directory if there is none. Raises `EmbeddedError` for one of another major version."""
        data = self.places.data
        if (data / "PG_VERSION").exists():
            self._refuse_other_version()
        else:
            self._initialise()
        self._write_access_rules()

    def answers(self) -> bool:
        """Whether it accepts connections."""
        try:
            psycopg.connect(self.url(SUPERUSER, "postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def furnish(self) -> None:
        """Create the two roles and the database where they are missing."""
        with psycopg.connect(self.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            for role in (OWNER, APPLICATION):
                if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                    connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER))
                )

    def is_migrated(self) -> bool:
        """Whether migrations ever ran here."""
        with psycopg.connect(self.url(OWNER)) as connection:
            row = connection.execute("SELECT to_regclass('django_migrations') IS NOT NULL").fetchone()
        return bool(row and row[0])

    def _initialise(self) -> None:
        """`initdb` beside the final place, moved there when whole: an interrupted one is never taken for real."""
        new = self.places.data.with_name(self.places.data.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        them = rights(self.places.user)
        if them.user is not None and them.group is not None:
            os.chown(new, them.user, them.group)
        quick = ["--no-sync"] if dict(self.settings).get("fsync") == "off" else []
        done = subprocess.run(
            [str(self.places.bin / "initdb"), "-D", str(new), *INITDB, *quick],
            env=ENVIRONMENT,
            cwd="/",
            user=them.user,
            group=them.group,
            extra_groups=them.extra_groups,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise EmbeddedError(f"PostgreSQL's initdb failed:\n{done.stderr.strip()}")
        new.replace(self.places.data)

    def _refuse_other_version(self) -> None:
        have = (self.places.data / "PG_VERSION").read_text().strip()
        asked = subprocess.run(
            [str(self.places.bin / "postgres"), "--version"], capture_output=True, text=True, check=True, cwd="/"
        )
        offered = asked.stdout.split()[-1].partition(".")[0]
        if have != offered:
            raise EmbeddedError(
                f"{self.places.data} was made by PostgreSQL {have}, but PostgreSQL {offered} is installed. "
                f"Dump the data with version {have} and restore it, or choose another --data-dir."
            )

    def _write_access_rules(self) -> None:
        """The kernel vouches for who connects through the socket; only our own account gets in, as any role."""
        ours = pwd.getpwuid(os.geteuid()).pw_name
        _replace(self.places.data / "pg_hba.conf", "local all all peer map=us\n")
        _replace(self.places.data / "pg_ident.conf", f'us "{ours}" all\n')


def _replace(path: Path, text: str) -> None:
    """Overwrite in place: the file keeps its owner."""
    with path.open("w") as file:
        file.write(text)
