"""People of the API tests. Models are imported late: this file is read before Django is set up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.api.world import Person


@pytest.fixture
def support(db: None) -> Person:
    from tests.api.world import person

    return person("support")


@pytest.fixture
def operator(db: None) -> Person:
    from tests.api.world import person

    return person("operator")


@pytest.fixture
def admin(db: None) -> Person:
    from tests.api.world import person

    return person("admin")
