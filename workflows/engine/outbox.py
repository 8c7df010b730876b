"""Published milestones on their way to subscribers: at least once, in order per instance, nobody blocks anybody.

1. The relay makes out a delivery per subscriber for every event behind its cursor. A transaction id below
   `pg_snapshot_xmin` is visible to everybody, so no event that commits late is skipped.
2. The deliverer sends what is due. Event n of an instance goes out after n-1 was delivered or given up.
3. A failing subscriber is tried again with backoff; after the last attempt the delivery is dead and can be replayed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

import httpx
import structlog
from django.db import transaction
from standardwebhooks import Webhook

from workflows.core.patience import retry_at
from workflows.dsl.dependency import Retry
from workflows.dsl.durations import minutes, seconds
from workflows.engine import clock, store
from workflows.events import Published

BATCH = 200
RETRY = Retry(attempts=12, first=seconds(1), factor=2, cap=minutes(10))
TIMEOUT = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Due:
    """One event for one subscriber."""

    delivery: int
    attempts: int
    url: str
    secret: str
    event: Published


def make_out() -> int:
    """Make out deliveries for events behind each subscriber's cursor. Returns how many."""
    made = 0
    for (subscription_id,) in store.run("SELECT id FROM workflows_subscription WHERE active", ()):
        with transaction.atomic():
            made += _make_out(subscription_id)
    return made


def _make_out(subscription_id: int) -> int:
    found = store.run(_CURSOR, (subscription_id,))
    if not found:
        return 0
    types, system, xid, last, here = found[0]
    if system != here:  # another database, or a restored one: begin at the start, receivers know ids they have seen
        xid, last = 0, None
    events = store.run(_BEHIND, (str(xid), last or UUID(int=0), BATCH))
    wanted = json.loads(types) if isinstance(types, str) else types
    now = clock.now()
    for event_id, instance_id, number, kind, _ in events:
        if not wanted or kind in wanted:
            store.run(_DELIVERY, (subscription_id, event_id, instance_id, number, now))
    if events:
        store.run(_MOVE, (subscription_id, here, events[-1][4], events[-1][0]))
    return len(events)


def deliver_due(limit: int = BATCH) -> int:
    """Send what is due, one attempt each. Returns how many were sent successfully."""
    return sum(_deliver(_due(row)) for row in store.run(_DUE, (limit,)))


def _due(row: tuple[Any, ...]) -> Due:
    names = ("id", "workflow", "type", "schema_version", "subject", "data", "correlation_id", "traceparent", "at")
    values = dict(zip(names, row[4:], strict=True))
    delivery, attempts, url, secret = row[:4]
    return Due(delivery, attempts, url, secret, Published(**{**values, "data": _json(values["data"])}))


def _json(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return found


def _deliver(due: Due) -> bool:
    error = send(due)
    now = clock.now()
    if not error:
        store.run(_DELIVERED, (due.delivery, now))
        return True
    failures = due.attempts + 1
    if failures >= RETRY.attempts:
        store.run(_DEAD, (due.delivery, error[:500]))
        log.warning("delivery.dead", event=str(due.event.id), error=error)
    else:
        store.run(_LATER, (due.delivery, retry_at(RETRY, failures, str(due.event.id), now), error[:500]))
    return False


def send(due: Due) -> str:
    """One signed POST (Standard Webhooks). Returns an empty string, or what went wrong."""
    body = json.dumps(due.event.cloud_event(), separators=(",", ":"))
    now = clock.now()
    signature = Webhook(due.secret).sign(str(due.event.id), now, body)
    headers = {
        "Content-Type": "application/cloudevents+json",
        "webhook-id": str(due.event.id),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
        "X-Correlation-ID": due.event.correlation_id,
    }
    try:
        response = _client().post(due.url, content=body, headers=headers)
    except httpx.HTTPError as error:
        return f"{type(error).__name__}: {error}"
    return "" if response.is_success else f"answered {response.status_code}"


@cache
def _client() -> httpx.Client:
    return httpx.Client(timeout=TIMEOUT, follow_redirects=False, trust_env=False)


_CURSOR = """
SELECT types, cursor_system, cursor_xid, cursor_id, (SELECT system_identifier::text FROM pg_control_system())
FROM workflows_subscription WHERE id = $1 AND active FOR UPDATE SKIP LOCKED
"""
_BEHIND = """
SELECT id, instance_id, number, type, xid::text::bigint FROM workflows_outboxevent
WHERE xid < pg_snapshot_xmin(pg_current_snapshot()) AND (xid, id) > ($1::text::xid8, $2)
ORDER BY xid, id LIMIT $3
"""
_DELIVERY = """
INSERT INTO workflows_delivery (subscription_id, event_id, instance_id, number, state, attempts, next_at, error)
VALUES ($1, $2, $3, $4, 'pending', 0, $5, '') ON CONFLICT (subscription_id, event_id) DO NOTHING
"""
_MOVE = "UPDATE workflows_subscription SET cursor_system = $2, cursor_xid = $3, cursor_id = $4 WHERE id = $1"
_DUE = """
SELECT d.id, d.attempts, s.url, s.secret, e.id, e.workflow, e.type, e.schema_version, e.subject, e.data,
       e.correlation_id, e.traceparent, e.at
FROM workflows_delivery d
JOIN workflows_subscription s ON s.id = d.subscription_id AND s.active
JOIN workflows_outboxevent e ON e.id = d.event_id
WHERE d.state = 'pending' AND d.next_at <= clock_timestamp()
  AND NOT EXISTS (SELECT FROM workflows_delivery before WHERE before.subscription_id = d.subscription_id
                  AND before.instance_id = d.instance_id AND before.number < d.number AND before.state = 'pending')
ORDER BY d.next_at LIMIT $1
"""
_DELIVERED = """
UPDATE workflows_delivery SET state = 'delivered', attempts = attempts + 1, delivered_at = $2, error = '' WHERE id = $1
"""
_DEAD = "UPDATE workflows_delivery SET state = 'dead', attempts = attempts + 1, error = $2 WHERE id = $1"
_LATER = "UPDATE workflows_delivery SET attempts = attempts + 1, next_at = $2, error = $3 WHERE id = $1"
