"""API tokens: shown once, stored as SHA-256, expiring and revocable."""

from __future__ import annotations

import secrets
from datetime import timedelta
from hashlib import sha256
from typing import Any

from django.db.models import Q

from workflows.engine import clock
from workflows.models import ApiToken

_PREFIX = "wk_"


def issue(account: Any, label: str = "", lifetime: timedelta | None = None) -> str:
    """Create a token for a user and return its text, which is never shown again."""
    text = _PREFIX + secrets.token_urlsafe(32)
    now = clock.now()
    ApiToken.objects.create(
        user=account, digest=digest(text), label=label, created_at=now, expires_at=now + lifetime if lifetime else None
    )
    return text


def owner(text: str) -> Any | None:
    """The active user of a valid token, or None."""
    now = clock.now()
    found = (
        ApiToken.objects.select_related("user")
        .filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now), digest=digest(text), revoked_at__isnull=True)
        .first()
    )
    return found.user if found and found.user.is_active else None


def digest(text: str) -> str:
    """What is stored of a token."""
    return sha256(text.encode()).hexdigest()
