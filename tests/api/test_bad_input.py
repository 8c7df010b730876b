"""Whatever is thrown at the API: a 4xx problem that names the field, nothing written, never a trace."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.api.world import Person, an_order, fields, is_problem
from workflows.models import Instance

INSTANCES = "workflows/order/instances"


def body_with(place: str, text: str) -> bytes:
    """The JSON of a start in which the value at a place is this raw text."""
    body = {"key": "1", "input": an_order("1")}
    target: Any = body
    *way, last = place.split(".")
    for part in way:
        target = target[int(part) if isinstance(target, list) else part]
    target[int(last) if isinstance(target, list) else last] = "@@@"
    return json.dumps(body).replace('"@@@"', text).encode()


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("key", "null"),
        ("key", "7"),
        ("key", '""'),
        ("key", f'"{"x" * 201}"'),
        ("key", r'"1\u0000"'),
        ("input", "null"),
        ("input", "[]"),
        ("input", '"text"'),
        ("input.total", "1e400"),
        ("input.total", "-1e400"),
        ("input.total", "NaN"),
        ("input.total", "Infinity"),
        ("input.total", "1" + "0" * 400),
        ("input.total", "9" * 100_000),
        ("input.total", "9007199254740993"),
        ("input.total", "1e30"),
        ("input.total", '"22.0"'),
        ("input.total", "true"),
        ("input.total", "null"),
        ("input.country", r'"\u0000"'),
        ("input.country", r'"\ud800"'),
        ("input.country", '""'),
        ("input.country", '{"a": 1}'),
        ("input.country", json.dumps("x" * 500_000)),
        ("input.currency", '"pounds"'),
        ("input.cancellation", "0"),
        ("input.cancellation", '"no"'),
        ("input.placed_at", '"yesterday"'),
        ("input.placed_at", '"+999999-01-01T00:00:00Z"'),
        ("input.placed_at", "1e300"),
        ("input.lines", "[]"),
        ("input.lines", "{}"),
        ("input.lines.0", "null"),
        ("input.lines.0.quantity", "1.5"),
        ("input.lines.0.quantity", "10000000000"),
        ("input.lines.1.unit_price", '"free"'),
        ("input.lines.1.sku", r'"\udfff"'),
        ("input.order_id", r'"1\n2"'),
        ("input.order_id", "[1]"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(support: Person, place: str, text: str) -> None:
    problem = is_problem(support.post(INSTANCES, body_with(place, text)), 422, "invalid-request")

    assert place in fields(problem), problem
    assert Instance.objects.count() == 0


@pytest.mark.parametrize("name", ["key", "input"])
def test_a_missing_field_is_named(support: Person, name: str) -> None:
    body = {"key": "1", "input": an_order("1")}
    del body[name]

    assert fields(is_problem(support.post(INSTANCES, body), 422, "invalid-request")) == [name]


@pytest.mark.parametrize("name", list(an_order("1")))
def test_a_missing_field_of_the_input_is_named(support: Person, name: str) -> None:
    order = an_order("1")
    del order[name]

    problem = is_problem(support.post(INSTANCES, {"key": "1", "input": order}), 422, "invalid-request")

    assert f"input.{name}" in fields(problem)


def test_unknown_fields_are_named_at_every_level(support: Person) -> None:
    order = an_order("1")
    order["lines"][0]["colour"] = "red"

    problem = is_problem(support.post(INSTANCES, {"key": "1", "input": order}), 422, "invalid-request")
    assert fields(problem) == ["input.lines.0.colour"]
    problem = is_problem(support.post(INSTANCES, {"key": "1", "input": {}, "force": True}), 422, "invalid-request")
    assert fields(problem) == ["force"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[",
        b"null",
        b"[]",
        b'"text"',
        b"7",
        b"{'key': 1}",
        b'{"key": "1",}',
        b'\xff\xfe{"key": "1"}',
        b'{"key": "\xe9"}',
        b'{"key": "\xed\xa0\x80"}',
        b"\x00" * 100,
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_is_not_a_json_object_is_refused(support: Person, body: bytes) -> None:
    is_problem(support.post(INSTANCES, body), 400, "invalid-json")


@pytest.mark.parametrize("depth", [60, 300])
def test_deep_nesting_is_refused(support: Person, depth: int) -> None:
    nested = body_with("input.country", "[" * depth + "]" * depth)

    problem = is_problem(support.post(INSTANCES, nested), 422, "invalid-request")

    assert fields(problem)[0].startswith("input.country")


def test_the_same_field_twice_is_refused(support: Person) -> None:
    body = b'{"key": "1", "key": "2", "input": {}}'

    assert fields(is_problem(support.post(INSTANCES, body), 422, "invalid-request")) == ["key"]


def test_a_body_of_more_than_a_megabyte_is_too_large(support: Person) -> None:
    is_problem(support.post(INSTANCES, b" " * (1024 * 1024 + 1)), 413, "too-large")
    is_problem(support.post(INSTANCES, b" " * (5 * 1024 * 1024)), 413, "too-large")


def test_an_input_of_just_under_a_megabyte_is_judged_by_its_contract(support: Person) -> None:
    line = {"sku": "85123A", "description": "x" * 400, "quantity": 6, "unit_price": 2.55}
    body = {"key": "1", "input": an_order("1", lines=[line] * 1990)}
    assert 900_000 < len(json.dumps(body)) < 1024 * 1024

    assert support.post(INSTANCES, body).status_code == 201


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "a/b/c"]
)
def test_another_content_type_is_refused(support: Person, kind: str) -> None:
    headers = {"Authorization": f"Bearer {support.token}"}

    response = Client().post(f"/api/v1/{INSTANCES}", data=b"{}", content_type=kind, headers=headers)

    is_problem(response, 415, "unsupported-media-type")


@pytest.mark.parametrize("token", ["", "wrong", "wk_wrong", "wk_" + "x" * 10_000, "é", "a b c", "\x7f"])
def test_a_wrong_token_is_refused(db: None, token: str) -> None:
    response = Client().get("/api/v1/instances", headers={"Authorization": f"Bearer {token}"})

    is_problem(response, 401, "unauthenticated")
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_without_a_token_nothing_is_told(db: None) -> None:
    for path in ("instances", "workflows", "audit", "events", "callbacks", "subscriptions", "operations"):
        is_problem(Client().get(f"/api/v1/{path}"), 401, "unauthenticated")
    is_problem(Client().get("/api/v1/instances", headers={"Authorization": "Basic YTpi"}), 401, "unauthenticated")


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("page_size=0", "page_size"),
        ("page_size=501", "page_size"),
        ("page_size=ten", "page_size"),
        ("page_size=" + "9" * 5000, "page_size"),
        ("version=-1", "version"),
        ("version=99999999999", "version"),
        ("needs_person=perhaps", "needs_person"),
        ("started_after=yesterday", "started_after"),
        ("started_after=0001-01-01T00:00:00%2B23:59", "started_after"),
        ("statuss=Received", "statuss"),
        ("key=%00", "key"),
        ("q=%00", "q"),
        ("attr.country=%00", "attr.country"),
        ("cursor=nonsense", "cursor"),
        ("cursor=W10", "cursor"),
        ("cursor=%F0%9F%98%80", "cursor"),
    ],
)
def test_a_wrong_parameter_is_named(support: Person, query: str, name: str) -> None:
    response = support.get(f"instances?{query}")

    assert response.status_code in (400, 422)
    assert fields(json.loads(response.content)) == [name]


@pytest.mark.parametrize("query", ["q=%FF%FE", "key=%FF", "q=" + "a" * 3000, "q=" + "1%20" * 3000, "attr.=x", "q=%25_"])
def test_odd_but_harmless_parameters_find_nothing(support: Person, query: str) -> None:
    response = support.get(f"instances?{query}")

    assert response.status_code == 200 and json.loads(response.content)["results"] == []


@pytest.mark.parametrize(
    "path",
    ["instances/7", "instances/x'--", "nonsense", "workflows/order/versions/99999999999999999999", "operations/7"],
)
def test_an_address_that_does_not_exist_is_a_problem_too(support: Person, path: str) -> None:
    is_problem(support.get(path), 404, "not-found")


def test_a_method_that_is_not_answered_is_a_problem_that_names_the_others(support: Person) -> None:
    response: HttpResponse = Client().delete("/api/v1/instances", headers={"Authorization": f"Bearer {support.token}"})

    is_problem(response, 405, "method-not-allowed")
    assert "GET" in response["Allow"]


def test_what_accepts_only_pages_gets_json_all_the_same(support: Person) -> None:
    assert support.get("instances", Accept="text/html")["Content-Type"] == "application/json"
