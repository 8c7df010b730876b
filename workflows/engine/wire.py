"""Runs prepared statements through libpq itself, with psycopg's conversions: a quarter of the CPU that a cursor costs.

A worker's step is one statement, so what a statement costs the client is most of what the engine costs. Types, errors
and transactions are those of the connection it runs on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from select import POLLIN, POLLOUT, poll
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg import errors
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

#: Statements that one connection keeps prepared; the oldest makes room for another.
_ROOM = 300
_DONE = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)


class _Kept:
    """What is kept for the life of one connection: conversions, and the names of prepared statements by types."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        # not of the connection itself, which would then be kept alive by what is kept for it
        self.convert = Transformer(conn.adapters)
        self.names: dict[tuple[str, tuple[int, ...]], bytes] = {}
        self.made = 0


#: Whether a prepared statement keeps its first general plan. Planned anew for its parameters it would cost a worker,
#: whose statements all go by keys, more than running it does.
_keeps_plans = False
_connections: WeakKeyDictionary[psycopg.Connection[Any], _Kept] = WeakKeyDictionary()

Rows = list[tuple[Any, ...]]
#: A statement and its parameters.
Call = tuple[str, Sequence[Any]]
#: The name of a prepared statement, its parameters as libpq takes them, and their formats.
_Bound = tuple[bytes, Sequence[Any], Any]


def keep_plans() -> None:
    """Let new connections of this process plan a prepared statement once; for workers, who read no lists."""
    global _keeps_plans
    _keeps_plans = True


def execute(conn: psycopg.Connection[Any], statement: str, parameters: Sequence[Any]) -> Rows:
    """Run one statement with `$1`-style parameters and return its rows. Blocks without holding the interpreter.

    Outside a transaction it commits by itself, if the connection does so; else it begins the transaction. Raises
    psycopg's errors.
    """
    kept, libpq = _kept(conn), conn.pgconn
    bound = _bound(libpq, kept, statement, parameters)
    if not conn.autocommit and libpq.transaction_status == TransactionStatus.IDLE:
        _checked(libpq, libpq.exec_(b"BEGIN"))
    return _rows(kept, _checked(libpq, libpq.exec_prepared(*bound)))


def execute_together(conn: psycopg.Connection[Any], calls: Sequence[Call]) -> list[Rows]:
    """Run statements on one trip and as one transaction, which is durable as a whole when this returns.

    The answers come in the order of the calls. The connection must commit by itself and be outside a transaction.
    Raises the first error; nothing was committed then, or, if the connection broke (OperationalError), nobody knows.
    """
    kept, libpq = _kept(conn), conn.pgconn
    bound = [_bound(libpq, kept, *call) for call in calls]
    with _pipeline(libpq):
        for one in bound:
            libpq.send_query_prepared(*one)
        libpq.pipeline_sync()
        return _up_to_sync(libpq, kept)


def execute_each(conn: psycopg.Connection[Any], calls: Sequence[Call]) -> list[Rows | psycopg.Error]:
    """Run statements that have nothing to do with each other on one trip; each is a transaction of its own.

    The answers come in the order of the calls, an error in the place of the rows. The connection must commit by itself
    and be outside a transaction. One that breaks on the way gives an OperationalError for every call whose answer did
    not arrive: nobody knows whether those were committed.
    """
    kept, libpq = _kept(conn), conn.pgconn
    bound = [_bound_or_error(libpq, kept, *call) for call in calls]
    with _pipeline(libpq):
        for one in bound:
            if not isinstance(one, psycopg.Error):
                libpq.send_query_prepared(*one)
                libpq.pipeline_sync()
        return [one if isinstance(one, psycopg.Error) else _answer(libpq, kept) for one in bound]


@contextmanager
def _pipeline(libpq: PGconn) -> Iterator[None]:
    libpq.enter_pipeline_mode()
    try:
        yield
    finally:
        if libpq.status == ConnStatus.OK:
            libpq.exit_pipeline_mode()


def _answer(libpq: PGconn, kept: _Kept) -> Rows | psycopg.Error:
    """What one call of the pipeline led to."""
    try:
        return _up_to_sync(libpq, kept)[0]
    except psycopg.Error as error:
        return error


def _up_to_sync(libpq: PGconn, kept: _Kept) -> list[Rows]:
    """The rows of every statement up to the next sync. Raises the first error, once the sync has arrived."""
    answers: list[Rows] = []
    wrong: psycopg.Error | None = None
    while True:
        result = _arrived(libpq)
        if result is None and libpq.status == ConnStatus.BAD:
            raise psycopg.OperationalError("the connection broke before the answer came")
        if result is None or result.status == ExecStatus.PIPELINE_ABORTED:
            continue
        if result.status == ExecStatus.PIPELINE_SYNC:
            break
        try:
            answers.append(_rows(kept, _checked(libpq, result)))
        except psycopg.Error as error:
            wrong = wrong or error
    if wrong is not None:
        raise wrong
    return answers


def _arrived(libpq: PGconn) -> PGresult | None:
    """The next result, waited for without holding the interpreter; what could not be sent yet is sent meanwhile."""
    unsent = libpq.flush()
    while unsent or libpq.is_busy():
        waiting = poll()
        waiting.register(libpq.socket, POLLIN | (POLLOUT if unsent else 0))
        waiting.poll()
        libpq.consume_input()
        unsent = libpq.flush()
    return libpq.get_result()


def _kept(conn: psycopg.Connection[Any]) -> _Kept:
    kept = _connections.get(conn)
    if kept is None:
        kept = _connections[conn] = _Kept(conn)
        if _keeps_plans:
            _checked(conn.pgconn, conn.pgconn.exec_(b"SET plan_cache_mode = force_generic_plan"))
    return kept


def _bound(libpq: PGconn, kept: _Kept, statement: str, parameters: Sequence[Any]) -> _Bound:
    values = kept.convert.dump_sequence(parameters, [PyFormat.AUTO] * len(parameters))
    name = kept.names.get((statement, kept.convert.types or ()))
    return name or _prepare(libpq, kept, statement), values, kept.convert.formats


def _bound_or_error(libpq: PGconn, kept: _Kept, statement: str, parameters: Sequence[Any]) -> _Bound | psycopg.Error:
    try:
        return _bound(libpq, kept, statement, parameters)
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        return error


def _rows(kept: _Kept, result: PGresult) -> Rows:
    if not result.ntuples:
        return []
    kept.convert.set_pgresult(result)
    return kept.convert.load_rows(0, result.ntuples, tuple)


def _prepare(libpq: PGconn, kept: _Kept, statement: str) -> bytes:
    types = kept.convert.types or ()
    if len(kept.names) >= _ROOM:
        oldest = next(iter(kept.names))
        _checked(libpq, libpq.exec_(b"DEALLOCATE " + kept.names.pop(oldest)))
    kept.made += 1
    name = b"wk_%d" % kept.made
    _checked(libpq, libpq.prepare(name, statement.encode(), types))
    kept.names[statement, types] = name
    return name


def _checked(libpq: PGconn, result: PGresult) -> PGresult:
    if result.status in _DONE:
        return result
    # An error without a code is libpq's own: the connection is gone, even where its status does not say so yet.
    if libpq.status == ConnStatus.BAD or result.error_field(DiagnosticField.SQLSTATE) is None:
        raise psycopg.OperationalError(result.get_error_message(), info=result)
    raise errors.error_from_result(result)
