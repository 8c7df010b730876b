"""The test processes installed, one worker session, and a far side that has forgotten earlier tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test.utils import modify_settings, override_settings

from tests.engine.flows_app.far_side import FarSide
from tests.engine.flows_app.far_side import far as the_far_side


def _forget_definitions() -> None:
    from workflows import registry
    from workflows.engine import executor

    for remembered in (registry.definitions, registry.capabilities, registry.pools, executor._declared):
        remembered.cache_clear()


@pytest.fixture
def far(transactional_db: None) -> Iterator[FarSide]:
    """The test processes are installed; nobody hears wake-ups; the process has a session of its own."""
    from workflows.engine import executor, sessions

    sessions.end()
    executor._durations.clear()
    with modify_settings(INSTALLED_APPS={"append": "tests.engine.flows_app"}), override_settings(REDIS_URL=""):
        _forget_definitions()
        the_far_side.forget()
        yield the_far_side
        sessions.end()
    _forget_definitions()
