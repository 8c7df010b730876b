"""Who had a hand in an instance: whoever started, edited or cancelled it does not decide about it (four eyes)."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar
from uuid import UUID

from django.db.models import Exists, Model, OuterRef, QuerySet

from workflows.models import AuditEntry, Instance

ModelT = TypeVar("ModelT", bound=Model)

#: What makes a person part of the matter, and how that is said.
INVOLVEMENT = {
    "start": "started",
    "skip": "edited",
    "complete": "edited",
    "signal": "edited",
    "apply": "edited",
    "cancel": "cancelled",
    "compensate": "cancelled",
}


def involved(instance_ids: Collection[UUID]) -> dict[UUID, dict[str, str]]:
    """For each of them every person who had a hand in it, and what they did. Two queries.

    Clients, policies and the system exclude nobody.
    """
    found: dict[UUID, dict[str, str]] = {one: {} for one in instance_ids}
    acts = AuditEntry.objects.filter(
        instance_id__in=found, actor_kind="user", allowed=True, action__in=INVOLVEMENT
    ).order_by("id")
    for instance_id, actor, action in acts.values_list("instance_id", "actor", "action"):
        if instance_id is not None:
            found[instance_id][actor] = INVOLVEMENT[action]
    started = Instance.objects.filter(id__in=found, initiator_kind="user")
    for instance_id, initiator in started.values_list("id", "initiator"):
        found[instance_id][initiator] = INVOLVEMENT["start"]
    return found


def untouched_by(person: str, found: QuerySet[ModelT], instance: str) -> QuerySet[ModelT]:
    """The rows about instances in which this person had no hand; `instance` names the column with their id."""
    acts = AuditEntry.objects.filter(
        instance_id=OuterRef(instance), actor_kind="user", actor=person, allowed=True, action__in=INVOLVEMENT
    )
    started = Instance.objects.filter(id=OuterRef(instance), initiator_kind="user", initiator=person)
    return found.exclude(Exists(acts)).exclude(Exists(started))
