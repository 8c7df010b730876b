"""Runs the simulators: for good as a process, or beside a test in a thread."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from workflows.demo.simulators.app import build
from workflows.demo.simulators.misbehaviour import HANG_UP
from workflows.demo.simulators.world import Options


class AbortableProtocol(HttpToolsProtocol):
    """HTTP that lets a request close its connection without an answer, which ASGI has no word for."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"][HANG_UP] = self.transport.abort


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 picks a free one. Raises `OSError` if the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)


def server(options: Options) -> uvicorn.Server:
    config = uvicorn.Config(
        build(options),
        http=AbortableProtocol,
        lifespan="on",
        ws="none",
        access_log=False,
        log_config=None,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def serve(options: Options, sock: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM. Raises `ValueError` for an odd secret."""
    server(options).run(sockets=[sock])


@contextmanager
def serving(options: Options, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """The simulators in a thread of this process; gives their base URL, stops them at the end."""
    sock = listen(host, port)
    url = f"http://{host}:{sock.getsockname()[1]}"
    running = server(options)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [sock]}, name="simulators", daemon=True)
    thread.start()
    try:
        yield url
    finally:
        running.should_exit = True
        thread.join(10)
        sock.close()
