"""Whatever a client sends, the API answers as its own description says, and never with an error of ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error, response_schema_conformance, status_code_conformance

from tests.engine.desk import Desk

#: requests per operation; `make proof` is the place for thousands
EXAMPLES = 8
CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]


@dataclass(frozen=True)
class Asked:
    """The API's description, and whose token every request carries."""

    schema: Any
    token: str

    def operations(self) -> list[Any]:
        return [found.ok() for found in self.schema.get_all_operations()]


@pytest.fixture
def described(transactional_db: None) -> Asked:
    """The API as it describes itself, called by an admin, with something to find in it."""
    from tests.api.world import person

    Desk().delivered("536365")
    return Asked(
        schemathesis.openapi.from_wsgi("/api/schema/?format=json", get_wsgi_application()), person("admin").token
    )  # fmt: skip


def test_every_answer_is_one_that_was_described(described: Asked) -> None:
    problems = {}
    for operation in described.operations():
        try:
            _ask(operation, described.token)
        except BaseException as problem:  # a group of failed checks; all operations have their turn
            problems[operation.label] = "\n".join(str(one) for one in getattr(problem, "exceptions", [problem]))

    assert not problems, "\n\n".join(f"{label}\n{problem}" for label, problem in problems.items())


def _ask(operation: Any, token: str) -> None:
    """Send a few requests that the description allows, and some that it does not."""

    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)

    ask()


def test_every_operation_is_described_once(described: Asked) -> None:
    labels = [operation.label for operation in described.operations()]

    assert len(labels) == len(set(labels)) >= 20
