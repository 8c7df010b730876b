"""Installs the process full of secrets for those tests that look for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test.utils import modify_settings, override_settings


def _forget_definitions() -> None:
    from workflows import registry
    from workflows.engine import executor

    for remembered in (registry.definitions, registry.capabilities, registry.pools, executor._declared):
        remembered.cache_clear()


@pytest.fixture
def claims(transactional_db: None) -> Iterator[None]:
    """Claims can be started, and this process works on them."""
    from workflows.engine import executor, sessions

    sessions.end()
    executor._durations.clear()
    secrets = {"hospital": ("whsec_dGVzdHMtb25seS10ZXN0cy1vbmx5LTE=",)}
    with (
        modify_settings(INSTALLED_APPS={"append": "tests.security.flows_app"}),
        override_settings(WEBHOOK_SECRETS=secrets),
    ):
        _forget_definitions()
        yield
        sessions.end()
    _forget_definitions()
