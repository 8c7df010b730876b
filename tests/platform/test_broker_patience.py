"""A worker whose broker went away comes back soon after the broker does."""

from __future__ import annotations

import socket
from contextlib import suppress

from kombu.exceptions import OperationalError

from console.celery import app


class Enough(Exception):
    """The test has seen what it wanted."""


def test_a_lost_broker_is_tried_again_every_second_however_long_it_is_away() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        connection = app.connection_for_read(f"redis://127.0.0.1:{nobody.getsockname()[1]}/0")
        pauses: list[float] = []

        def noted(error: Exception, pause: float) -> None:
            pauses.append(pause)
            if len(pauses) == 4:
                raise Enough

        with suppress(Enough, OperationalError):
            connection.ensure_connection(noted, 2)

    assert pauses == [1, 1, 1, 1]
