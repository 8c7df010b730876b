"""What Django knows of people becomes what they may do: groups, roles for one workflow, and the limits of a token."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Value

from workflows.interventions.authority import INSTALLATION, ROLES, Principal
from workflows.models import ScopedRole


@dataclass(frozen=True)
class Limits:
    """What a token is good for at most; empty: everything its user may do."""

    capabilities: frozenset[str] = frozenset()
    workflows: frozenset[str] = frozenset()


NO_LIMITS = Limits()


def user(account: Any, through: str = "page", limits: Limits = NO_LIMITS) -> Principal:
    """The principal of a signed-in Django user, as far as the limits of their token reach. One query."""
    return users([account], through)[account.pk] if limits == NO_LIMITS else limited(user(account, through), limits)


def users(accounts: Collection[Any], through: str = "page") -> dict[Any, Principal]:
    """The principals of many Django users by primary key. One query, however many they are.

    A group named like a role gives it for all workflows, a `ScopedRole` for one. A superuser has the role admin.
    """
    held: dict[Any, set[tuple[str, str]]] = {account.pk: set() for account in accounts}
    for pk, role, workflow in _roles([one.pk for one in accounts if one.is_active and not one.is_superuser]):
        held[pk].add((role, workflow))
    return {account.pk: _principal(account, held[account.pk], through) for account in accounts}


def roles(account: Any) -> list[str]:
    """The roles of one user in words: "operator", "support for return"."""
    held = [] if not account.is_active else ["admin"] if account.is_superuser else None
    if held is not None:
        return held
    return sorted(f"{role} for {workflow}" if workflow else role for _, role, workflow in _roles([account.pk]))


def _roles(keys: list[Any]) -> Iterable[tuple[Any, str, str]]:
    """User, role and workflow (empty: all) of everything these users were given."""
    if not keys:
        return []
    groups = User.groups.through.objects.filter(user_id__in=keys, group__name__in=ROLES)
    scoped = ScopedRole.objects.filter(user_id__in=keys, role__in=ROLES)
    return groups.values_list("user_id", "group__name", Value("")).union(
        scoped.values_list("user_id", "role", "workflow"), all=True
    )


def _principal(account: Any, held: set[tuple[str, str]], through: str) -> Principal:
    if account.is_active and account.is_superuser:
        held = {("admin", "")}
    granted = {(workflow, capability) for role, workflow in held for capability in ROLES[role]}
    everywhere = frozenset(capability for workflow, capability in granted if not workflow)
    scoped = frozenset((w, c) for w, c in granted if w and c not in everywhere and c not in INSTALLATION)
    return Principal("user", account.get_username(), everywhere, through, scoped)


def limited(principal: Principal, limits: Limits) -> Principal:
    """The same principal with no more than the limits allow. What concerns no workflow is lost with a workflow's."""
    granted = frozenset(
        (workflow, capability)
        for workflow, capability in principal.scoped | {("", capability) for capability in principal.capabilities}
        if not limits.capabilities or capability in limits.capabilities
    )
    if limits.workflows:
        everywhere = frozenset(capability for workflow, capability in granted if not workflow)
        granted = frozenset(
            (workflow, capability) for workflow, capability in granted if workflow in limits.workflows
        ) | {(workflow, capability) for workflow in limits.workflows for capability in everywhere - INSTALLATION}
    return replace(
        principal,
        capabilities=frozenset(capability for workflow, capability in granted if not workflow),
        scoped=frozenset((workflow, capability) for workflow, capability in granted if workflow),
    )
