"""Pages by keyset: a cursor names the last row seen, so that arriving rows move nothing and deep pages stay fast."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import DateTimeField, IntegerField, Model, Q, QuerySet, TextField, UUIDField

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
    position: Callable[[RowT], Any],
    by: str | tuple[str, ...] = "id",
) -> Page[RowT]:
    """One page of `found` in the order of the unique column `by`, or of several of which the last is unique.

    `position` tells a row's value of the column, or of all of them. Raises BadCursor.
    """
    columns = (by,) if isinstance(by, str) else by
    backwards, last = (
        _decode(cursor, [found.model._meta.get_field(name) for name in columns]) if cursor else (False, ())
    )
    downwards = descending is not backwards
    if last:
        found = found.filter(_beyond(list(zip(columns, last, strict=True)), "lt" if downwards else "gt"))
    order = [f"-{name}" if downwards else name for name in columns]
    rows = read(found.order_by(*order)[: min(size, MAX_SIZE) + 1])
    more = len(rows) > min(size, MAX_SIZE)
    rows = rows[: min(size, MAX_SIZE)]
    if backwards:
        rows.reverse()
    if not rows:
        return Page([], None, None)
    ahead, behind = (more, bool(last)) if not backwards else (True, more)
    return Page(
        rows,
        _encode(False, position(rows[-1])) if ahead else None,
        _encode(True, position(rows[0])) if behind else None,
    )


def _beyond(last: list[tuple[str, Any]], than: str) -> Q:
    """The rows behind the last one, in the order of several columns."""
    (name, value), *rest = last
    beyond = Q(**{f"{name}__{than}": value})
    return beyond | (Q(**{name: value}) & _beyond(rest, than)) if rest else beyond


def _encode(backwards: bool, position: Any) -> str:
    values = position if isinstance(position, tuple) else (position,)
    text = json.dumps([int(backwards), *map(str, values)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str, columns: Sequence[Any]) -> tuple[bool, tuple[Any, ...]]:
    try:
        backwards, *positions = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if backwards not in (0, 1) or not all(isinstance(one, str) for one in positions):
            raise ValueError("not made by `_encode`")
        values = tuple(_value(column, one) for column, one in zip(columns, positions, strict=True))
    except (ValueError, TypeError, OverflowError, binascii.Error, UnicodeError, RecursionError) as error:
        raise BadCursor("This cursor does not belong to this list.") from error
    return bool(backwards), values


def _value(column: Any, text: str) -> datetime | UUID | str | int:
    """The value of a column from its text. Raises ValueError."""
    match column:
        case TextField() if "\x00" not in text:
            return text
        case DateTimeField():
            return datetime.fromisoformat(text).astimezone(UTC)
        case UUIDField():
            return UUID(text)
        case IntegerField() if -(2**63) <= int(text) < 2**63:
            return int(text)
    raise ValueError("no column holds this")
