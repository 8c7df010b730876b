"""The hot statements, each one round trip. Parameters are numbered as the functions of `store.py` pass them.

A start and an advance are spelled out for the number of rows they write beside the instance. PostgreSQL takes a third
less time for that than for rows handed over as JSON, and only a handful of shapes occur.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple


class Shape(NamedTuple):
    """How many rows of each kind a decision writes beside its instance."""

    events: int
    payloads: int = 0
    published: int = 0
    timers: int = 0
    added: int = 0
    cleared: bool = False
    dropped: bool = False


#: $1 id, $2 now, $3 and $4 actor, $5 correlation id: the same in both statements, for the parts that follow.
#: Fenced by revision: zero rows mean that somebody else moved the instance meanwhile.
_MOVED = """
    UPDATE workflows_instance SET
        revision = revision + 1, generation = $7, lifecycle = $8, status = $9,
        since = CASE WHEN status = $9 THEN since ELSE $2 END,
        stage = $10, needs_person = $11, step = $12, dependency = $13, waiting_kind = $14, waiting_name = $15,
        waiting_until = $16, next_what = $17, next_at = $18, owner = $19, reason = $20, deadline_state = $21,
        state = $22::jsonb, seq = $23, head_hash = $24, updated_at = $2,
        ended_at = CASE WHEN $25 THEN $2 END
    WHERE id = $1 AND revision = $6
    RETURNING id, key, priority, workflow, version"""
_MOVED_LAST = 25

#: An existing (workflow, key, run), or a first run whose key retention has put away, makes every part of it empty.
_BORN = """
    INSERT INTO workflows_instance
        (id, started_at, updated_at, since, initiator_kind, initiator, correlation_id, workflow, version, key, run,
         priority, lifecycle, status, stage, needs_person, step, dependency, waiting_kind, waiting_name, waiting_until,
         next_what, next_at, owner, deadline_at, attributes, input_hash, state, seq, head_hash, ended_at, generation,
         revision, reason, deadline_state, parent_item)
    SELECT $1, $2, $2, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
           $22, $23, $24::jsonb, $25, $26::jsonb, $27, $28, CASE WHEN $29 THEN $2 END, 1, 1, '', '', ''
    WHERE $9 > 1 OR NOT EXISTS (SELECT FROM workflows_tombstone t WHERE t.workflow = $6 AND t.key = $8)
    ON CONFLICT (workflow, key, run) DO NOTHING
    RETURNING id, key, priority, workflow, version"""
_BORN_LAST = 30
_AUDITED = """
    INSERT INTO workflows_auditentry
        (act_id, at, actor_kind, actor, action, workflow, instance_id, target, allowed, refusal, reason, before, after,
         correlation_id, through)
    SELECT it.id, $2, $3, $4, 'start', it.workflow, it.id, it.key, true, '', '', '{}',
           jsonb_build_object('lifecycle', $11::text, 'status', $12::text, 'stage', $13::text), $5, $30
    FROM it"""

_EVENTS = "int int text smallint text json bigint bytea bytea"
_TOLD = """
    INSERT INTO workflows_event
        (instance_id, at, actor_kind, actor, correlation_id, seq, generation, type, schema, step, data, token,
         payload_digest, hash)
    SELECT it.id, $2, $3, $4, $5, e.* FROM it, ({rows}) AS e"""

_PAYLOADS = "int text bytea"
_KEPT = """
    INSERT INTO workflows_payload (instance_id, seq, body, salt) SELECT it.id, p.* FROM it, ({rows}) AS p"""

_PUBLISHED = "uuid int text int jsonb"
_OUT = """
    INSERT INTO workflows_outboxevent
        (id, instance_id, number, workflow, type, schema_version, subject, data, correlation_id, traceparent, at)
    SELECT o.id, it.id, o.nth + (SELECT coalesce(max(number), 0) FROM workflows_outboxevent WHERE instance_id = $1),
           it.workflow, o.type, o.version, it.key, o.data, $5, '', $2
    FROM it, ({rows}) AS o(id, nth, type, version, data)"""

_TIMERS = "text timestamptz boolean"
_TIMED = """
    INSERT INTO workflows_timer (instance_id, name, fire_at, held) SELECT it.id, t.* FROM it, ({rows}) AS t
    ON CONFLICT (instance_id, name) DO UPDATE SET fire_at = excluded.fire_at, held = excluded.held"""
_CLEARED = """
    DELETE FROM workflows_timer t USING it WHERE t.instance_id = $1 AND t.name = ANY({one}::text[])"""

_DROPPED = """
    DELETE FROM workflows_work w USING it
    WHERE w.instance_id = $1 AND w.step || '/' || w.direction = ANY({one}::text[])"""

#: {one} is the session that claims, {two} the `step/direction` it claims with this ('' for none), {three} the one whose
#: lease ends with this.
_WORK = "text text text text timestamptz boolean boolean float8 boolean"
_ADDED = """
    INSERT INTO workflows_work AS w
        (instance_id, workflow, version, band, step, direction, pool, dependency, ready_at, held, safe,
         timeout_seconds, parked, token, session_id, leased_at, deadline_at)
    SELECT it.id, it.workflow, it.version, it.priority, a.step, a.direction, a.pool, a.dependency,
           coalesce(a.ready_at, $2), a.held, a.safe, a.timeout, a.parked,
           CASE WHEN mine.so THEN nextval('workflows_lease_token') ELSE 0 END,
           CASE WHEN mine.so THEN {one}::uuid END,
           CASE WHEN mine.so THEN $2 END,
           CASE WHEN mine.so THEN $2 + make_interval(secs => a.timeout + 2) END
    FROM it, ({rows}) AS a(step, direction, pool, dependency, ready_at, held, safe, timeout, parked),
         LATERAL (SELECT a.step || '/' || a.direction = {two} AS so) AS mine
    ON CONFLICT (instance_id, step, direction) DO UPDATE SET
        pool = excluded.pool, ready_at = excluded.ready_at, held = excluded.held, parked = excluded.parked,
        token = CASE WHEN excluded.session_id IS NULL THEN w.token ELSE excluded.token END,
        session_id = CASE WHEN excluded.session_id IS NOT NULL OR w.step || '/' || w.direction = {three}
                          THEN excluded.session_id ELSE w.session_id END,
        leased_at = CASE WHEN excluded.session_id IS NOT NULL OR w.step || '/' || w.direction = {three}
                         THEN excluded.leased_at ELSE w.leased_at END,
        deadline_at = CASE WHEN excluded.session_id IS NOT NULL OR w.step || '/' || w.direction = {three}
                           THEN excluded.deadline_at ELSE w.deadline_at END
    RETURNING w.token, w.step || '/' || w.direction AS name"""
_CLAIMED = "SELECT (SELECT token FROM added WHERE name = {two}) FROM it"
_MOVED_ONLY = "SELECT NULL::bigint FROM it"


@cache
def advance(shape: Shape) -> str:
    """Move an instance on. One row when it was still at the given revision: the token of what was claimed, or NULL."""
    return _whole(_Parts(_MOVED, 25), shape)


@cache
def start(shape: Shape) -> str:
    """Write a new instance and its audit row. One row when it is new."""
    parts = _Parts(_BORN, 30)
    parts.add("audited", _AUDITED)
    return _whole(parts, shape)


class _Parts:
    """The parts of one statement, and the number of its last parameter."""

    def __init__(self, first: str, last: int) -> None:
        self.texts, self.last = [f"it AS ({first}\n)"], last

    def add(
        self, name: str, text: str, *, rows: int = 0, types: str = "", single: Sequence[str] = ()
    ) -> dict[str, str]:
        """Add a part with parameters for so many rows of these types, then the single ones; return their numbers."""
        filled = {"rows": self._values(rows, types.split())} if types else {}
        for word in single:
            self.last += 1
            filled[word] = f"${self.last}"
        self.texts.append(f"{name} AS ({text.format_map(filled) if filled else text}\n)")
        return filled

    def _values(self, rows: int, types: Sequence[str]) -> str:
        spelled = []
        for _ in range(rows):
            spelled.append("(" + ", ".join(f"${self.last + n}::{one}" for n, one in enumerate(types, 1)) + ")")
            self.last += len(types)
        return "VALUES " + ", ".join(spelled)


def _whole(parts: _Parts, shape: Shape) -> str:
    parts.add("told", _TOLD, rows=shape.events, types=_EVENTS)
    if shape.payloads:
        parts.add("kept", _KEPT, rows=shape.payloads, types=_PAYLOADS)
    if shape.published:
        parts.add("out", _OUT, rows=shape.published, types=_PUBLISHED)
    if shape.timers:
        parts.add("timed", _TIMED, rows=shape.timers, types=_TIMERS)
    if shape.cleared:
        parts.add("cleared", _CLEARED, single=("one",))
    if shape.dropped:
        parts.add("dropped", _DROPPED, single=("one",))
    answer = _MOVED_ONLY
    if shape.added:
        numbers = parts.add("added", _ADDED, rows=shape.added, types=_WORK, single=("one", "two", "three"))
        answer = _CLAIMED.format_map(numbers)
    return "WITH " + ", ".join(parts.texts) + "\n" + answer


_CLAIM = """
WITH picked AS MATERIALIZED (
    {picked}
), leased AS (
    UPDATE workflows_work w SET
        session_id = $1, token = nextval('workflows_lease_token'), leased_at = clock_timestamp(),
        deadline_at = clock_timestamp() + make_interval(secs => w.timeout_seconds + 2 + {turn})
    FROM picked
    WHERE w.id = picked.id
      AND EXISTS (SELECT FROM workflows_session s WHERE s.id = $1 AND s.ended_at IS NULL AND s.alive_until > now())
    RETURNING w.instance_id, w.step, w.direction, w.token, w.leased_at, w.pool, w.dependency
)
SELECT leased.*, i.workflow, i.version, i.revision, i.state, i.head_hash, i.generation, i.correlation_id
FROM leased JOIN workflows_instance i ON i.id = leased.instance_id
"""

#: Oldest first within a band; rows somebody else is claiming are passed over (SKIP LOCKED). What is reserved in a batch
#: has ten seconds more until its turn comes; a process whose thread hangs notices that by itself.
CLAIM_BATCH = _CLAIM.format(
    turn="CASE WHEN $4 THEN 10 ELSE 0 END",
    picked="""
    SELECT ready.id FROM (VALUES (0), (1), (2)) AS bands(band) CROSS JOIN LATERAL (
        SELECT w.id FROM workflows_work w
        WHERE w.pool = $2 AND w.band = bands.band AND w.session_id IS NULL AND NOT w.held AND NOT w.parked
          AND w.ready_at <= clock_timestamp()
          AND w.workflow || '/' || w.version = ANY($3)
          AND (CASE WHEN $4 THEN w.safe AND w.dependency = ANY($5) ELSE w.dependency <> ALL($5) END)
        ORDER BY w.ready_at LIMIT $6 FOR UPDATE SKIP LOCKED
    ) AS ready LIMIT $6""",
)
CLAIM_ONE = _CLAIM.format(
    turn="0",
    picked="""
    SELECT w.id FROM workflows_work w
    WHERE w.instance_id = $2 AND w.session_id IS NULL AND NOT w.held AND NOT w.parked
      AND w.ready_at <= clock_timestamp() AND w.pool = $3
      AND w.workflow || '/' || w.version = ANY($4) AND w.dependency <> ALL($5)
    ORDER BY w.id LIMIT 1 FOR UPDATE SKIP LOCKED""",
)

LOCK = """
SELECT id, workflow, version, revision, state, head_hash, generation, correlation_id
FROM workflows_instance WHERE id = $1 FOR UPDATE
"""
LOCK_WORK = """
SELECT step, direction, token, session_id, deadline_at FROM workflows_work WHERE instance_id = $1 ORDER BY id FOR UPDATE
"""
UNCLAIM = """
UPDATE workflows_work SET session_id = NULL, leased_at = NULL, deadline_at = NULL
WHERE instance_id = $1 AND step = $2 AND direction = $3 AND token = $4 AND session_id IS NOT NULL
"""
PARK = UNCLAIM.replace("deadline_at = NULL", "deadline_at = NULL, parked = true")
PAYLOADS = "SELECT seq, body FROM workflows_payload WHERE instance_id = $1 AND seq = ANY($2)"
PAYLOADS_OF = """
SELECT p.instance_id, p.seq, p.body
FROM unnest($1::uuid[], $2::int[]) AS wanted(instance_id, seq)
JOIN workflows_payload p ON p.instance_id = wanted.instance_id AND p.seq = wanted.seq
"""
