"""The real web process in a thread of the test: pages and websockets on a free port, on the test's database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from asgiref.sync import SyncToAsync
from django.db import DEFAULT_DB_ALIAS, connections

from tests.waiting import wait_until


@contextmanager
def serving(port: int = 0) -> Iterator[str]:
    """Serve until the block ends, on any free port if none is named; yields the base address."""
    from console.asgi import application

    # Each request has a thread of its own, which ends with it; its connection must not outlive it.
    database = connections.settings[DEFAULT_DB_ALIAS]
    kept, database["CONN_MAX_AGE"] = database["CONN_MAX_AGE"], 0
    config = uvicorn.Config(
        application, host="127.0.0.1", port=port, lifespan="off", log_config=None, ws="websockets-sansio",
        timeout_graceful_shutdown=2,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="webserver", daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started, "the web server has started")
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        SyncToAsync.single_thread_executor.submit(connections.close_all).result(timeout=10)
        database["CONN_MAX_AGE"] = kept
