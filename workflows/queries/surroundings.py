"""What holds an instance up that is not part of it: the breaker it waits for, and workers without its code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from breakers import queries as breakers
from breakers.queries import Standing
from workflows.queries.instances import InstanceRow
from workflows.queries.unserved import Service, service


@dataclass(frozen=True, slots=True)
class Around:
    """The breaker that holds an instance up, if one does, and whether no live worker has the code for its version."""

    breaker: Standing | None = None
    without_code: bool = False


class Surroundings:
    """Looks around instances, for sentences about them: what is the same for many is read once, and only if needed."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._breakers: dict[str, Standing] | None = None
        self._service: Service | None = None

    def of(self, row: InstanceRow) -> Around:
        """What is around this instance. Nothing, once it has ended."""
        if row.ended_at is not None:
            return Around()
        if self._service is None:
            self._service = service(self._now)
        return Around(self._breaker(row), self._service.lacks(row.workflow, row.version))

    def _breaker(self, row: InstanceRow) -> Standing | None:
        if row.waiting_kind != "breaker":
            return None
        if self._breakers is None:
            self._breakers = {one.name: one for one in breakers.standings(None, self._now)}
        return self._breakers.get(row.waiting_name)
