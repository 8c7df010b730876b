"""When something breaks, nobody is shown the inside, and nobody gets in."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from console.live.rights import viewers
from tests.api.world import is_problem
from tests.security.people import Somebody, somebody
from workflows.interventions import people
from workflows.queries import board, instances

pytestmark = pytest.mark.django_db

INSIDE = ("Traceback", "secret detail", "site-packages", "SELECT", "psycopg", "console/", "DEBUG")


@pytest.fixture
def olga() -> Somebody:
    found = somebody("olga", "operator")
    found.browser.raise_request_exception = False
    return found


def broken(*args: Any, **kwargs: Any) -> Any:
    raise RuntimeError("secret detail")


def away(*args: Any, **kwargs: Any) -> Any:
    raise OperationalError("secret detail")


def test_a_page_that_breaks_shows_no_trace(olga: Somebody, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "groups", broken)

    answer = olga.get("/")

    html = answer.content.decode()
    assert answer.status_code == 500 and "Something broke on our side" in html
    assert not [word for word in INSIDE if word in html]


def test_an_answer_that_breaks_shows_no_trace(olga: Somebody, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instances, "page", broken)

    problem = is_problem(olga.get("/api/v1/instances"), 500, "internal-error")

    assert not [word for word in INSIDE if word in str(problem)]


def test_the_administration_shows_no_trace_either(monkeypatch: pytest.MonkeyPatch) -> None:
    ada = somebody("ada", "admin")
    ada.browser.raise_request_exception = False
    monkeypatch.setattr("console.administration.looking.Bounded.count", property(broken))

    answer = ada.get("/admin/workflows/instance/")

    assert answer.status_code == 500 and "secret detail" not in answer.content.decode()


@pytest.mark.parametrize("path", ["/", "/work/", "/permissions/", "/admin/", "/api/v1/instances"])
def test_rights_that_cannot_be_read_are_no_rights(olga: Somebody, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(people, "_roles", away)

    answer = olga.get(path)

    assert answer.status_code >= 500
    assert not [word for word in INSIDE if word in answer.content.decode()]


def test_a_socket_whose_rights_cannot_be_read_does_not_stay(olga: Somebody, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "_roles", away)

    with pytest.raises(OperationalError):
        viewers([olga.browser.session.session_key or ""])


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "a b"])
def test_another_host_name_is_refused_without_a_trace(host: str) -> None:
    answer = Client(raise_request_exception=False).get("/signin/", HTTP_HOST=host)

    assert answer.status_code == 400
    assert not [word for word in INSIDE if word in answer.content.decode()]


def test_a_wrong_token_is_refused_even_where_a_session_would_do(olga: Somebody) -> None:
    answer = olga.browser.get("/api/v1/instances", headers={"Authorization": "Bearer wk_wrong"})

    is_problem(answer, 401, "unauthenticated")


def test_a_session_at_the_api_needs_the_forms_token_to_change_anything(olga: Somebody) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(olga.account)

    answer = strict.post("/api/v1/workflows/order/instances", b"{}", content_type="application/json")

    is_problem(answer, 403, "forbidden")
