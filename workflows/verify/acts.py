"""Is what people and policies did on record, whole and in time? (I33)

The seals find a row that was changed, removed or slipped in. An act and what it did to an instance were written in one
transaction, so each must be found with the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workflows.core import events as e
from workflows.engine import sealing
from workflows.interventions.acts import ACTIONS
from workflows.verify.findings import Offender
from workflows.verify.snapshot import Snapshot, select, stream
from workflows.verify.stories import Story

#: rows of the audit in memory at a time, more or less
BATCH = 5000
#: whoever acts by a decision of their own; clients are heard through messages, which the inbox keeps
DECIDERS = ("user", "policy")

Who = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Seal:
    """One seal as it is stored."""

    number: int
    entries: list[int]
    count: int
    hash: bytes


def judge(story: Story, snapshot: Snapshot) -> Iterator[Offender]:
    """I33 of one instance: every manual act has actor, reason and event, and every event of a person an act."""
    for problem in (*_nameless(story), *_unattributed(story), *_apart(story)):
        yield Offender("I33", story.name, problem)


def _nameless(story: Story) -> Iterator[str]:
    for number, kind, actor, action, reason, *_ in story.beside.acts:
        if not actor:
            yield f"audit row {number} ({action}) names nobody"
        if kind != "system" and action in ACTIONS and not reason.strip():
            yield f"audit row {number} ({action} by {actor}) gives no reason"


def _unattributed(story: Story) -> Iterator[str]:
    """What only people and policies can say, in nobody's name."""
    for moment in story.moments:
        match moment.event:
            case (
                e.StepSucceeded(how="person") | e.StepRefused(how="person") | e.CompensationSucceeded(attempt=0)
                | e.StepPassedOver() | e.CorrectionWaived() | e.Reassigned()
            ) if moment.record.actor_kind == "system":  # fmt: skip
                yield f"{moment.record.type} at {moment.record.seq} is somebody's word, but in nobody's name"


def _apart(story: Story) -> Iterator[str]:
    """Acts without a turn in the history, and turns without an act; what one transaction wrote belongs together."""
    acts: dict[Who, dict[int, tuple[datetime, str, bool]]] = defaultdict(dict)
    for number, kind, actor, action, _, at, xid in story.beside.acts:
        if kind in DECIDERS:
            acts[kind, actor][xid] = (at, f"{action} by {actor} (audit row {number})", action in ("start", *ACTIONS))
    turns: dict[Who, dict[int, tuple[datetime, str]]] = defaultdict(dict)
    for record in story.records:
        if record.actor_kind in DECIDERS:
            what = f"{record.type} at {record.seq} is by {record.actor}"
            turns[record.actor_kind, record.actor].setdefault(record.xid, (record.at, what))
    for who in acts.keys() | turns.keys():
        yield from _paired(acts[who], turns[who])


def _paired(acts: dict[int, tuple[datetime, str, bool]], turns: dict[int, tuple[datetime, str]]) -> Iterator[str]:
    """A turn that a capable process carried out later goes with the oldest act before it that has none."""
    waiting = sorted(act for xid, act in acts.items() if xid not in turns)
    for at, what in sorted(turn for xid, turn in turns.items() if xid not in acts):
        earlier = next((act for act in waiting if act[0] <= at), None)
        if earlier is None:
            yield f"{what}, but the audit does not say that they acted"
        else:
            waiting.remove(earlier)
    yield from (f"{what} left nothing in the history" for _, what, moves in waiting if moves)


def seals(snapshot: Snapshot) -> Iterator[Offender]:
    """I33: every sealed row is what was sealed, and no row was slipped in behind the newest seal."""
    before = Seal(0, [], 0, b"")
    for stretch in _stretches():
        rows = _rows([number for seal in stretch for number in seal.entries])
        for seal in stretch:
            for problem in _broken(before, seal, rows):
                yield Offender("I33", f"audit seal {seal.number}", problem)
            before = seal
    for number, actor, action in select(_SLIPPED_IN):
        yield Offender("I33", f"audit row {number}", f"{action} by {actor} was slipped in: it is in no seal")


def late(snapshot: Snapshot) -> Iterator[Offender]:
    """I33: rows that could have been sealed, and were not."""
    for count, since in select(_LATE, {"calm": snapshot.calm}):
        if count:
            yield Offender("I33", "audit", f"rows without a seal: {count}, the oldest since {since}")


def _stretches() -> Iterator[list[Seal]]:
    """Seals in order, so many at a time that their rows fit into memory."""
    stretch: list[Seal] = []
    for number, entries, count, digest in stream(_SEALS, size=100):
        stretch.append(Seal(number, entries, count, bytes(digest)))
        if sum(seal.count for seal in stretch) >= BATCH:
            yield stretch
            stretch = []
    if stretch:
        yield stretch


def _rows(numbers: Sequence[int]) -> dict[int, tuple[Any, ...]]:
    return {row[0]: row for row in select(_ROWS, {"numbers": list(numbers)})}


def _broken(before: Seal, seal: Seal, rows: dict[int, tuple[Any, ...]]) -> Iterable[str]:
    missing = seal.number - before.number - 1
    if missing:
        return [f"seals before it are gone: {missing}"]
    gone = [number for number in seal.entries if number not in rows]
    if gone:
        return [f"row {number}, which it covers, is gone" for number in gone]
    if seal.count == len(seal.entries) and seal.hash == sealing.link(before.hash, (rows[n] for n in seal.entries)):
        return []
    numbers = f" of its {seal.count} rows ({min(seal.entries)} to {max(seal.entries)})" if seal.entries else ""
    return [f"one{numbers} is not what was sealed" if numbers else "it is not the seal that was made"]


_SEALS = "SELECT number, entries, count, hash FROM workflows_auditseal ORDER BY number"
_ROWS = f"SELECT {sealing.COLUMNS} FROM workflows_auditentry a WHERE a.id = ANY(%(numbers)s)"  # noqa: S608
_UNSEALED = """
WITH newest AS (
    SELECT xid::text::xid8 AS xid, last_id, system = (SELECT system_identifier::text FROM pg_control_system()) AS here
    FROM workflows_auditseal ORDER BY number DESC LIMIT 1
), unsealed AS (
    SELECT a.*, n.here AND (a.xid, a.id) <= (n.xid, n.last_id) AS behind, n.here
    FROM workflows_auditentry a
    LEFT JOIN (SELECT unnest(entries) AS id FROM workflows_auditseal) AS sealed ON sealed.id = a.id
    LEFT JOIN newest n ON true
    WHERE sealed.id IS NULL
)
"""
#: Behind the cursor everything is sealed, and a transaction that has not begun cannot have written anything.
_SLIPPED_IN = f"""{_UNSEALED}
SELECT id, actor, action FROM unsealed
WHERE behind OR (here AND xid >= pg_snapshot_xmax(pg_current_snapshot())) ORDER BY id LIMIT 1000
"""  # noqa: S608 - made of constants
_LATE = f"""{_UNSEALED}
SELECT count(*), min(at) FROM unsealed
WHERE behind IS NOT TRUE AND at < %(calm)s AND (here IS NOT TRUE OR xid < pg_snapshot_xmin(pg_current_snapshot()))
"""  # noqa: S608 - made of constants
