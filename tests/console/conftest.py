"""What all tests of pages share: how many queries a page may cost, beside those that note that a session has begun."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django.fixtures import DjangoAssertNumQueries

#: the first request of a session notes when it began: a savepoint, an update, and the end of the savepoint
BEGINNING = 3


@pytest.fixture
def django_assert_max_num_queries(django_assert_max_num_queries: DjangoAssertNumQueries) -> Any:
    """At most so many queries, and those of a session's beginning."""
    return lambda most, **options: django_assert_max_num_queries(most + BEGINNING, **options)
