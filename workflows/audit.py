"""Writes the append-only record of who did what, refused attempts included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from django.db.models.functions import Now

from workflows.models import AuditEntry

#: characters that are kept of one text; a refused attempt may have said much more
LONGEST = 2000


@dataclass(frozen=True)
class Act:
    """One human (or policy) act; everything it causes carries the same `id`."""

    actor_kind: str
    actor: str
    action: str
    through: str = ""
    correlation_id: str = ""
    reason: str = ""
    id: UUID = field(default_factory=uuid4)


def record(
    act: Act,
    *,
    allowed: bool,
    refusal: str = "",
    workflow: str = "",
    instance_id: UUID | None = None,
    target: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Add one row, in the caller's transaction. `before` and `after` hold business words, never payloads.

    Texts are kept as far as a row can hold them, because a refused attempt may have sent anything.
    """
    return AuditEntry.objects.create(
        act_id=act.id,
        at=Now(),
        actor_kind=act.actor_kind,
        actor=act.actor,
        action=act.action,
        workflow=_kept(workflow),
        instance_id=instance_id,
        target=_kept(target),
        allowed=allowed,
        refusal=_kept(refusal),
        reason=_kept(act.reason),
        before=dict(before or {}),
        after=dict(after or {}),
        correlation_id=act.correlation_id,
        through=act.through,
    )


def _kept(text: str) -> str:
    return text.replace("\x00", "\ufffd")[:LONGEST]
