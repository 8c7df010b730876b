"""Is everything published that happened, in order and on its way, and nothing that did not? (I26, I27)"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from workflows.core import events as e
from workflows.engine import ids
from workflows.verify.findings import Offender
from workflows.verify.snapshot import Snapshot, select
from workflows.verify.stories import Story


def judge(story: Story, snapshot: Snapshot) -> Iterator[Offender]:
    """I26 (complete, in order) and I27 of one instance."""
    said = _said(story)
    kept = {event_id: (number, *rest) for event_id, number, *rest in story.beside.outbox}
    for event_id, expected in said.items():
        if event_id not in kept:
            yield Offender("I26", story.name, f"{expected[0]} happened, but is not in the outbox")
    numbers = [kept[event_id][0] for event_id in said if event_id in kept]
    if numbers != sorted(numbers) or sorted(number for number, *_ in kept.values()) != list(range(1, len(kept) + 1)):
        yield Offender("I26", story.name, "its published events are not numbered in the order in which they happened")
    for event_id, (_, *content) in kept.items():
        if event_id not in said:
            yield Offender("I27", story.name, f"{content[0]} was announced, but did not happen")
        elif content != said[event_id]:
            yield Offender("I27", story.name, f"{content[0]} was announced with other content than it had")


def _said(story: Story) -> dict[UUID, list[Any]]:
    """What the history says was published: id to type, schema version, subject and data, in order."""
    return {
        ids.event_id(story.row.id, moment.record.seq): [
            moment.event.event_type,
            moment.event.event_version,
            story.row.key,
            moment.event.data,
        ]
        for moment in story.moments
        if isinstance(moment.event, e.EventPublished)
    }


def late(snapshot: Snapshot) -> Iterator[Offender]:
    """I26 (not late): deliveries that are due and not tried, or not even made out."""
    for event_id, name, problem in select(_LATE, {"calm": snapshot.calm}):
        yield Offender("I26", str(event_id), f"for subscriber {name} it {problem}")


def overtaken(snapshot: Snapshot) -> Iterator[Offender]:
    """I26 (in order): deliveries that arrived before an earlier one of the same instance was settled."""
    for event_id, name, number in select(_OVERTAKEN):
        yield Offender("I26", str(event_id), f"subscriber {name} got it before number {number} of the same instance")


_LATE = """
SELECT d.event_id, s.name, 'has been due since ' || d.next_at
FROM workflows_delivery d JOIN workflows_subscription s ON s.id = d.subscription_id AND s.active
WHERE d.state = 'pending' AND d.next_at < %(calm)s
  AND NOT EXISTS (SELECT FROM workflows_delivery b WHERE b.subscription_id = d.subscription_id
                  AND b.instance_id = d.instance_id AND b.number < d.number AND b.state = 'pending')
UNION ALL
SELECT o.id, s.name, 'has not been made out'
FROM workflows_outboxevent o JOIN workflows_subscription s ON s.active
WHERE greatest(o.at, s.created_at) < %(calm)s AND o.xid < pg_snapshot_xmin(pg_current_snapshot())
  AND (s.types = '[]'::jsonb OR s.types ? o.type)
  AND (s.cursor_id IS NULL OR (o.xid, o.id) > (s.cursor_xid::text::xid8, s.cursor_id))
"""
_OVERTAKEN = """
SELECT d.event_id, s.name, b.number
FROM workflows_delivery d
JOIN workflows_subscription s ON s.id = d.subscription_id
JOIN workflows_delivery b ON b.subscription_id = d.subscription_id AND b.instance_id = d.instance_id
WHERE d.state = 'delivered' AND b.number < d.number
  AND (b.state = 'pending' OR (b.state = 'delivered' AND b.delivered_at > d.delivered_at))
"""
