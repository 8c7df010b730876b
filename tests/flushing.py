"""Empties the tables after a test that committed: by deleting the few rows there are, on one trip.

Truncating makes new files for every table and index, and did so more than a thousand times in a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from django.db.backends.postgresql.operations import DatabaseOperations

#: after so many times tables are truncated all the same, so that deleted rows do not pile up
ROUNDS = 40

_rounds = count(1)
_truncate = DatabaseOperations.sql_flush


def install() -> None:
    """From here on, Django empties tables like this."""
    DatabaseOperations.sql_flush = _delete  # type: ignore[method-assign]


def _delete(
    operations: DatabaseOperations, style: Any, tables: Sequence[str], *, reset_sequences: bool = False, **more: Any
) -> list[str]:
    """The statement. Triggers that keep tables append-only, and references between tables, do not stand in the way."""
    if reset_sequences or not _rounds_so_far() or not _may_pass_triggers(operations):
        return _truncate(operations, style, tables, reset_sequences=reset_sequences, **more)
    deletions = (f"DELETE FROM {operations.quote_name(table)}" for table in tables)
    return ["; ".join(("SET LOCAL session_replication_role = replica", *deletions))]


def _rounds_so_far() -> int:
    """How often since tables were truncated."""
    return next(_rounds) % ROUNDS


def _may_pass_triggers(operations: DatabaseOperations) -> bool:
    with operations.connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])
