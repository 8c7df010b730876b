"""Reads request bodies strictly: bounded, UTF-8, JSON that everything behind can carry, and no unknown fields."""

from __future__ import annotations

import json
import math
from typing import Any, TypeVar

from django.http import HttpRequest
from pydantic import BaseModel, ValidationError

from console.api.problems import INVALID_JSON, TOO_LARGE, WRONG_MEDIA_TYPE, ProblemError, invalid, several

#: bytes of a request body
LIMIT = 1024 * 1024
#: lists and objects inside each other
DEPTH = 50
#: beyond this, JSON numbers are not the same everywhere (RFC 8785)
SAFE_INTEGER = 2**53 - 1

ShapeT = TypeVar("ShapeT", bound=BaseModel)


def raw_body(request: HttpRequest) -> bytes:
    """The body's bytes; may be asked for more than once. Raises the problem for a body beyond LIMIT."""
    known: bytes | None = getattr(request, "bounded_body", None)
    if known is not None:
        return known
    declared = request.META.get("CONTENT_LENGTH") or "0"
    body = request.read(LIMIT + 1) if declared.isdigit() and int(declared) <= LIMIT else None
    if body is None or len(body) > LIMIT:
        raise ProblemError(TOO_LARGE, f"The body may have at most {LIMIT:,} bytes.")
    request.bounded_body = body  # type: ignore[attr-defined]
    return body


def json_body(request: HttpRequest) -> Any:
    """The body as JSON data. Raises the problem for anything that is not plain, finite, storable JSON."""
    raw = raw_body(request)
    if not raw:
        raise ProblemError(INVALID_JSON, "The body is empty; it has to be a JSON object.")
    if request.content_type not in ("application/json", "application/cloudevents+json"):
        raise ProblemError(WRONG_MEDIA_TYPE, "Send the body as application/json.")
    body = parsed(raw)
    _refuse_uncarriable(body)
    return body


def parsed(raw: bytes) -> Any:
    """JSON data from bytes. Raises the problem with the place where it stops being JSON."""
    try:
        return json.loads(raw.decode(), object_pairs_hook=_object, parse_int=_integer)
    except UnicodeDecodeError as error:
        raise ProblemError(INVALID_JSON, f"The body is not UTF-8 (byte {error.start}).") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ProblemError(INVALID_JSON, f"The body is not JSON: {error.msg} ({where}).") from None
    except RecursionError:
        raise ProblemError(INVALID_JSON, f"The body nests deeper than {DEPTH} levels.") from None


def read(request: HttpRequest, shape: type[ShapeT]) -> ShapeT:
    """The body as this shape. Raises the problem that names every wrong, missing or unknown field."""
    body = json_body(request)
    if not isinstance(body, dict):
        raise ProblemError(INVALID_JSON, "The body has to be a JSON object.")
    return validated(shape, body)


def validated(shape: type[ShapeT], values: dict[str, Any]) -> ShapeT:
    """The values as this shape. Raises the problem that names every wrong, missing or unknown field."""
    try:
        return shape.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise several([(".".join(map(str, one["loc"])) or "body", one["msg"]) for one in found]) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise invalid(twice, "is there twice")
    return found


def _integer(digits: str) -> float | int:
    """Integers of any sane length; longer ones are infinite for us, and refused with their field's name below."""
    return int(digits) if len(digits) <= 20 else math.inf


def _refuse_uncarriable(body: Any) -> None:
    """Refuse what PostgreSQL or canonical JSON cannot carry, with the path to it."""
    todo: list[tuple[str, Any, int]] = [("", body, 1)]
    while todo:
        path, value, depth = todo.pop()
        if depth > DEPTH:
            raise invalid(_shortened(path), f"nests deeper than {DEPTH} levels")
        problem = _problem(value)
        if problem:
            raise invalid(_shortened(path) or "body", problem)
        if isinstance(value, dict):
            for name, inner in value.items():
                if _problem(name):
                    raise invalid(_shortened(path) or "body", f"a field name {_problem(name)}")
                todo.append((f"{path}.{name}" if path else name, inner, depth + 1))
        elif isinstance(value, list):
            todo += [(f"{path}.{index}" if path else str(index), inner, depth + 1) for index, inner in enumerate(value)]


def _problem(value: Any) -> str:
    match value:
        case bool():
            return ""
        case float() if math.isnan(value):
            return "is NaN, which is no JSON value"
        case float() if not math.isfinite(value):
            return "is a number too large to be carried"
        case int() if abs(value) > SAFE_INTEGER:
            return "is a whole number too large to be carried exactly"
        case str() if "\x00" in value:
            return "contains a NUL character"
        case str() if not _is_text(value):
            return "contains half a surrogate pair, which is no character"
    return ""


def _is_text(value: str) -> bool:
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def _shortened(path: str) -> str:
    return path if len(path) <= 200 else f"{path[:199]}…"
