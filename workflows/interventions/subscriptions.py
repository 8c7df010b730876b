"""Who receives published events: subscribe, and have events sent again from a known one."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from workflows import audit
from workflows.audit import Act
from workflows.engine import clock, hosts
from workflows.interventions.authority import Principal, may
from workflows.interventions.errors import Forbidden, Impossible, InterventionError, Unknown
from workflows.models import OutboxEvent, Subscription


@dataclass(frozen=True)
class Subscribed:
    """A new subscription. `secret` (whsec_…) is told once; the receiver checks signatures with it."""

    id: int
    secret: str


class UnsafeAddress(ValueError):
    """Events are not sent there: not HTTP, with a password in it, or a metadata or link-local address."""


def subscribe(
    principal: Principal, name: str, url: str, *, types: Sequence[str] = (), secret: str = "", correlation_id: str = ""
) -> Subscribed:
    """Send events of these types (all, if none is named) to a URL, from the oldest one kept on.

    Raises Forbidden, UnsafeAddress, and Impossible when the name is taken. Every refusal is recorded in the audit,
    which names the host but not the whole address: addresses may carry secrets.
    """
    act = Act(principal.kind, principal.name, "subscribe", principal.through, correlation_id)
    secret = secret or "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    with _refusals_recorded(act, name):
        _allowed(principal, act)
        _check_address(url)
        try:
            with transaction.atomic():
                made = Subscription.objects.create(
                    name=name, url=url, secret=secret, types=list(types), created_at=clock.now()
                )
                after = {"host": urlsplit(url).hostname, "types": list(types)}
                audit.record(act, allowed=True, target=name, after=after)
        except IntegrityError:
            raise Impossible(f"There is a subscription named {name} already.") from None
    return Subscribed(made.id, secret)


def replay(
    principal: Principal, subscription_id: int, *, after: UUID | None, reason: str = "", correlation_id: str = ""
) -> int:
    """Send again everything published behind event `after` (None: everything). Returns how many events.

    Order per instance is kept. Events the relay has not reached yet come by themselves. Raises Forbidden and Unknown;
    every refusal is recorded in the audit.
    """
    act = Act(principal.kind, principal.name, "replay", principal.through, correlation_id, reason)
    subscription = Subscription.objects.filter(id=subscription_id).first()
    with _refusals_recorded(act, subscription.name if subscription else str(subscription_id)):
        _allowed(principal, act)
        if subscription is None:
            raise Unknown("There is no such subscription.")
        if after is not None and not OutboxEvent.objects.filter(id=after).exists():
            raise Unknown("There is no published event with this id.")
        with transaction.atomic(), connection.cursor() as cursor:
            # The relay holds this lock while it makes out deliveries, so none is made out and reset at once.
            Subscription.objects.select_for_update().get(id=subscription_id)
            cursor.execute(_AGAIN, {"subscription": subscription_id, "after": after})
            count = int(cursor.rowcount)
            told = {"replayed_after": str(after or ""), "events": count}
            audit.record(act, allowed=True, target=subscription.name, after=told)
        return count


@contextmanager
def _refusals_recorded(act: Act, target: str) -> Iterator[None]:
    try:
        yield
    except (InterventionError, UnsafeAddress) as refusal:
        audit.record(act, allowed=False, refusal=str(refusal), target=target)
        raise


def _allowed(principal: Principal, act: Act) -> None:
    """Subscribers receive every workflow's events in full, personal fields included."""
    for action in (act.action, "payload"):
        verdict = may(principal, action)
        if not verdict.allowed:
            raise Forbidden(verdict.reason)


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UnsafeAddress("must be an address such as https://example.com/hooks") from None
    if parts.scheme not in ("http", "https") or not host:
        raise UnsafeAddress("must begin with https:// or http:// and name a host")
    if parts.username or parts.password:
        raise UnsafeAddress("must not contain a user name or password")
    if hosts.never_meant(host):
        raise UnsafeAddress("must not be a link-local, multicast or unspecified address")


_AGAIN = """
INSERT INTO workflows_delivery (subscription_id, event_id, instance_id, number, state, attempts, next_at, error)
SELECT s.id, e.id, e.instance_id, e.number, 'pending', 0, clock_timestamp(), ''
FROM workflows_subscription s, workflows_outboxevent e
WHERE s.id = %(subscription)s
  AND (jsonb_array_length(s.types) = 0 OR s.types ? e.type)
  AND (e.xid::text::bigint, e.id) <= (s.cursor_xid, coalesce(s.cursor_id, '00000000-0000-0000-0000-000000000000'))
  AND (%(after)s::uuid IS NULL
       OR (e.xid, e.id) > (SELECT xid, id FROM workflows_outboxevent WHERE id = %(after)s::uuid))
ON CONFLICT (subscription_id, event_id)
DO UPDATE SET state = 'pending', attempts = 0, next_at = clock_timestamp(), delivered_at = NULL, error = ''
"""
