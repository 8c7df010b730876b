"""What people know about causes of trouble: who has one, what they wrote down, and whether it is mended."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from workflows import registry
from workflows.models import FailureNote, Instance
from workflows.queries.trouble import Cause, matching, parse
from workflows.queries.visibility import Viewer, declared_to, visible_to

#: notes without a present failure that are read, the newest first
MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What people know about a cause. `state` is new, taken, waiting (for a fix) or done; `owner` is who took it."""

    cause: str
    owner: str
    note: str
    state: str
    by: str
    at: datetime

    @property
    def holder(self) -> str:
        """Who looks after it now; empty for nobody."""
        return self.owner if self.state in ("taken", "waiting") else ""


def about(causes: Collection[Cause]) -> dict[str, Note]:
    """What is known about these causes, by key. One query, none without causes."""
    found = FailureNote.objects.filter(cause__in=[cause.key for cause in causes]) if causes else ()
    return {row.cause: _note(row) for row in found}


def all_of(viewer: Viewer, present: Collection[Cause], *, done: bool) -> dict[str, Note]:
    """What is known about the present causes, and about those nothing hangs on now; the latter unless they are done."""
    of_present = Q(cause__in=[cause.key for cause in present])
    others = FailureNote.objects.exclude(of_present)
    others = others if done else others.exclude(state="done")
    found = FailureNote.objects.filter(of_present | Q(cause__in=others.order_by("-at").values("cause")[:MOST]))
    return {row.cause: _note(row) for row in found if (cause := parse(row.cause)) and _concerns(viewer, cause)}


def known(viewer: Viewer, cause: Cause) -> bool:
    """Whether this cause troubles anything now that the viewer may see, or has a note."""
    if visible_to(viewer, Instance.objects.filter(matching(cause))).exists():
        return True
    return _concerns(viewer, cause) and FailureNote.objects.filter(cause=cause.key).exists()


def touches(cause: Cause) -> frozenset[str]:
    """The processes that this cause can touch: those that call the system, or the one it is about."""
    if not cause.whole:
        return frozenset({cause.workflow})
    every = registry.definitions().values()
    return frozenset(one.name for one in every if any(d.name == cause.dependency for d in one.dependencies))


def _concerns(viewer: Viewer, cause: Cause) -> bool:
    """Whether the cause can touch anything the viewer may see."""
    return viewer.sees is None or bool(touches(cause) & {one.name for one in declared_to(viewer)})


def _note(row: FailureNote) -> Note:
    return Note(cause=row.cause, owner=row.owner, note=row.note, state=row.state, by=row.by, at=row.at)
