"""What people decided about workflows: the versions new instances take, and whether any are taken in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from django.db.models import Q

from workflows import registry
from workflows.models import PausedIntake, Rollout
from workflows.queries.visibility import Viewer, declared_to, visible_to

_NEWS = UUID("0b0a6c1e-5d0c-4f0e-8f57-3c0f6f0f8f2d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The versions new instances take. Without a decision `by` is empty and the newest takes all."""

    stable: int
    candidate: int | None = None
    percent: int = 0
    by: str = ""
    reason: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """New instances are refused; `until` None: until somebody resumes it."""

    until: datetime | None
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """How one workflow takes new instances in."""

    share: Share
    #: None: they are taken in
    pause: Pause | None = None


def decided(viewer: Viewer, now: datetime) -> dict[str, Decided]:
    """Every declared workflow the viewer may see, with what was decided about it. Two queries."""
    shares = {
        row.workflow: Share(
            stable=row.stable, candidate=row.candidate, percent=row.percent, by=row.by, reason=row.reason, at=row.at
        )
        for row in visible_to(viewer, Rollout.objects.all())
    }
    pauses = paused(viewer, now)
    return {
        name: Decided(
            share=shares.get(name) or Share(stable=registry.newest(name).version),
            pause=pauses.get(name),
        )
        for name in sorted({one.name for one in declared_to(viewer)})
    }


def paused(viewer: Viewer, now: datetime) -> dict[str, Pause]:
    """Workflows that take nothing in, by name."""
    in_force = PausedIntake.objects.filter(Q(until__gt=now) | Q(until__isnull=True))
    return {
        row.workflow: Pause(until=row.until, by=row.by, reason=row.reason, at=row.at)
        for row in visible_to(viewer, in_force).order_by("workflow")
    }


def news_id(workflow: str) -> UUID:
    """The id under which it is told that something was decided about a workflow."""
    return uuid5(_NEWS, workflow)


def decided_lately(about: Collection[UUID]) -> set[str]:
    """The workflows whose ids in the news are among these."""
    return {name for name, _ in registry.definitions() if news_id(name) in about}
