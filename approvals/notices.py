"""Who is told of a question by mail: one notice per person, kept until it was sent or the question is settled.

made out ──► sent      told once; after a crash between sending and noting it, twice
    └──► made out      it failed and is tried again later
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from approvals.models import Approval, Notice
from approvals.rules import State

#: how long one process has a notice to itself; after that, another one tries
HOLD = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Due:
    """A notice that is to be sent now. `attempts` counts those that failed."""

    id: int
    approval_id: UUID
    person: str
    attempts: int


def untold(limit: int) -> list[UUID]:
    """Open questions for which no notices have been made out, the oldest first."""
    found = Approval.objects.filter(state=State.OPEN, told_at=None).order_by("opened_at")
    return list(found.values_list("id", flat=True)[:limit])


def make_out(approval_id: UUID, people: Iterable[str], now: datetime) -> int:
    """Make out a notice for each of these people, once per question. Returns how many; 0 when somebody was first."""
    with transaction.atomic():
        if not Approval.objects.filter(id=approval_id, told_at=None).update(told_at=now):
            return 0
        made = [Notice(approval_id=approval_id, person=person, next_at=now) for person in sorted(set(people))]
        return len(Notice.objects.bulk_create(made))


def take(limit: int, now: datetime) -> list[Due]:
    """What is due, taken so that no other process sends it meanwhile. Notices of settled questions stay unsent."""
    due = Notice.objects.filter(sent_at=None, next_at__lte=now, approval__state=State.OPEN).order_by("next_at", "id")
    with transaction.atomic():
        rows = list(due.select_for_update(skip_locked=True, of=("self",))[:limit])
        Notice.objects.filter(id__in=[row.id for row in rows]).update(next_at=now + HOLD)
    return [Due(row.id, row.approval_id, row.person, row.attempts) for row in rows]


def sent(notice: Due, now: datetime) -> None:
    """It went out."""
    Notice.objects.filter(id=notice.id).update(sent_at=now, error="")


def failed(notice: Due, error: str, again_at: datetime) -> None:
    """It did not, and is tried again."""
    Notice.objects.filter(id=notice.id).update(attempts=notice.attempts + 1, error=error, next_at=again_at)
