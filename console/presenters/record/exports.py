"""The audit as a file: CSV for people with a spreadsheet, JSON lines for programs, a batch of rows at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from console import exports
from workflows.queries.record import AuditRow

COLUMNS = (
    "id", "at", "actor_kind", "actor", "action", "workflow", "number", "instance", "allowed", "refusal", "reason",
    "before", "after", "through", "correlation_id", "act_id",
)  # fmt: skip
CONTENT_TYPES = {"csv": exports.CONTENT_TYPE, "jsonl": "application/jsonl; charset=utf-8"}


def lines(batches: Iterable[list[AuditRow]], form: str) -> Iterator[str]:
    """The text of the file, one piece for each batch. `form` is csv or jsonl."""
    values = ([_values(row) for row in rows] for rows in batches)
    return exports.lines(COLUMNS, values) if form == "csv" else map(_json, values)


def _values(row: AuditRow) -> list[Any]:
    at = row.at.isoformat().replace("+00:00", "Z")
    instance = str(row.instance_id) if row.instance_id else ""
    return [
        row.id, at, row.actor_kind, row.actor, row.action, row.workflow, row.target, instance, row.allowed, row.refusal,
        row.reason, row.before, row.after, row.through, row.correlation_id, str(row.act_id),
    ]  # fmt: skip


def _json(rows: list[list[Any]]) -> str:
    return "".join(json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False) + "\n" for row in rows)
