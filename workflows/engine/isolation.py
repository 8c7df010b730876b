"""One bad row must not stop the watch: an action per row, each for itself; what fails is reported and passed over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import structlog

from workflows.engine.patience import AWAY

log = structlog.get_logger(__name__)


def each(what: str, rows: Iterable[tuple[Any, ...]], act: Callable[..., object]) -> int:
    """Call `act` with every row. Returns for how many it went well. A database that is away ends the round."""
    went_well = 0
    for row in rows:
        try:
            act(*row)
        except AWAY:
            raise
        except Exception:  # an edge: the others have a right to their turn
            log.exception("row.failed", what=what, row=[str(part) for part in row])
        else:
            went_well += 1
    return went_well
