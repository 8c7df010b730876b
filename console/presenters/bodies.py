"""Turns JSON data into rows and tables people can read; long lists begin short and are shown in full on request."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _

from console import timewords
from console.statuswords import capital, words
from workflows.queries.redaction import MASK

#: rows of a list that are shown before somebody asks for all of them
FIRST = 12
#: characters of one text that are shown in a row
LONG = 2_000
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Table:
    """A list of records. `more` counts the rows that are left out."""

    columns: list[str]
    rows: list[list[str]]
    total: int
    #: positions of columns that hold numbers
    figures: frozenset[int]

    @property
    def more(self) -> int:
        return self.total - len(self.rows)


@dataclass(frozen=True, slots=True)
class Field:
    """One named value: as text, as a table, or as JSON where it is neither flat nor a list of records."""

    name: str
    label: str
    text: str = ""
    table: Table | None = None
    json: str = ""
    hidden: bool = False


def fields(body: Any, *, everything: bool = False) -> list[Field]:
    """The fields of an object; any other value becomes one field without a name."""
    if body is None:
        return []
    if not isinstance(body, Mapping):
        return [_field("", body, everything=everything)]
    return [_field(str(name), value, everything=everything) for name, value in body.items()]


def plain(value: Any) -> str:
    """A single value in words."""
    match value:
        case None:
            return "–"
        case True:
            return _("yes")
        case False:
            return _("no")
        case float():
            return f"{value:,.2f}" if value.is_integer() or round(value, 2) == value else f"{value:,}"
        case int():
            return str(value)
        case str() if (at := _moment(value)) is not None:
            return timewords.exact(at)
        case str():
            return value if len(value) <= LONG else f"{value[:LONG]}…"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _moment(text: str) -> datetime | None:
    """The point in time that a text is, as contracts write them; None for any other text."""
    if not _TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def size(body: Any) -> int:
    """How many values the data holds, all levels counted."""
    if isinstance(body, Mapping):
        return sum(size(value) for value in body.values())
    return sum(size(item) for item in body) if isinstance(body, list) else 1


def _field(name: str, value: Any, *, everything: bool) -> Field:
    label = capital(words(name)) if name else _("Value")
    if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        return Field(name, label, table=_table(value, None if everything else FIRST))
    if isinstance(value, list) and all(not isinstance(item, Mapping | list) for item in value):
        return Field(name, label, ", ".join(plain(item) for item in value[:100]) or "–")
    if isinstance(value, Mapping | list):
        return Field(name, label, json=json.dumps(value, indent=2, ensure_ascii=False)[:20_000])
    return Field(name, label, plain(value), hidden=value == MASK)


def _table(records: list[Mapping[str, Any]], most: int | None) -> Table:
    columns = list(dict.fromkeys(name for record in records[:200] for name in record))
    shown = records[:most]
    rows = [[plain(record.get(name)) for name in columns] for record in shown]
    figures = frozenset(
        index for index, name in enumerate(columns) if all(_is_number(record.get(name)) for record in shown)
    )
    return Table([capital(words(name)) for name in columns], rows, len(records), figures)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
