"""How far the demonstration is, and which worker processes one could kill."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models.functions import Now

from workflows.demo.models import Playback
from workflows.demo.playback import BUSY, CALM
from workflows.models import Session


@dataclass(frozen=True, slots=True)
class Played:
    """How many orders of the file were played."""

    position: int
    total: int
    played_at: datetime | None

    @property
    def finished(self) -> bool:
        """Whether every order was played."""
        return 0 < self.total <= self.position

    def next_at(self, *, busy: bool) -> datetime | None:
        """When the next one comes; sooner while a dial is turned (`busy`)."""
        if self.finished or self.played_at is None:
            return None
        return self.played_at + timedelta(seconds=BUSY if busy else CALM)


@dataclass(frozen=True, slots=True)
class Worker:
    """One living worker process."""

    host: str
    process: int
    pools: tuple[str, ...]


def played() -> Played:
    """Where the playback stands; all zero before it began."""
    found = Playback.objects.filter(id=1).values_list("position", "total", "played_at").first()
    return Played(*found) if found else Played(0, 0, None)


def workers() -> list[Worker]:
    """Workers that are alive, busiest kind of work first."""
    alive = Session.objects.filter(kind="worker", ended_at__isnull=True, alive_until__gt=Now()).order_by("started_at")
    return [Worker(host, pid, tuple(pools)) for host, pid, pools in alive.values_list("host", "process", "pools")]
