"""Seals the audit stretch by stretch, so that a row that is changed, removed or slipped in later shows.

    hash(n) = SHA-256( hash(n-1) + canonical text of every row of seal n )

1. Rows are sealed in the order of (transaction id, id), once no running transaction can still put one in between:
   ids are handed out before the commit, so their order alone would leave rows behind.
2. A seal names its rows. What a seal covers is therefore never a question of order, and no row is sealed twice.
3. Transaction ids mean nothing in another database. A newest seal that was made in another one (a restored dump, an
   upgraded cluster) is followed by seals over whatever is in no seal yet, and the cursor begins anew behind them.

Each seal is also a line in the log: whoever keeps the logs elsewhere can tell when the newest seals were cut off.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import structlog
from django.db import transaction
from pydantic_core import to_json

from workflows.engine import clock, store

#: rows that one seal covers at most
BATCH = 1000
#: what the text of a row is made of, in this order; `id` comes first
COLUMNS = """a.id, a.xid::text, a.act_id, a.at, a.actor_kind, a.actor, a.action, a.workflow, a.instance_id, a.target,
a.allowed, a.refusal, a.reason, a.before::text, a.after::text, a.correlation_id, a.through"""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Head:
    """The newest seal: the database it was made in, and up to which (xid, id) everything of that one is sealed."""

    number: int
    system: str
    xid: int
    last_id: int
    hash: bytes


NOTHING = Head(0, "", 0, 0, b"")


def seal() -> int:
    """Seal every row that can be sealed now. Returns how many. Safe to call at any time, by anybody, however often."""
    sealed = 0
    while count := _stretch():
        sealed += count
        if count < BATCH:
            break
    return sealed


def link(previous: bytes, rows: Iterable[Sequence[Any]]) -> bytes:
    """The hash of a seal behind `previous` over rows of COLUMNS, in the order in which they were sealed."""
    digest = sha256(previous)
    for row in rows:
        digest.update(to_json([_plain(value) for value in row]))
    return digest.digest()


def _plain(value: Any) -> Any:
    match value:
        case None | bool():
            return value
        case datetime():
            return value.astimezone(UTC).isoformat()
        case _:
            return str(value)


def _stretch() -> int:
    """One more seal, if there is anything for it. Losing the race to another pump seals nothing."""
    with transaction.atomic():
        found = store.run(_HEAD, ())
        head = Head(*found[0]) if found else NOTHING
        here, horizon = store.run(_HERE, ())[0]
        if head.system == here:
            rows = store.run(_BEHIND, (str(head.xid), head.last_id, str(horizon), BATCH))
            return _write(head, here, int(rows[-1][1]), rows[-1][0], rows) if rows else 0
        rows = store.run(_IN_NO_SEAL, (BATCH,))
        if len(rows) == BATCH:  # more of it: the cursor moves when all of it is sealed
            return _write(head, head.system, head.xid, head.last_id, rows)
        # The horizon was read before the rows: what is below it was visible, and is sealed now.
        return _write(head, here, horizon, 0, rows)


def _write(head: Head, system: str, xid: int, last_id: int, rows: Sequence[Sequence[Any]]) -> int:
    number, digest, ids = head.number + 1, link(head.hash, rows), [row[0] for row in rows]
    if not store.run(_SEAL, (number, system, xid, last_id, ids, digest, clock.now())):
        return 0
    log.info("audit.sealed", number=number, rows=len(rows), hash=digest.hex())
    return len(rows)


_HEAD = "SELECT number, system, xid, last_id, hash FROM workflows_auditseal ORDER BY number DESC LIMIT 1"
_HERE = """
SELECT (SELECT system_identifier::text FROM pg_control_system()),
       pg_snapshot_xmin(pg_current_snapshot())::text::bigint
"""
_BEHIND = f"""
SELECT {COLUMNS} FROM workflows_auditentry a
WHERE (a.xid, a.id) > ($1::text::xid8, $2) AND a.xid < $3::text::xid8
  AND NOT EXISTS (SELECT FROM workflows_auditseal s WHERE s.entries @> ARRAY[a.id])
ORDER BY a.xid, a.id LIMIT $4
"""  # noqa: S608 - made of constants
_IN_NO_SEAL = f"""
SELECT {COLUMNS} FROM workflows_auditentry a
LEFT JOIN (SELECT unnest(entries) AS id FROM workflows_auditseal) AS sealed ON sealed.id = a.id
WHERE sealed.id IS NULL ORDER BY a.xid, a.id LIMIT $1
"""  # noqa: S608 - made of constants
_SEAL = """
INSERT INTO workflows_auditseal (number, system, xid, last_id, entries, count, hash, at)
VALUES ($1, $2, $3, $4, $5::bigint[], cardinality($5::bigint[]), $6, $7)
ON CONFLICT (number) DO NOTHING RETURNING number
"""
