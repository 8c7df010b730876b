"""The world of the API tests: people with roles and tokens, real orders, and a worker's hands where one is needed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group, User
from django.http import HttpResponse
from django.test import Client

from workflows.interventions import tokens

ROLES = ("support", "approver", "operator", "admin")


@dataclass
class Person:
    """Somebody with a token who talks to the API."""

    name: str
    token: str

    def get(self, path: str, **headers: str) -> HttpResponse:
        return Client().get(f"/api/v1/{path}", headers=self._headers(headers))

    def post(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        """POST a value as JSON, or bytes as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body if body is not None else {})
        return Client().post(
            f"/api/v1/{path}", data=data, content_type="application/json", headers=self._headers(headers)
        )

    def put(self, path: str, body: Any, **headers: str) -> HttpResponse:
        """PUT a value as JSON."""
        return Client().put(
            f"/api/v1/{path}", data=json.dumps(body), content_type="application/json", headers=self._headers(headers)
        )

    def start(self, order_id: str, **changes: Any) -> HttpResponse:
        """Start an order; changes replace fields of its input."""
        return self.post("workflows/order/instances", {"key": order_id, "input": an_order(order_id, **changes)})

    def started(self, order_id: str, **changes: Any) -> dict[str, Any]:
        """The instance of an order that was accepted."""
        response = self.start(order_id, **changes)
        assert response.status_code == 201, response.content
        return told(response)

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} | {
            name.replace("_", "-"): value for name, value in more.items()
        }


def person(role: str) -> Person:
    """A new person with one role; the role's name is theirs."""
    user = User.objects.create_user(role, password=f"{role}-secret")
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    return Person(role, tokens.issue(user))


def an_order(order_id: str, **changes: Any) -> dict[str, Any]:
    """The input of an order of two articles."""
    order = {
        "order_id": order_id,
        "placed_at": "2010-12-01T08:26:00Z",
        "customer_id": "17850",
        "country": "United Kingdom",
        "currency": "GBP",
        "cancellation": False,
        "total": 22.0,
        "lines": [
            {"sku": "85123A", "description": "WHITE HANGING HEART", "quantity": 6, "unit_price": 2.55},
            {"sku": "71053", "description": None, "quantity": 2, "unit_price": 3.35},
        ],
    }
    return {**order, **changes}


def told(response: HttpResponse) -> Any:
    """The JSON of an answer."""
    return json.loads(response.content)


def is_problem(response: HttpResponse, status: int, kind: str) -> dict[str, Any]:
    """Assert that the answer is this problem, without a trace, and return it."""
    assert response.status_code == status, (response.status_code, response.content[:500])
    assert response["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = told(response)
    assert problem["type"] == f"/api/problems/{kind}"
    assert problem["status"] == status and problem["title"] and problem["detail"]
    assert "Traceback" not in problem["detail"] and "psycopg" not in problem["detail"]
    return problem


def fields(problem: dict[str, Any]) -> list[str]:
    """The fields a problem names."""
    return [error["field"] for error in problem.get("errors", [])]
