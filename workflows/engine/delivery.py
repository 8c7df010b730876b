"""Hands stored messages to the instances that wait for them, one transaction each, after they were acknowledged."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from workflows.core.state import Direction
from workflows.engine import apply, clock, failpoints, inbox, store
from workflows.engine.apply import Applied
from workflows.engine.chain import Actor
from workflows.engine.store import Lease
from workflows.queries.proposals import step_for


class NotWanted(Exception):
    """The instance cannot take the message now; the text says why, and nothing was written."""


def deliver(message_id: UUID) -> bool:
    """Hand a pending message to its instance, in a transaction of its own. False: nobody waits for it (any more)."""
    found = store.run(_CANDIDATE, (message_id,))
    if not found:
        _sort_again(message_id)
        return False
    instance_id, step = found[0]

    with transaction.atomic():
        locked = store.lock(instance_id)
        if locked is None:
            return False
        row, leases = locked
        pending = store.run(_TAKE, (message_id,))
        still_open = store.run(_OPEN, (instance_id, step))
        if not pending or not still_open or row.state.paused:
            return False  # another process was faster, or it waits until the instance is resumed
        source, body = pending[0]
        failpoints.at("g", instance_id)
        apply.accept(row, inbox.Arrived(message_id, source, body, step), _in_flight(leases), clock.read())
        return True


def hand_over(message_id: UUID, instance_id: UUID, by: Actor) -> Applied | None:
    """Let a message decide the wait for its type in an instance that a person chose, whatever its key says.

    None: no such instance. Raises NotWanted. Belongs into a transaction of the caller's, which an error rolls back.
    """
    locked = store.lock(instance_id)
    if locked is None:
        return None
    row, leases = locked
    ((source, body, kind, key, state),) = store.run(_ANY, (message_id,))
    if state == "applied":
        raise NotWanted("it has been taken into account already")
    waits = [(step, match) for step, match in store.run(_OPEN_OF_TYPE, (instance_id, kind))]
    if not waits:
        raise NotWanted(f"nothing here waits for {kind}")
    step = step_for(key, waits)
    if not step:
        raise NotWanted(f"several steps here wait for {kind}, and none of them for {key}")
    if row.state.paused:
        raise NotWanted("it is paused; what comes in is kept until somebody resumes it")
    message = inbox.Arrived(message_id, source, body, step, by)
    applied = apply.accept(row, message, _in_flight(leases), clock.read())
    if not applied.decision.events:
        note = store.run("SELECT note FROM workflows_message WHERE id = $1", (message_id,))[0][0]
        raise NotWanted(f"the message breaks its contract ({note})" if note else "it changes nothing here")
    return applied


def _in_flight(leases: list[Lease]) -> set[tuple[str, Direction]]:
    return {(lease.step, lease.direction) for lease in leases if lease.session_id is not None}


def _sort_again(message_id: UUID) -> None:
    """A pending message whose wait has been closed meanwhile gets its disposition.

    It is looked at again under the lock: who was opening the wait just now may have taken it.
    """
    with transaction.atomic():
        found = store.run("SELECT type, key FROM workflows_message WHERE id = $1", (message_id,))
        if not found:
            return
        kind, key = found[0]
        store.run(inbox.LOCK, (f"{kind}\n{key}",))
        for (body,) in store.run(_STILL_PENDING, (message_id,)):
            inbox.sort(message_id, kind, key, body, clock.read())


def undelivered(limit: int = 200) -> list[UUID]:
    """Pending messages that some wait, open or closed, concerns: what the sweeper hands over or sorts."""
    return [row[0] for row in store.run(_UNDELIVERED, (limit,))]


_CANDIDATE = """
SELECT w.instance_id, w.step FROM workflows_message m
JOIN workflows_wait w ON w.message_type = m.type AND w.match = m.key AND w.state = 'open'
WHERE m.id = $1 AND m.state = 'pending' ORDER BY w.id LIMIT 1
"""
_TAKE = "SELECT source, body FROM workflows_message WHERE id = $1 AND state = 'pending' FOR UPDATE"
_OPEN = "SELECT id FROM workflows_wait WHERE instance_id = $1 AND step = $2 AND state = 'open' FOR UPDATE"
_ANY = "SELECT source, body, type, key, state FROM workflows_message WHERE id = $1 FOR UPDATE"
_OPEN_OF_TYPE = """
SELECT step, match FROM workflows_wait WHERE instance_id = $1 AND message_type = $2 AND state = 'open'
ORDER BY id FOR UPDATE
"""
_STILL_PENDING = "SELECT body FROM workflows_message WHERE id = $1 AND state = 'pending' FOR UPDATE SKIP LOCKED"
_UNDELIVERED = """
SELECT m.id FROM workflows_message m WHERE m.state = 'pending'
  AND EXISTS (SELECT FROM workflows_wait w
              LEFT JOIN workflows_instance i ON i.id = w.instance_id AND i.lifecycle = 'paused'
              WHERE w.message_type = m.type AND w.match = m.key AND i.id IS NULL)
ORDER BY m.received_at LIMIT $1
"""
