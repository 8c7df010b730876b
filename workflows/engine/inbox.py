"""Messages from outside: stored before they are acknowledged, matched to whoever waits, each with a disposition.

Two-sided arrivals share one advisory lock per (type, key): a message that comes while its wait is being opened is
seen by exactly one of the two sides. Receiving never locks an instance.

    pending ──► applied                 the wait took it
       │        duplicate, conflicting  another message decided that wait, with the same or another body
       │        late                    the wait was closed without it
       └──────► invalid                 its body breaks the contract

A person may hand any of them to an instance that waits (applied), or set it aside (ignored).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from pydantic import ValidationError

from workflows.core.wants import Wait
from workflows.dsl.definition import Definition, Node
from workflows.engine import clock, hints, ids, news, store
from workflows.engine.attempt import Unstorable, broken_input, extracted
from workflows.engine.chain import Actor

#: the source of answers that people enter
BY_HAND = "by hand"


@dataclass(frozen=True, slots=True)
class Arrived:
    """A stored message and the wait it may decide."""

    id: UUID
    source: str
    body: str
    step: str
    #: who entered it by hand; None: it came from its source
    by: Actor | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """What became of an inbound message at once; `new` is False when this webhook-id was stored before."""

    id: UUID
    state: str
    new: bool


def receive(source: str, webhook_id: str, kind: str, key: str, body: str, correlation_id: str = "") -> Received:
    """Store a message durably; after this returns it is never lost. The same webhook-id changes nothing."""
    with transaction.atomic():
        store.run(LOCK, (f"{kind}\n{key}",))
        now = clock.read()
        fresh = ids.new_id()
        stored = store.run(_INSERT, (fresh, source, webhook_id, kind, key, body, now, correlation_id))
        if not stored:
            found = store.run(
                "SELECT id, state FROM workflows_message WHERE source = $1 AND webhook_id = $2", (source, webhook_id)
            )
            return Received(found[0][0], found[0][1], new=False)
        state, instance_id = sort(fresh, kind, key, body, now)
        if instance_id is not None:
            transaction.on_commit(lambda: hints.deliver(fresh), robust=True)
        else:
            transaction.on_commit(news.board, robust=True)
        return Received(fresh, state, new=True)


def sort(message_id: UUID, kind: str, key: str, body: str, now: datetime) -> tuple[str, UUID | None]:
    """Give a new message its disposition if nobody will ever wait for it; else the instance that may take it."""
    waits = store.run(_WAITS, (kind, key))
    for instance_id, _, state in waits:
        if state == "open":
            return "pending", instance_id
    if not waits:
        return "pending", None
    instance_id, step, state = waits[0]
    disposition = "late"
    if state == "satisfied":
        disposition = "duplicate" if _same_as_applied(instance_id, step, body) else "conflicting"
    dispose(message_id, disposition, now, instance_id=instance_id, step=step)
    return disposition, None


def _same_as_applied(instance_id: UUID, step: str, body: str) -> bool:
    found = store.run(_APPLIED, (instance_id, step))
    return bool(found) and json.loads(found[0][0]) == json.loads(body)


def open_wait(instance_id: UUID, wait: Wait, generation: int, now: datetime) -> bool:
    """Open a wait, or move its due time. True when it is new. Takes the advisory lock, after the instance's."""
    store.run(LOCK, (f"{wait.message_type}\n{wait.match}",))
    moved = store.run(
        "UPDATE workflows_wait SET due_at = $3 WHERE instance_id = $1 AND step = $2 AND state = 'open' RETURNING id",
        (instance_id, wait.step, wait.due_at),
    )
    if moved:
        return False
    store.run(_OPEN_WAIT, (instance_id, wait.step, generation, wait.message_type, wait.match, wait.due_at, now))
    return True


def early_message(wait: Wait) -> Arrived | None:
    """The oldest message that came before its wait was opened."""
    found = store.run(_EARLY, (wait.message_type, wait.match))
    return Arrived(found[0][0], found[0][1], found[0][2], wait.step) if found else None


def close_wait(instance_id: UUID, step: str, *, satisfied: bool, now: datetime) -> None:
    """No further message decides this step."""
    state = "satisfied" if satisfied else "closed"
    store.run(
        "UPDATE workflows_wait SET state = $3, closed_at = $4 WHERE instance_id = $1 AND step = $2 AND state = 'open'",
        (instance_id, step, state, now),
    )


def entered(node: Node, match: str, body: str, by: Actor) -> Arrived:
    """Store an answer that a person enters for a waiting step, in the transaction that hands it over."""
    fresh = ids.new_id()
    store.run(_INSERT, (fresh, BY_HAND, str(fresh), node.message, match, body, clock.read(), ""))
    return Arrived(fresh, BY_HAND, body, node.name, by)


def dispose(
    message_id: UUID, state: str, now: datetime, *, instance_id: UUID | None = None, step: str = "", note: str = ""
) -> None:
    """Record what became of a message."""
    store.run(
        "UPDATE workflows_message SET state = $2, disposed_at = $3, instance_id = $4, step = $5, note = $6"
        " WHERE id = $1",
        (message_id, state, now, instance_id, step, note),
    )


def set_aside(message_id: UUID, note: str, now: datetime) -> str | None:
    """Nobody shall take this message. Returns the state it had; None: there is no such message.

    One that was applied, or was set aside before, stays as it is.
    """
    found = store.run("SELECT state FROM workflows_message WHERE id = $1 FOR UPDATE", (message_id,))
    if found and found[0][0] not in ("applied", "ignored"):
        store.run(
            "UPDATE workflows_message SET state = 'ignored', note = $2, disposed_at = $3 WHERE id = $1",
            (message_id, note, now),
        )
    return str(found[0][0]) if found else None


def read(definition: Definition, node: Node, message: Arrived) -> Mapping[str, Any] | None:
    """The answer's values that rules read; None (and the message is marked invalid) when it breaks the contract."""
    assert node.output is not None
    try:
        return extracted(definition, node.name, node.output.model_validate_json(message.body))
    except (ValidationError, Unstorable) as error:
        note = broken_input(error) if isinstance(error, ValidationError) else str(error)
        dispose(message.id, "invalid", clock.now(), step=node.name, note=note)
        return None


LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_INSERT = """
INSERT INTO workflows_message (id, source, webhook_id, type, key, body, received_at, state, step, note, correlation_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', '', '', $8) ON CONFLICT (source, webhook_id) DO NOTHING RETURNING id
"""
_WAITS = """
SELECT instance_id, step, state FROM workflows_wait WHERE message_type = $1 AND match = $2 ORDER BY id DESC
"""
_APPLIED = """
SELECT body FROM workflows_message WHERE instance_id = $1 AND step = $2 AND state = 'applied'
"""
_OPEN_WAIT = """
INSERT INTO workflows_wait (instance_id, step, generation, message_type, match, due_at, opened_at, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'open')
"""
_EARLY = """
SELECT id, source, body FROM workflows_message
WHERE type = $1 AND key = $2 AND state = 'pending' ORDER BY received_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
