"""Decides which sockets may stay: the session behind each must exist, belong to an active user, and allow reading."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.models import Session
from django.http.request import validate_host
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from workflows import interventions


def same_origin(headers: dict[bytes, bytes]) -> bool:
    """Whether the page that opens the socket is ours: an Origin that matches an allowed Host, or a trusted one."""
    origin = headers.get(b"origin", b"").decode("latin-1").lower()
    host = headers.get(b"host", b"").decode("latin-1").lower()
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    parts = urlsplit(origin)
    known = validate_host(urlsplit(f"//{host}").hostname or "", settings.ALLOWED_HOSTS)
    return parts.scheme in ("http", "https") and bool(host) and parts.netloc == host and known


def readers(keys: Collection[str]) -> dict[str, str]:
    """Session key to user name for those of `keys` whose session is valid now and whose user may read.

    Three queries however many keys there are.
    """
    sessions = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    found = {session.session_key: session.get_decoded() for session in sessions}
    wanted = {key: data for key, data in found.items() if str(data.get(SESSION_KEY, "")).isdigit()}
    accounts = (
        get_user_model()
        .objects.filter(pk__in={data[SESSION_KEY] for data in wanted.values()}, is_active=True)
        .prefetch_related("groups")
    )
    by_id = {str(account.pk): account for account in accounts}
    names = {}
    for key, data in wanted.items():
        account = by_id.get(data[SESSION_KEY])
        if account is None or not constant_time_compare(
            data.get(HASH_SESSION_KEY, ""), account.get_session_auth_hash()
        ):
            continue
        if interventions.may(interventions.user(account), "read").allowed:
            names[key] = account.get_username()
    return names
