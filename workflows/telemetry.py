"""Logs as events with fields: one line per event, as JSON or as text, for our code and for everything below it.

A value can never begin a new line. Tracebacks carry places and messages, never local variables; messages of errors that
quote what somebody typed (contracts, database rows) are cut down to what is wrong with it.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pydantic
import structlog
from structlog.typing import EventDict, WrappedLogger

#: What is kept of one text value.
MAX_TEXT = 2000
#: The innermost places of a traceback that are kept.
MAX_PLACES = 12

#: Loggers of libraries that would say something for every attempt, with the level from which they are heard.
_QUIETER = {
    "httpx": "WARNING",
    "httpcore": "WARNING",
    "celery.app.trace": "WARNING",
    "celery.worker.strategy": "WARNING",
    "kombu": "WARNING",
    "amqp": "WARNING",
    "asyncio": "WARNING",
}
#: Loggers that bring handlers of their own, which would say everything twice.
_ADOPTED = ("django", "django.server", "uvicorn", "uvicorn.error", "uvicorn.access", "celery", "celery.task")

_encode = json.JSONEncoder(separators=(",", ":"), default=str, check_circular=False).encode

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def configure(level: str, form: str) -> dict[str, Any]:
    """Set structlog up for this process, and return Django's LOGGING that sends everything else the same way.

    `level` is a name the logging module knows, `form` is json or text. Lines go to standard error. Calling it again
    replaces what was set for loggers that have not spoken yet.
    """
    shared: list[Any] = [structlog.contextvars.merge_contextvars, structlog.stdlib.add_log_level, _STAMP, plain_errors]
    render = as_json if form == "json" else as_text
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=_factory,
        cache_logger_on_first_use=True,
    )
    return _logging(level, [*shared[:2], structlog.stdlib.add_logger_name, access, *shared[2:]], render)


_STAMP = structlog.processors.TimeStamper(fmt="iso", utc=True, key="at")


def _logging(level: str, before: list[Any], render: Any) -> dict[str, Any]:
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": before,
        "pass_foreign_args": True,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"stderr": {"class": "workflows.telemetry.StderrHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            **{name: {"handlers": [], "propagate": True} for name in _ADOPTED},
            **{name: {"level": quiet} for name, quiet in _QUIETER.items()},
        },
    }


class _Line:
    """Writes finished lines to whatever standard error is now; one write per line, so that threads do not mix."""

    def msg(self, line: str) -> None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    debug = info = warning = error = critical = exception = fatal = log = msg


_LINE = _Line()


def _factory(*args: Any) -> _Line:
    return _LINE


class StderrHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Like `StreamHandler`, but asks for standard error at every line, because servers and tests replace it."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def access(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """The web server's access line as fields, without the query, which may hold what somebody searched for."""
    arguments = event.pop("positional_args", ())
    if event.get("logger") == "uvicorn.access" and isinstance(arguments, tuple) and len(arguments) == 5:
        _, method, path, _, status = arguments
        event.update(event="http.request", method=method, path=urlsplit(str(path)).path, status=status)
    return event


def plain_errors(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Replace `exc_info` by the error's type, message and places."""
    found = event.pop("exc_info", None)
    if not found:
        return event
    error = _error(found)
    if error is not None:
        event["error_type"] = type(error).__name__
        event["error"] = said(error)
        event["places"] = _places(error)
    return event


def _error(found: Any) -> BaseException | None:
    if isinstance(found, BaseException):
        return found
    if isinstance(found, tuple):
        return found[1] if isinstance(found[1], BaseException) else None
    return sys.exc_info()[1]


def _places(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-MAX_PLACES:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def said(error: BaseException) -> str:
    """The error's message without the values it complains about."""
    if isinstance(error, pydantic.ValidationError):
        found = error.errors(include_input=False, include_url=False, include_context=False)
        return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in found[:5])
    cause = error.__cause__ if isinstance(error.__cause__, psycopg.Error) else error
    if isinstance(cause, psycopg.Error):
        return cause.diag.message_primary or str(cause).split("\n")[0]
    return str(error)[:MAX_TEXT]


def as_json(logger: WrappedLogger, name: str, event: MutableMapping[str, Any]) -> str:
    """One line of ASCII JSON; control characters are escaped."""
    for field, value in event.items():
        if isinstance(value, str) and len(value) > MAX_TEXT:
            event[field] = value[:MAX_TEXT] + "…"
    first = {field: event.pop(field) for field in ("at", "level", "event") if field in event}
    try:
        return _encode({**first, **event})
    except (TypeError, ValueError, RecursionError):
        return _encode({field: repr(value)[:MAX_TEXT] for field, value in {**first, **event}.items()})


def as_text(logger: WrappedLogger, name: str, event: Mapping[str, Any]) -> str:
    """One line for people: time, level, what happened, then the fields."""
    fields = dict(event)
    at, level, what = fields.pop("at", ""), fields.pop("level", ""), fields.pop("event", "")
    shown = " ".join(f"{field}={_shown(value)}" for field, value in fields.items())
    return f"{at} {level:<8} {_one_line(str(what))} {shown}".rstrip()


def _shown(value: Any) -> str:
    text = (
        value
        if isinstance(value, str)
        else json.dumps(value, default=str)
        if isinstance(value, list | dict)
        else str(value)
    )
    return _one_line(text[:MAX_TEXT]) if text and " " not in text else json.dumps(text[:MAX_TEXT], ensure_ascii=False)


def _one_line(text: str) -> str:
    return text if text.isprintable() else json.dumps(text)[1:-1]
