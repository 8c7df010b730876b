"""Logs: one line per event, nothing personal, the same form for our code and for everything below it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from logging.config import dictConfig
from typing import Any

import psycopg
import pydantic
import pytest
import structlog
from django.conf import settings

from workflows import telemetry


@pytest.fixture(params=["json", "text"])
def form(request: pytest.FixtureRequest) -> Iterator[str]:
    dictConfig(telemetry.configure("INFO", request.param))
    yield request.param
    structlog.contextvars.clear_contextvars()
    dictConfig(telemetry.configure(settings.LOG_LEVEL, settings.LOG_FORMAT))


@pytest.fixture
def json_form() -> Iterator[None]:
    # A server that another test ran in this process may have turned its access log off for good.
    access = logging.getLogger("uvicorn.access")
    access.propagate, access.level = True, logging.NOTSET
    dictConfig(telemetry.configure("INFO", "json"))
    yield
    structlog.contextvars.clear_contextvars()
    dictConfig(telemetry.configure(settings.LOG_LEVEL, settings.LOG_FORMAT))


def lines(captured: pytest.CaptureFixture[str]) -> list[str]:
    return captured.readouterr().err.splitlines()


def said(captured: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (line,) = lines(captured)
    found: dict[str, Any] = json.loads(line)
    return found


def test_nothing_that_is_logged_can_begin_a_new_line(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    nasty = "one\ntwo\r\x1b[31m\x85\u2028three"

    structlog.get_logger().info(nasty, key=nasty, items=[nasty])
    logging.getLogger("django.request").warning("Not Found: %s", nasty)

    written = capsys.readouterr().err
    assert len(written.splitlines()) == 2
    assert "\x1b" not in written


def test_an_event_is_time_level_name_and_fields(json_form: None, capsys: pytest.CaptureFixture[str]) -> None:
    structlog.contextvars.bind_contextvars(correlation_id="c-1")

    structlog.get_logger().info("attempt.ended", step="charge", seconds=0.25)

    found = said(capsys)
    assert list(found)[:3] == ["at", "level", "event"]
    assert found["at"].endswith("Z")
    assert (found["event"], found["step"], found["seconds"]) == ("attempt.ended", "charge", 0.25)
    assert found["correlation_id"] == "c-1"


def test_other_peoples_logs_carry_the_correlation_id_too(json_form: None, capsys: pytest.CaptureFixture[str]) -> None:
    structlog.contextvars.bind_contextvars(correlation_id="c-1")

    logging.getLogger("celery.worker").error("broken")

    assert said(capsys) | {"at": ""} == {
        "at": "", "level": "error", "event": "broken", "correlation_id": "c-1", "logger": "celery.worker",
    }  # fmt: skip


def test_the_level_is_heeded(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    structlog.get_logger().debug("too.quiet")
    logging.getLogger("anything").debug("too quiet")
    logging.getLogger("httpx").info("HTTP Request: POST https://example.org")

    assert lines(capsys) == []


def test_the_access_log_leaves_out_what_somebody_searched_for(
    json_form: None, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger("uvicorn.access").info(
        '%s - "%s %s HTTP/%s" %d', "127.0.0.1:4711", "GET", "/search/?q=Erika+Mustermann", "1.1", 302
    )

    found = said(capsys)
    assert (found["event"], found["method"], found["path"], found["status"]) == ("http.request", "GET", "/search/", 302)
    assert "Mustermann" not in json.dumps(found)
    assert "127.0.0.1" not in json.dumps(found)


def test_errors_tell_type_message_and_places_but_no_values(json_form: None, capsys: pytest.CaptureFixture[str]) -> None:
    class Customer(pydantic.BaseModel):
        age: int

    secret = "Erika Mustermann"
    try:
        Customer.model_validate({"age": secret})
    except pydantic.ValidationError:
        structlog.get_logger().exception("attempt.crashed")

    found = said(capsys)
    assert found["error_type"] == "ValidationError"
    assert found["error"].startswith("age: Input should be a valid integer")
    assert any("test_telemetry.py" in place for place in found["places"])
    assert secret not in json.dumps(found)


def test_errors_of_the_database_lose_the_rows_they_quote() -> None:
    error = psycopg.errors.UniqueViolation("duplicate key\nDETAIL: Key (customer)=(Erika) already exists.")

    assert telemetry.said(error) == "duplicate key"


def test_what_json_cannot_say_is_said_somehow(json_form: None, capsys: pytest.CaptureFixture[str]) -> None:
    around: list[Any] = []
    around.append(around)

    structlog.get_logger().info("odd", around=around, what=object, long="x" * 10_000)

    found = said(capsys)
    assert found["around"] == "[[...]]"
    assert len(found["long"]) <= telemetry.MAX_TEXT + 1
