"""A web server for the tests of live updates."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.webserver import serving


@pytest.fixture
def web(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The base address of the real web process on this test's database, with a quick heart."""
    from console.live import hub  # needs a finished Django setup

    monkeypatch.setattr(hub, "BEAT", 0.2)
    with serving() as address:
        yield address
