"""The audit as a file: CSV for people with a spreadsheet, JSON lines for programs, a batch of rows at a time."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import Any

from workflows.queries.record import AuditRow

COLUMNS = (
    "id", "at", "actor_kind", "actor", "action", "workflow", "number", "instance", "allowed", "refusal", "reason",
    "before", "after", "through", "correlation_id", "act_id",
)  # fmt: skip
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}
#: what a spreadsheet would take for the beginning of a formula
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def lines(batches: Iterable[list[AuditRow]], form: str) -> Iterator[str]:
    """The text of the file, one piece for each batch. `form` is csv or jsonl."""
    write = _csv if form == "csv" else _json
    if form == "csv":
        yield _csv([list(COLUMNS)])
    for rows in batches:
        yield write([_values(row) for row in rows])


def _values(row: AuditRow) -> list[Any]:
    at = row.at.isoformat().replace("+00:00", "Z")
    instance = str(row.instance_id) if row.instance_id else ""
    return [
        row.id, at, row.actor_kind, row.actor, row.action, row.workflow, row.target, instance, row.allowed, row.refusal,
        row.reason, row.before, row.after, row.through, row.correlation_id, str(row.act_id),
    ]  # fmt: skip


def _csv(rows: list[list[Any]]) -> str:
    """RFC 4180. A text that a spreadsheet would execute begins with an apostrophe."""
    out = StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([[_cell(value) for value in row] for row in rows])
    return out.getvalue()


def _cell(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case str():
            return f"'{value}" if value.lstrip().startswith(_FORMULA) or value[:1] in ("\t", "\r", "\n") else value
        case int():
            return str(value)
        case _:
            return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _json(rows: list[list[Any]]) -> str:
    return "".join(json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False) + "\n" for row in rows)
