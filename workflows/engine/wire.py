"""Runs prepared statements through libpq itself, with psycopg's conversions: a quarter of the CPU that a cursor costs.

A worker's step is one statement, so what a statement costs the client is most of what the engine costs. Types, errors
and transactions are those of the connection it runs on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg import errors
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

#: Statements that one connection keeps prepared; more, which would be a mistake, are prepared at every use.
_ROOM = 300
_DONE = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)


class _Kept:
    """What is kept for the life of one connection: conversions, and the names of prepared statements by types."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        # not of the connection itself, which would then be kept alive by what is kept for it
        self.convert = Transformer(conn.adapters)
        self.names: dict[tuple[str, tuple[int, ...]], bytes] = {}


_connections: WeakKeyDictionary[psycopg.Connection[Any], _Kept] = WeakKeyDictionary()


def execute(conn: psycopg.Connection[Any], statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run one statement with `$1`-style parameters and return its rows. Blocks without holding the interpreter.

    Outside a transaction it commits by itself, if the connection does so; else it begins the transaction. Raises
    psycopg's errors.
    """
    kept = _connections.get(conn)
    if kept is None:
        kept = _connections[conn] = _Kept(conn)
    convert, libpq = kept.convert, conn.pgconn
    values = convert.dump_sequence(parameters, [PyFormat.AUTO] * len(parameters))
    name = kept.names.get((statement, convert.types or ()))
    if name is None:
        name = _prepare(libpq, kept, statement)
    if not conn.autocommit and libpq.transaction_status == TransactionStatus.IDLE:
        _checked(libpq, libpq.exec_(b"BEGIN"))
    result = _checked(libpq, libpq.exec_prepared(name, values, convert.formats))  # type: ignore[arg-type]
    if not result.ntuples:
        return []
    convert.set_pgresult(result)
    return convert.load_rows(0, result.ntuples, tuple)


def _prepare(libpq: PGconn, kept: _Kept, statement: str) -> bytes:
    types = kept.convert.types or ()
    if len(kept.names) >= _ROOM:
        _checked(libpq, libpq.prepare(b"", statement.encode(), types))
        return b""
    name = b"wk_%d" % len(kept.names)
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
