"""The ledger: one row for every effect that really happened at a simulated service."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Effect:
    """Something that happened outside and can be counted."""

    service: str
    operation: str
    idempotency_key: str
    #: The order it was done for.
    subject: str
    #: Money moved, for charges and refunds only; always positive.
    amount: Decimal | None
    #: Seconds since the epoch.
    at: float
    #: What the service called it, e.g. the charge id.
    reference: str | None = None
    #: Idempotency key of the effect that this one takes back.
    reverses: str | None = None
    correlation_id: str | None = None
    #: Position in the ledger, from 1; None until it is written.
    seq: int | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "seq": self.seq,
            "service": self.service,
            "operation": self.operation,
            "idempotency_key": self.idempotency_key,
            "subject": self.subject,
            "amount": None if self.amount is None else float(self.amount),
            "at": rfc3339(self.at),
            "reference": self.reference,
            "reverses": self.reverses,
            "correlation_id": self.correlation_id,
        }


def rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def append(db: sqlite3.Connection, effect: Effect) -> None:
    """Write an effect. Raises `sqlite3.IntegrityError` if the service already did something under this key."""
    db.execute(
        "INSERT INTO ledger"
        " (service, operation, idempotency_key, subject, amount, at, reference, reverses, correlation_id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            effect.service,
            effect.operation,
            effect.idempotency_key,
            effect.subject,
            None if effect.amount is None else str(effect.amount),
            effect.at,
            effect.reference,
            effect.reverses,
            effect.correlation_id,
        ),
    )


def find(db: sqlite3.Connection, service: str, operation: str, key: str) -> Effect | None:
    row = db.execute(
        "SELECT * FROM ledger WHERE service = ? AND idempotency_key = ? AND operation = ?", (service, key, operation)
    ).fetchone()
    return None if row is None else _effect(row)


def reversals(db: sqlite3.Connection, service: str, key: str) -> list[Effect]:
    """The effects that took back, wholly or in part, what was done under `key`."""
    rows = db.execute("SELECT * FROM ledger WHERE service = ? AND reverses = ? ORDER BY seq", (service, key))
    return [_effect(row) for row in rows]


def page(db: sqlite3.Connection, *, after: int, limit: int, subject: str | None) -> list[Effect]:
    """At most `limit` effects behind position `after`, oldest first."""
    if subject is None:
        rows = db.execute("SELECT * FROM ledger WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit))
    else:
        rows = db.execute(
            "SELECT * FROM ledger WHERE subject = ? AND seq > ? ORDER BY seq LIMIT ?", (subject, after, limit)
        )
    return [_effect(row) for row in rows]


def close_key(db: sqlite3.Connection, service: str, key: str) -> None:
    """Refuse the effect `key` for ever: its reversal came first, so a late arrival must not happen any more."""
    db.execute("INSERT OR IGNORE INTO closed_keys (service, idempotency_key) VALUES (?, ?)", (service, key))


def is_closed(db: sqlite3.Connection, service: str, key: str) -> bool:
    found = db.execute("SELECT 1 FROM closed_keys WHERE service = ? AND idempotency_key = ?", (service, key))
    return found.fetchone() is not None


def _effect(row: sqlite3.Row) -> Effect:
    amount = row["amount"]
    return Effect(**{**dict(row), "amount": None if amount is None else Decimal(amount)})
