"""Remembers the first answer to a request that carries an Idempotency-Key (IETF draft), per caller.

begin ──► Fresh            nobody was here before: do it, then `finish` or `give_up`
     ├──► Replay           it was answered: say the same again
     ├──► Running          somebody is still at it
     └──► Different        the key was used for another request
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Subquery, Value
from django.db.models.functions import Coalesce

from workflows.engine import clock, store
from workflows.models import IdempotentRequest, Instance

#: After this long a request without an answer is taken for dead: whoever was killed keeps a client waiting no longer
#: than a dead worker keeps its work. If it lives after all, what it started answers by its own key.
ABANDONED = timedelta(seconds=12)
#: Answers are kept at least this long.
KEPT = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Fresh:
    """This request is the first with its key."""

    id: int


@dataclass(frozen=True, slots=True)
class Replay:
    """The stored answer."""

    status: int
    body: str


@dataclass(frozen=True, slots=True)
class Running:
    """The first request with this key has no answer yet."""


@dataclass(frozen=True, slots=True)
class Different:
    """The key belongs to a request with another method, path or body."""


def begin(scope: str, key: str, fingerprint: str, *, request: str = "") -> Fresh | Replay | Running | Different:
    """Claim the key; `request` is method and path, for people. Of two simultaneous requests exactly one gets Fresh."""
    now = clock.now()
    made = store.run(_CLAIM, (scope, key, fingerprint, now, now - ABANDONED, request))
    if made:
        return Fresh(made[0][0])
    known = IdempotentRequest.objects.filter(scope=scope, key=key).first()
    if known is None:
        return Running()  # given up this very moment; the caller tries again
    if known.fingerprint != fingerprint:
        return Different()
    return Running() if known.status is None else Replay(known.status, known.body)


def finish(fresh: Fresh, status: int, body: str, *, instance_id: UUID | None = None) -> None:
    """Keep the answer, and which instance it is about. Losing to whoever took over an abandoned one changes nothing."""
    workflow = Subquery(Instance.objects.filter(id__in=[instance_id]).values("workflow")[:1])
    IdempotentRequest.objects.filter(id=fresh.id, status__isnull=True).update(
        status=status,
        body=body,
        answered_at=clock.now(),
        instance_id=instance_id,
        workflow=Coalesce(workflow, Value("")),
    )


def give_up(fresh: Fresh) -> None:
    """The request had no answer worth keeping: the key is free again."""
    IdempotentRequest.objects.filter(id=fresh.id, status__isnull=True).delete()


def forget_old() -> int:
    """Remove answers older than KEPT. Returns how many."""
    return IdempotentRequest.objects.filter(at__lt=clock.now() - KEPT).delete()[0]


_CLAIM = """
INSERT INTO workflows_idempotentrequest (scope, key, fingerprint, at, request, body) VALUES ($1, $2, $3, $4, $6, '')
ON CONFLICT (scope, key) DO UPDATE SET at = excluded.at
WHERE workflows_idempotentrequest.status IS NULL AND workflows_idempotentrequest.at < $5
  AND workflows_idempotentrequest.fingerprint = excluded.fingerprint
RETURNING id
"""
