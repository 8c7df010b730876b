"""The hot statements, each one round trip. Parameters are numbered as the functions of `store.py` pass them."""

#: Fenced by revision: zero rows mean that somebody else moved the instance meanwhile.
ADVANCE = """
WITH moved AS (
    UPDATE workflows_instance SET
        revision = revision + 1, generation = $3, lifecycle = $4, status = $5,
        since = CASE WHEN status = $5 THEN since ELSE $6 END,
        stage = $7, needs_person = $8, step = $9, dependency = $10, waiting_kind = $11, waiting_name = $12,
        waiting_until = $13, next_what = $14, next_at = $15, owner = $16, reason = $17, deadline_state = $18,
        state = $19::jsonb, seq = $20, head_hash = $21, updated_at = $6,
        ended_at = CASE WHEN $22 THEN $6 END
    WHERE id = $1 AND revision = $2
    RETURNING id, priority, workflow, version
), told AS (
    INSERT INTO workflows_event
        (instance_id, seq, generation, at, type, schema, step, actor_kind, actor, data, correlation_id, token,
         payload_digest, hash)
    SELECT moved.id, e.seq, e.generation, $6, e.type, e.schema, e.step, $23, $24, e.data::json, $25, e.token,
           decode(e.digest, 'hex'), decode(e.hash, 'hex')
    FROM moved, json_to_recordset($26::json) AS e(
        seq int, generation int, type text, schema smallint, step text, data text, token bigint, digest text, hash text)
), kept AS (
    INSERT INTO workflows_payload (instance_id, seq, body, salt)
    SELECT moved.id, p.seq, p.body, decode(p.salt, 'hex')
    FROM moved, json_to_recordset($27::json) AS p(seq int, body text, salt text)
), gone AS (
    DELETE FROM workflows_work w USING moved, json_to_recordset($28::json) AS d(step text, direction text)
    WHERE w.instance_id = moved.id AND w.step = d.step AND w.direction = d.direction
), added AS (
    INSERT INTO workflows_work AS w
        (instance_id, step, direction, workflow, version, pool, dependency, band, ready_at, held, safe,
         timeout_seconds, token, session_id, leased_at, deadline_at)
    SELECT moved.id, a.step, a.direction, moved.workflow, moved.version, a.pool, a.dependency, moved.priority,
           coalesce(a.ready_at, $6), a.held, a.safe, a.timeout,
           CASE WHEN a.mine THEN nextval('workflows_lease_token') ELSE 0 END,
           CASE WHEN a.mine THEN $29::uuid END,
           CASE WHEN a.mine THEN $6 END,
           CASE WHEN a.mine THEN $6 + make_interval(secs => a.timeout + 2) END
    FROM moved, json_to_recordset($30::json) AS a(
        step text, direction text, pool text, dependency text, ready_at timestamptz, held boolean, safe boolean,
        timeout float8, mine boolean)
    ON CONFLICT (instance_id, step, direction) DO UPDATE SET
        pool = excluded.pool, ready_at = excluded.ready_at, held = excluded.held,
        token = CASE WHEN excluded.session_id IS NULL THEN w.token ELSE excluded.token END,
        session_id = CASE WHEN excluded.session_id IS NOT NULL OR (w.step = $31 AND w.direction = $32)
                          THEN excluded.session_id ELSE w.session_id END,
        leased_at = CASE WHEN excluded.session_id IS NOT NULL OR (w.step = $31 AND w.direction = $32)
                         THEN excluded.leased_at ELSE w.leased_at END,
        deadline_at = CASE WHEN excluded.session_id IS NOT NULL OR (w.step = $31 AND w.direction = $32)
                           THEN excluded.deadline_at ELSE w.deadline_at END
    RETURNING token, session_id
)
SELECT (SELECT count(*) FROM moved), (SELECT max(token) FROM added WHERE session_id = $29::uuid)
"""

#: A start is the same in one statement; an existing (workflow, key, run) makes every part of it empty.
START = """
WITH born AS (
    INSERT INTO workflows_instance
        (id, workflow, version, key, run, generation, priority, lifecycle, status, stage, since, needs_person, step,
         dependency, waiting_kind, waiting_name, waiting_until, next_what, next_at, owner, reason, deadline_at,
         deadline_state, initiator_kind, initiator, correlation_id, attributes, input_hash, parent_item, state,
         revision, seq, head_hash, started_at, updated_at, ended_at)
    VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, '', $20,
            '', $21, $22, $23, $24::jsonb, $25, '', $26::jsonb, 1, $27, $28, $10, $10, CASE WHEN $29 THEN $10 END)
    ON CONFLICT (workflow, key, run) DO NOTHING
    RETURNING id, priority, workflow, version
), told AS (
    INSERT INTO workflows_event
        (instance_id, seq, generation, at, type, schema, step, actor_kind, actor, data, correlation_id, token,
         payload_digest, hash)
    SELECT born.id, e.seq, 1, $10, e.type, e.schema, e.step, $21, $22, e.data::json, $23, 0,
           decode(e.digest, 'hex'), decode(e.hash, 'hex')
    FROM born, json_to_recordset($30::json) AS e(
        seq int, type text, schema smallint, step text, data text, digest text, hash text)
), kept AS (
    INSERT INTO workflows_payload (instance_id, seq, body, salt)
    SELECT born.id, p.seq, p.body, decode(p.salt, 'hex')
    FROM born, json_to_recordset($31::json) AS p(seq int, body text, salt text)
), timed AS (
    INSERT INTO workflows_timer (instance_id, name, fire_at, held)
    SELECT born.id, t.name, t.fire_at, false
    FROM born, json_to_recordset($32::json) AS t(name text, fire_at timestamptz)
), added AS (
    INSERT INTO workflows_work
        (instance_id, step, direction, workflow, version, pool, dependency, band, ready_at, held, safe,
         timeout_seconds, token)
    SELECT born.id, a.step, a.direction, born.workflow, born.version, a.pool, a.dependency, born.priority,
           coalesce(a.ready_at, $10), a.held, a.safe, a.timeout, 0
    FROM born, json_to_recordset($33::json) AS a(
        step text, direction text, pool text, dependency text, ready_at timestamptz, held boolean, safe boolean,
        timeout float8)
), audited AS (
    INSERT INTO workflows_auditentry
        (act_id, at, actor_kind, actor, action, workflow, instance_id, target, allowed, refusal, reason, before, after,
         correlation_id, through)
    SELECT born.id, $10, $21, $22, 'start', born.workflow, born.id, $4, true, '', '', '{}', '{}', $23, $34 FROM born
)
SELECT id FROM born
"""

_CLAIM = """
WITH picked AS MATERIALIZED (
    {picked}
), leased AS (
    UPDATE workflows_work w SET
        session_id = $1, token = nextval('workflows_lease_token'), leased_at = clock_timestamp(),
        deadline_at = clock_timestamp() + make_interval(secs => w.timeout_seconds + 2)
    FROM picked
    WHERE w.id = picked.id
      AND EXISTS (SELECT FROM workflows_session s WHERE s.id = $1 AND s.ended_at IS NULL AND s.alive_until > now())
    RETURNING w.instance_id, w.step, w.direction, w.token, w.leased_at, w.pool, w.dependency
)
SELECT leased.*, i.workflow, i.version, i.revision, i.state, i.head_hash, i.generation, i.correlation_id
FROM leased JOIN workflows_instance i ON i.id = leased.instance_id
"""

#: Oldest first within a band; rows somebody else is claiming are passed over (SKIP LOCKED).
CLAIM_BATCH = _CLAIM.format(
    picked="""
    SELECT ready.id FROM (VALUES (0), (1), (2)) AS bands(band) CROSS JOIN LATERAL (
        SELECT w.id FROM workflows_work w
        WHERE w.pool = $2 AND w.band = bands.band AND w.session_id IS NULL AND NOT w.held
          AND w.ready_at <= clock_timestamp()
          AND w.workflow || '/' || w.version = ANY($3)
          AND (CASE WHEN $4 THEN w.safe AND w.dependency = ANY($5) ELSE w.dependency <> ALL($5) END)
        ORDER BY w.ready_at LIMIT $6 FOR UPDATE SKIP LOCKED
    ) AS ready LIMIT $6"""
)
CLAIM_ONE = _CLAIM.format(
    picked="""
    SELECT w.id FROM workflows_work w
    WHERE w.instance_id = $2 AND w.session_id IS NULL AND NOT w.held AND w.ready_at <= clock_timestamp()
      AND w.pool = $3 AND w.workflow || '/' || w.version = ANY($4) AND w.dependency <> ALL($5)
    ORDER BY w.id LIMIT 1 FOR UPDATE SKIP LOCKED"""
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
PAYLOADS = "SELECT seq, body FROM workflows_payload WHERE instance_id = $1 AND seq = ANY($2)"
