"""People and groups: who changed what about them is on record, with what was before and after, passwords never."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows import audit
from workflows.audit import Act
from workflows.interventions.authority import Principal, may
from workflows.interventions.errors import Forbidden, ReasonMissing
from workflows.models import ScopedRole

Words = dict[str, Any]


def person(account: Any) -> Words:
    """What the record says about a Django user; nothing about one who is not stored."""
    if account is None or account.pk is None:
        return {}
    scoped = ScopedRole.objects.filter(user_id=account.pk).order_by("role", "workflow")
    return {
        "name": account.get_username(),
        "first_name": account.first_name,
        "last_name": account.last_name,
        "email": account.email,
        "active": account.is_active,
        "superuser": account.is_superuser,
        "groups": sorted(account.groups.values_list("name", flat=True)),
        "roles": [f"{role} for {workflow}" for role, workflow in scoped.values_list("role", "workflow")],
    }


def group(one: Any) -> Words:
    """What the record says about a group; nothing about one that is not stored."""
    if one is None or one.pk is None:
        return {}
    return {"name": one.name, "members": sorted(one.user_set.values_list("username", flat=True))}


def changed(
    principal: Principal, action: str, target: str, *, before: Mapping[str, Any], after: Mapping[str, Any], reason: str
) -> None:
    """Record a change in the transaction that makes it. Only what differs is kept; nothing differs: no row.

    Raises Forbidden (the caller's transaction must not commit) and ReasonMissing.
    """
    verdict = may(principal, "govern")
    if not verdict.allowed:
        raise Forbidden(verdict.reason)
    if not 1 <= len(reason.strip()) <= 2000:
        raise ReasonMissing("Please give a reason (up to 2,000 characters).")
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    if names:
        audit.record(
            Act(principal.kind, principal.name, action, principal.through, reason=reason.strip()),
            allowed=True,
            target=target,
            before={name: before[name] for name in names if name in before},
            after={name: after[name] for name in names if name in after},
        )


def refused(principal: Principal, address: str) -> None:
    """Record that somebody without the right tried to change something in the administration."""
    act = Act(principal.kind, principal.name, "govern", principal.through)
    audit.record(act, allowed=False, refusal=may(principal, "govern").reason, target=address)
