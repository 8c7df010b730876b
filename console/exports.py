"""Rows as CSV that a spreadsheet opens without executing anything: the one place where exports are written."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import Any

CONTENT_TYPE = "text/csv; charset=utf-8"
#: what a spreadsheet takes for the beginning of a formula, also behind blanks; the wide forms count in some
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_CONTROL = ("\t", "\r", "\n", "\x00")


def lines(header: Iterable[str], batches: Iterable[Iterable[Iterable[Any]]]) -> Iterator[str]:
    """The file piece by piece: the header, then one piece for each batch of rows (RFC 4180, every cell quoted)."""
    yield text([list(header)])
    for rows in batches:
        yield text(rows)


def text(rows: Iterable[Iterable[Any]]) -> str:
    """These rows."""
    out = StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([[cell(value) for value in row] for row in rows])
    return out.getvalue()


def cell(value: Any) -> str:
    """One value as a cell: numbers stay numbers, a text that would be executed begins with an apostrophe."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return str(value)
        case str():
            return f"'{value}" if value.lstrip().startswith(_FORMULA) or value.startswith(_CONTROL) else value
        case dict() | list() | tuple():
            return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
        case _:
            return cell(str(value))


def filename(name: str) -> str:
    """A name for a Content-Disposition header: what could end the header or leave its folder is replaced."""
    kept = "".join(one if one.isascii() and (one.isalnum() or one in "-_.") else "-" for one in name)
    return kept.strip(".-")[:100] or "export"
