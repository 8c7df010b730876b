"""Links each history event to the one before, so that a changed or missing one shows.

    hash(n) = SHA-256( hash(n-1) + header and data as stored + digest(n) )      digest = SHA-256( salt + payload )

The data is hashed as the exact text the row keeps. Redaction deletes payload and salt; the chain still verifies.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from pydantic_core import to_json

from workflows.core import events as e

GENESIS = b""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who caused an event: kind is user, client, policy or system."""

    kind: str
    name: str


SYSTEM = Actor("system", "engine")
INTAKE = Actor("system", "intake")


@dataclass(frozen=True, slots=True)
class Record:
    """One event as it is stored; `data` is the exact JSON text. `body` and `salt` go to the payload table."""

    seq: int
    generation: int
    type: str
    schema: int
    step: str
    data: str
    token: int
    digest: bytes | None
    hash: bytes
    body: str | None = None
    salt: bytes | None = None


def header(
    instance_id: UUID, seq: int, generation: int, at: datetime, kind: str, schema: int, step: str, actor: Actor,
    correlation_id: str, token: int,
) -> str:  # fmt: skip
    """The canonical text of everything beside data and payload. `at` must be UTC."""
    fields = (
        str(instance_id), str(seq), str(generation), at.isoformat(), kind, str(schema), step, actor.kind, actor.name,
        correlation_id, str(token),
    )  # fmt: skip
    return to_json(fields).decode()


def link(previous: bytes, header_text: str, data: str, digest: bytes | None) -> bytes:
    """The hash of one event."""
    return sha256(previous + header_text.encode() + data.encode() + (digest or b"")).digest()


def payload_digest(salt: bytes, body: str) -> bytes:
    """The digest that an event keeps of its payload."""
    return sha256(salt + body.encode()).digest()


def records(
    instance_id: UUID, head: tuple[int, bytes], generation: int, said: Iterable[e.Event], at: datetime, actor: Actor,
    correlation_id: str, body: str | None, token: int,
) -> list[Record]:  # fmt: skip
    """The rows of new events behind the chain's head (seq, hash). `body` belongs to the first event with a payload."""
    seq, previous = head
    rows: list[Record] = []
    for event in said:
        seq += 1
        if isinstance(event, e.GenerationOpened):
            generation = event.generation
        kind, schema, step = type(event).__name__, event.schema, getattr(event, "step", "")
        data = to_json(e.to_data(event)).decode()
        digest = salt = own = None
        if body is not None and _carries_payload(event):
            own, body = body, None
            salt = os.urandom(16)
            digest = payload_digest(salt, own)
        used = getattr(event, "token", 0) or token
        text = header(instance_id, seq, generation, at, kind, schema, step, actor, correlation_id, used)
        previous = link(previous, text, data, digest)
        rows.append(Record(seq, generation, kind, schema, step, data, used, digest, previous, own, salt))
    return rows


def _carries_payload(event: e.Event) -> bool:
    return isinstance(event, e.InstanceStarted) or bool(getattr(event, "has_output", False))
