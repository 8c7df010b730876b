"""The real web process in a thread of the test: pages and websockets on a free port, on the test's database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from asgiref.sync import SyncToAsync
from django.conf import settings
from django.db import connections

from tests.waiting import wait_until


@contextmanager
def serving() -> Iterator[str]:
    """Serve until the block ends; yields the base address such as `http://127.0.0.1:43210`."""
    from console.asgi import application

    config = uvicorn.Config(
        application, host="127.0.0.1", port=0, lifespan="off", log_level="error", ws="websockets-sansio",
        timeout_graceful_shutdown=2,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="webserver", daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started, "the web server has started")
        port = server.servers[0].sockets[0].getsockname()[1]
        assert "127.0.0.1" in settings.ALLOWED_HOSTS
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        # Work of websockets ran in this one thread, which would keep its connection to the test's database.
        SyncToAsync.single_thread_executor.submit(connections.close_all).result(timeout=10)
