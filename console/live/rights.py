"""Decides which sockets may stay and what they may hear of: the session behind each must be valid and allow reading."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.models import Session
from django.http.request import split_domain_port, validate_host
from django.utils.crypto import constant_time_compare

from workflows import interventions
from workflows.engine import clock
from workflows.queries import dependencies, instances, operations
from workflows.queries.visibility import Viewer


def same_origin(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the page that opens the socket is ours: an Origin equal to an allowed Host, or a trusted one.

    Stricter than the validator of the websocket library, which lets everything pass where all hosts are allowed.
    """
    origin = headers.get(b"origin", b"").decode("latin-1").lower()
    host = headers.get(b"host", b"").decode("latin-1").lower()
    if origin and origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    parts = urlsplit(origin)
    domain, _ = split_domain_port(host)
    known = bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)
    return known and parts.scheme in ("http", "https") and parts.netloc == host


def viewers(keys: Collection[str]) -> dict[str, Viewer]:
    """What may be seen, by session key, for those of `keys` whose session is valid now and whose user may read.

    Three queries, however many keys there are.
    """
    sessions = Session.objects.filter(session_key__in=keys, expire_date__gt=clock.now())
    found = {session.session_key: session.get_decoded() for session in sessions}
    ids = {data[SESSION_KEY] for data in found.values() if str(data.get(SESSION_KEY, "")).isdigit()}
    by_id = {str(account.pk): account for account in get_user_model().objects.filter(pk__in=ids, is_active=True)}
    people = interventions.users(by_id.values())
    found_viewers = {}
    for key, data in found.items():
        account = by_id.get(str(data.get(SESSION_KEY)))
        if account is None or not _signed_in(data, account.get_session_auth_hash()):
            continue
        if interventions.may_somewhere(people[account.pk], "read").allowed:
            found_viewers[key] = interventions.viewer(people[account.pk])
    return found_viewers


def _signed_in(data: Mapping[str, str], fingerprint: str) -> bool:
    """Whether the session was begun with the account's present password."""
    return constant_time_compare(data.get(HASH_SESSION_KEY, ""), fingerprint)


def visible(viewer: Viewer, about: frozenset[str]) -> frozenset[str]:
    """Those instances, operations and breakers that exist for this viewer; others are silent like what is not there."""
    if viewer.sees is None:
        return about
    wanted = {UUID(one) for one in about}
    found = instances.visible(viewer, wanted) | operations.in_the_news(viewer, wanted)
    return frozenset(str(one) for one in found | dependencies.in_the_news(viewer, wanted))
