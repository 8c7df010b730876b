"""Makes the fields of a form from a contract, and data from what was typed into them.

Numbers, texts, yes or no, choices, times and plain lists get fields of their own; whatever nests is entered as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any, Literal, get_args, get_origin

from django.utils.translation import gettext as _
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from console.statuswords import capital, words
from workflows.dsl.contracts import accepts_none, without_none

#: how a contract's fields are called in a form, so that none is taken for a part of the form itself
PREFIX = "data."
#: from this many characters on a text gets a field of several lines
LONG = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a field that offers several."""

    value: str
    label: str
    chosen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One field of a form. `kind` is text, number, area, choice, date or moment."""

    name: str
    label: str
    kind: str = "text"
    required: bool = True
    hint: str = ""
    #: whole for whole numbers, any for others
    step: str = "any"
    choices: list[Choice] = field(default_factory=list)
    #: what others have entered there
    known: list[str] = field(default_factory=list)
    value: str = ""
    error: str = ""

    @property
    def id(self) -> str:
        """The field's id on its page, behind the form's."""
        return self.name.replace(".", "-")

    def typed(self, text: str, errors: Mapping[str, str]) -> Entry:
        """The same as somebody filled it in, with what is wrong with it."""
        choices = [replace(choice, chosen=choice.value == text) for choice in self.choices]
        return replace(self, value=text, choices=choices, error=errors.get(self.name, ""))


class Mistyped(Exception):
    """What was typed is no value of its kind; `errors` says so by the field's name in the form."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = dict(errors)


def entries(contract: type[BaseModel]) -> list[Entry]:
    """The fields of a form in which a value of the contract is entered."""
    return [_entry(name, info) for name, info in contract.model_fields.items()]


def data(contract: type[BaseModel], typed: Mapping[str, str]) -> dict[str, Any]:
    """What was typed, as JSON data for the contract; what was left empty is left out. Raises Mistyped."""
    found: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, info in contract.model_fields.items():
        text = typed.get(PREFIX + name, "").strip()
        try:
            if text:
                found[name] = _reader(info)(text)
            elif info.is_required() and accepts_none(info.annotation):
                found[name] = None
            elif info.is_required() and _is_list(info):
                found[name] = []
        except ValueError as error:
            errors[PREFIX + name] = str(error)
    if errors:
        raise Mistyped(errors)
    return found


def _entry(name: str, info: FieldInfo) -> Entry:
    required = info.is_required() and not accepts_none(info.annotation) and not _is_list(info)
    entry = Entry(name=PREFIX + name, label=capital(words(name)), required=required, hint=_hint(info))
    inner = without_none(info.annotation)
    if inner is bool:
        return replace(entry, kind="choice", choices=[Choice("", "–"), Choice("yes", _("Yes")), Choice("no", _("No"))])
    if options := _options(inner):
        return replace(entry, kind="choice", choices=[Choice("", "–"), *(Choice(one, words(one)) for one in options)])
    if inner in (int, float, Decimal):
        return replace(entry, kind="number", step="1" if inner is int else "any")
    if inner is str:
        return replace(entry, kind="area" if _longest(info) > LONG else "text")
    kinds = {datetime: "moment", date: "date"}
    return replace(entry, kind=kinds.get(inner, "area"))


def _hint(info: FieldInfo) -> str:
    """What helps to fill the field in: what its author says, how lists and nested values are written."""
    inner, said = without_none(info.annotation), [info.description or ""]
    if _is_list(info):
        said.append(_("One per line."))
    elif inner is datetime:
        said.append(_("In UTC."))
    elif _nests(inner):
        said.append(_("As JSON: %(shape)s.") % {"shape": _shape(inner)})
    if not info.is_required() and info.default is not None and not _nests(inner):
        said.append(_("Left empty: %(value)s.") % {"value": info.get_default(call_default_factory=True)})
    return " ".join(part for part in said if part)


def _options(inner: Any) -> list[str]:
    """The values of a field that has only a few, as texts."""
    if get_origin(inner) is Literal:
        return [str(one) for one in get_args(inner)]
    if isinstance(inner, type) and issubclass(inner, Enum):
        return [str(one.value) for one in inner]
    return []


def _longest(info: FieldInfo) -> int:
    return max((getattr(mark, "max_length", None) or 0 for mark in info.metadata), default=0)


def _is_list(info: FieldInfo) -> bool:
    """Whether it is a list of plain values."""
    inner = without_none(info.annotation)
    return get_origin(inner) is list and without_none(get_args(inner)[0]) in (str, int, float)


def _nests(inner: Any) -> bool:
    plain = inner in (bool, int, float, Decimal, str, datetime, date) or _options(inner)
    items = get_args(inner)
    return not plain and not (get_origin(inner) is list and without_none(items[0]) in (str, int, float))


def _shape(inner: Any) -> str:
    """How a nested value looks, in words."""
    if get_origin(inner) is list:
        return _("a list of %(items)s") % {"items": _shape(without_none(get_args(inner)[0]))}
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        return "{" + ", ".join(f'"{name}"' for name in inner.model_fields) + "}"
    return _("an object") if get_origin(inner) is dict or inner is dict else _("a value")


def _reader(info: FieldInfo) -> Callable[[str], Any]:
    inner = without_none(info.annotation)
    readers: dict[Any, Callable[[str], Any]] = {
        bool: _truth, int: _whole, float: _number, Decimal: _decimal, str: str, datetime: _moment, date: _date,
    }  # fmt: skip
    if inner in readers:
        return readers[inner]
    if options := _options(inner):
        return lambda text: _one_of(text, options, inner)
    if _is_list(info):
        read = readers[without_none(get_args(inner)[0])]
        return lambda text: [read(line.strip()) for line in text.splitlines() if line.strip()]
    return _json


def _truth(text: str) -> bool:
    if text not in ("yes", "no"):
        raise ValueError(_("Choose yes or no."))
    return text == "yes"


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(_("Enter a whole number.")) from None


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise ValueError(_("Enter a number, such as 12.50."))
    return value


def _decimal(text: str) -> str:
    _number(text)
    return text


def _moment(text: str) -> str:
    try:
        return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC).isoformat()
    except ValueError:
        raise ValueError(_("Enter a date and a time, such as 2010-12-01T08:26.")) from None


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError(_("Enter a date, such as 2010-12-01.")) from None


def _one_of(text: str, options: list[str], inner: Any) -> Any:
    if text not in options:
        raise ValueError(_("Choose one of those offered."))
    values = get_args(inner) if get_origin(inner) is Literal else [one.value for one in inner]
    return values[options.index(text)]


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_unfit)
    except json.JSONDecodeError as error:
        where = {"line": error.lineno, "column": error.colno}
        raise ValueError(_("That is not JSON (line %(line)d, column %(column)d).") % where) from None


def _unfit(text: str) -> Any:
    raise ValueError(_("JSON has no %(word)s.") % {"word": text})
