"""Runs before anything else: the services of the test run, then Django on top of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import services

services.provide()


def pytest_configure(config: pytest.Config) -> None:
    # Settings are read here, when the environment is complete; pytest-django sets Django up right afterwards.
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


@pytest.fixture(scope="session", autouse=True)
def _tables_are_emptied_quickly() -> None:
    from tests import flushing

    flushing.install()


@pytest.fixture(autouse=True)
def _decided_nothing() -> Iterator[None]:
    """This process remembers for a second how new instances are taken in; the next test decides anew."""
    from workflows.engine import releases

    releases.forget()
    yield
    releases.forget()


def pytest_unconfigure(config: pytest.Config) -> None:
    services.dismiss()
