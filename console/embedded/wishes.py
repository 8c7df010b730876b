"""What `up` was asked for, and why it may have to be refused."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path

import httpx

from console.embedded.errors import EmbeddedError


@dataclass(frozen=True)
class Wishes:
    """The options of `up`, checked."""

    host: str
    port: int
    data_dir: Path
    workers: int
    demo: bool

    def __post_init__(self) -> None:
        """Raises `EmbeddedError` for what makes no sense or would be unsafe."""
        last = 65_534 if self.demo else 65_535
        if not 1 <= self.port <= last:
            raise EmbeddedError(f"--port must be between 1 and {last}.")
        if self.workers < 1:
            raise EmbeddedError("--workers must be at least 1.")
        if self.demo and not _is_loopback(self.host):
            raise EmbeddedError(
                f"The demo has public passwords and is not shown to a network: {self.host} is not a loopback address. "
                "Use --no-demo, or leave out --host."
            )

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the console."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{self.port}/"

    @property
    def simulators_port(self) -> int:
        return self.port + 1

    @property
    def simulators_url(self) -> str:
        return f"http://127.0.0.1:{self.simulators_port}"

    def refuse_taken_ports(self) -> None:
        """Raises `EmbeddedError` when somebody listens where we want to."""
        wanted = [(self.host, self.port), *([("127.0.0.1", self.simulators_port)] if self.demo else [])]
        for host, port in wanted:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((host, port))
                except OSError as error:
                    raise EmbeddedError(
                        f"Cannot listen on {host}:{port} ({error.strerror}). Choose another --port"
                        f"{' (the demo needs it and the next one)' if self.demo else ''}."
                    ) from None

    def console_is_ready(self, known_as: str) -> bool:
        """Whether /readyz answers 200 to a request that uses this host name."""
        try:
            return httpx.get(f"{self.url}readyz", headers={"Host": known_as}, timeout=5, trust_env=False).is_success
        except httpx.HTTPError:
            return False


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
