"""API tokens: shown once, stored as SHA-256, limited, expiring and revocable; who gave or took one is in the audit."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.db.models import Q

from workflows import audit, registry
from workflows.audit import Act
from workflows.engine import clock
from workflows.interventions.authority import CAPABILITIES, Principal, may
from workflows.interventions.errors import Forbidden, Impossible, Unknown
from workflows.interventions.people import NO_LIMITS, Limits
from workflows.models import ApiToken

_PREFIX = "wk_"
#: a token's use is noted at most this often
_NOTED = timedelta(minutes=1)
#: whoever has a shell on the machine
SHELL = Principal("system", "shell", frozenset({"govern"}), "command")


@dataclass(frozen=True, slots=True)
class Bearer:
    """The active user in whose name a token acts, and what it is good for at most."""

    account: Any
    limits: Limits


def issue(
    account: Any,
    *,
    by: Principal = SHELL,
    label: str = "",
    lifetime: timedelta | None = None,
    limits: Limits = NO_LIMITS,
    reason: str = "",
) -> str:
    """Create a token for a user and return its text, which is never shown again.

    Raises Forbidden, and Impossible for a capability or workflow that does not exist or a user who may not sign in.
    Every refusal is recorded in the audit.
    """
    act = Act(by.kind, by.name, "issue-token", by.through, reason=reason)
    _allowed(by, act, account.get_username())
    try:
        _check(account, limits)
    except Impossible as refusal:
        audit.record(act, allowed=False, refusal=str(refusal), target=account.get_username())
        raise
    text, now = _PREFIX + secrets.token_urlsafe(32), clock.now()
    with transaction.atomic():
        made = ApiToken.objects.create(
            user=account,
            digest=digest(text),
            label=label,
            capabilities=sorted(limits.capabilities),
            workflows=sorted(limits.workflows),
            created_at=now,
            expires_at=now + lifetime if lifetime else None,
        )
        audit.record(act, allowed=True, target=account.get_username(), after=_words(made))
    return text


def _check(account: Any, limits: Limits) -> None:
    for unknown in sorted(limits.capabilities - set(CAPABILITIES)):
        raise Impossible(f"There is no capability {unknown!r}; there are {', '.join(CAPABILITIES)}.")
    for unknown in sorted(limits.workflows - {name for name, _ in registry.definitions()}):
        raise Impossible(f"There is no workflow {unknown!r}.")
    if not account.is_active:
        raise Impossible(f"{account.get_username()} may not sign in, so a token would be good for nothing.")


def revoke(token_id: int, *, by: Principal = SHELL, reason: str = "") -> bool:
    """End a token at once. False if it was revoked before. Raises Forbidden and Unknown."""
    act = Act(by.kind, by.name, "revoke-token", by.through, reason=reason)
    token = ApiToken.objects.select_related("user").filter(id=token_id).first()
    _allowed(by, act, token.user.get_username() if token else str(token_id))
    if token is None:
        audit.record(act, allowed=False, refusal="There is no such token.", target=str(token_id))
        raise Unknown("There is no such token.")
    with transaction.atomic():
        now = clock.now()
        ended = ApiToken.objects.filter(id=token_id, revoked_at__isnull=True).update(revoked_at=now)
        if ended:
            target, after = token.user.get_username(), {"token": token_id, "revoked_at": now.isoformat()}
            audit.record(act, allowed=True, target=target, before=_words(token), after=after)
    return bool(ended)


def bearer(text: str) -> Bearer | None:
    """Who acts with this token: None unless it is known, neither expired nor revoked, and its user is active."""
    now = clock.now()
    found = (
        ApiToken.objects.select_related("user")
        .filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now), digest=digest(text), revoked_at__isnull=True)
        .first()
    )
    if found is None or not found.user.is_active:
        return None
    if found.last_used_at is None or found.last_used_at < now - _NOTED:
        not_just_now = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - _NOTED)
        ApiToken.objects.filter(not_just_now, id=found.id).update(last_used_at=now)
    return Bearer(found.user, Limits(frozenset(found.capabilities), frozenset(found.workflows)))


def digest(text: str) -> str:
    """What is stored of a token."""
    return sha256(text.encode()).hexdigest()


def limits(capabilities: Iterable[str] = (), workflows: Iterable[str] = ()) -> Limits:
    """What a token shall be good for at most."""
    return Limits(frozenset(capabilities), frozenset(workflows))


def _allowed(by: Principal, act: Act, target: str) -> None:
    verdict = may(by, "govern")
    if not verdict.allowed:
        audit.record(act, allowed=False, refusal=verdict.reason, target=target)
        raise Forbidden(verdict.reason)


def _words(token: ApiToken) -> dict[str, Any]:
    """A token for the audit: everything but what it is recognised by."""
    return {
        "token": token.pk,
        "label": token.label,
        "capabilities": token.capabilities,
        "workflows": token.workflows,
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
    }
