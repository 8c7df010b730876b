"""A database that goes away costs time, never an attempt and never a thread."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection

from workflows.engine import sessions, store, wire
from workflows.engine.patience import AWAY, when_back
from workflows.models import Session

pytestmark = pytest.mark.django_db(transaction=True)


#: the NoticeResponse with which a server that is stopped immediately takes its leave
FAREWELL = b"N\x00\x00\x00\x2cSWARNING\x00VWARNING\x00C57P02\x00Mstopping now\x00\x00"


@pytest.fixture(autouse=True)
def _leave_no_broken_connection_behind() -> Iterator[None]:
    yield
    connection.close()


def break_the_connection() -> None:
    """From here on the server can be neither written to nor read from."""
    connection.ensure_connection()
    with socket.socket(fileno=os.dup(connection.connection.pgconn.socket)) as wire:
        wire.shutdown(socket.SHUT_RDWR)


@contextmanager
def relayed() -> Iterator[tuple[psycopg.Connection[Any], Callable[[], None]]]:
    """A connection through a relay, and what makes the relay hang up on both sides, as a killed server does."""
    parameters = connection.get_connection_params()
    with TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/.s.PGSQL.5432")
        listener.listen()
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{parameters['host']}/.s.PGSQL.5432")
        accepted: list[socket.socket] = []

        def relay() -> None:
            client = listener.accept()[0]
            accepted.append(client)
            Thread(target=copy, args=(server, client), daemon=True).start()
            copy(client, server)

        def hang_up() -> None:
            accepted[0].sendall(FAREWELL)
            for each in (*accepted, server):
                each.shutdown(socket.SHUT_RDWR)
                each.close()

        Thread(target=relay, daemon=True).start()
        where = {"host": folder, "user": parameters["user"], "dbname": parameters["dbname"]}
        with psycopg.connect(**where, autocommit=True) as through:
            yield through, hang_up


def copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)


def test_a_connection_that_breaks_off_counts_as_the_database_being_away() -> None:
    store.run("SELECT 1", ())
    break_the_connection()

    with pytest.raises(AWAY):
        store.run("SELECT 1", ())


def test_a_server_that_hangs_up_between_two_statements_counts_as_the_database_being_away() -> None:
    with relayed() as (through, hang_up):
        wire.execute(through, "SELECT 1", ())
        hang_up()

        with pytest.raises(psycopg.OperationalError):
            wire.execute(through, "SELECT 1", ())


def test_a_server_that_hangs_up_before_a_trip_of_many_statements_leaves_no_answer_open() -> None:
    with relayed() as (through, hang_up):
        wire.execute_each(through, [("SELECT 1", ()), ("SELECT 2", ())])
        hang_up()

        try:
            answers = wire.execute_each(through, [("SELECT 1", ()), ("SELECT 2", ())])
        except psycopg.OperationalError:
            return  # nothing was sent
        assert all(isinstance(answer, psycopg.OperationalError) for answer in answers)


def test_a_statement_that_failed_for_its_own_sake_does_not_count_as_the_database_being_away() -> None:
    with pytest.raises(Exception, match="does not exist") as raised:
        store.run("SELECT * FROM no_such_table", ())

    assert not isinstance(raised.value, AWAY)


def test_what_waits_for_the_database_goes_on_with_a_new_connection() -> None:
    break_the_connection()

    assert when_back(lambda: store.run("SELECT 7", ())) == [(7,)]


def test_a_broken_connection_is_replaced_before_the_next_task() -> None:
    break_the_connection()
    with pytest.raises(OperationalError):
        store.run("SELECT 1", ())

    connection.close_if_unusable_or_obsolete()

    assert store.run("SELECT 1", ()) == [(1,)]


def test_a_session_that_could_not_be_opened_is_opened_at_the_next_try() -> None:
    sessions.end()
    break_the_connection()
    with pytest.raises(OperationalError):
        sessions.current()

    connection.close_if_unusable_or_obsolete()
    session = sessions.current()

    assert Session.objects.filter(id=session.id, ended_at=None).exists()
    sessions.end()
