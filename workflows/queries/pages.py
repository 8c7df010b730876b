"""Pages by keyset: a cursor names the last row seen, so that arriving rows move nothing and deep pages stay fast."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import IntegerField, Model, QuerySet, TextField

RowT = TypeVar("RowT")
ModelT = TypeVar("ModelT", bound=Model)

#: more rows than this are never read at once
MAX_SIZE = 500


class BadCursor(ValueError):
    """The cursor was not made by this list."""


@dataclass(frozen=True, slots=True)
class Page(Generic[RowT]):
    """Rows in the list's order, and the cursors of the pages beside it (None at the ends)."""

    rows: list[RowT]
    next: str | None
    previous: str | None


def keyset(
    found: QuerySet[ModelT],
    read: Callable[[QuerySet[ModelT]], list[RowT]],
    *,
    size: int,
    cursor: str,
    descending: bool,
    position: Callable[[RowT], UUID | int | str],
    by: str = "id",
) -> Page[RowT]:
    """One page of `found` in the order of the unique column `by`. Raises BadCursor."""
    backwards, last = _decode(cursor, found.model._meta.get_field(by)) if cursor else (False, None)
    downwards = descending is not backwards
    if last is not None:
        found = found.filter(**{f"{by}__{'lt' if downwards else 'gt'}": last})
    rows = read(found.order_by(f"-{by}" if downwards else by)[: min(size, MAX_SIZE) + 1])
    more = len(rows) > min(size, MAX_SIZE)
    rows = rows[: min(size, MAX_SIZE)]
    if backwards:
        rows.reverse()
    if not rows:
        return Page([], None, None)
    ahead, behind = (more, last is not None) if not backwards else (True, more)
    return Page(
        rows,
        _encode(False, position(rows[-1])) if ahead else None,
        _encode(True, position(rows[0])) if behind else None,
    )


def _encode(backwards: bool, position: UUID | int | str) -> str:
    text = json.dumps([int(backwards), str(position)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _value(position: str, column: Any) -> str | int | UUID:
    if isinstance(column, TextField):
        return position
    return int(position) if isinstance(column, IntegerField) else UUID(position)


def _decode(cursor: str, column: Any) -> tuple[bool, Any]:
    try:
        backwards, position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if backwards not in (0, 1) or not isinstance(position, str):
            raise ValueError("not made by `_encode`")
        if "\x00" in position:
            raise ValueError("no column holds this")
        value = _value(position, column)
    except (ValueError, TypeError, binascii.Error, UnicodeError, RecursionError) as error:
        raise BadCursor("This cursor does not belong to this list.") from error
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise BadCursor("This cursor does not belong to this list.")
    return bool(backwards), value
