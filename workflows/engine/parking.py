"""Brings back what breakers refused: a few probes while they try, then gradually, so that nobody is overrun.

1. Time passes for the breakers: an open one begins to try, a hold runs out.
2. While one tries, as many parked attempts are offered as it still lets probe.
3. Once calls pass, parked attempts come back at the breaker's own pace, the oldest first.
"""

from __future__ import annotations

import time

from breakers import operations, queries
from breakers.machine import PASSING, Policy, State
from breakers.queries import Standing
from workflows.engine import clock, gate, hints, store

#: monotonic time up to which the attempts that each breaker's pace allows have come back
_let_go: dict[str, float] = {}


def bring_back() -> int:
    """One round. Returns how many parked attempts were offered."""
    for moved in operations.upkeep(clock.read()):
        gate.moved(moved)
    names = [name for (name,) in store.run(_PARKED, ())]
    standings = {one.name: one for one in queries.standings(names, clock.now())} if names else {}
    return sum(_bring_back(name, standings.get(name)) for name in names)


def _bring_back(name: str, breaker: Standing | None) -> int:
    """Nobody keeps calls away where there is no breaker (any more)."""
    if breaker is not None and breaker.state == State.HALF_OPEN:
        return _offer(name, breaker.policy.probes)
    if breaker is not None and breaker.state not in PASSING:
        return 0
    share = _share(name, breaker.policy if breaker is not None else Policy())
    return _offer(name, share, beside_others=False) if share else 0


def _share(name: str, policy: Policy) -> int:
    """How many have become due at the breaker's pace since the last round; a second's worth at most."""
    now, pace = time.monotonic(), policy.drain_per_second
    since = max(_let_go.get(name, 0.0), now - max(1.0, 1 / pace))
    share = int((now - since) * pace + 1e-9)
    if share:
        _let_go[name] = since + share / pace
    return share


def _offer(dependency: str, most: int, *, beside_others: bool = True) -> int:
    """Offer the oldest so many again. `beside_others`: fewer, if some were offered just now or are under way."""
    offered = store.run(_OFFER, (dependency, most, beside_others))
    for pool in {pool for (pool,) in offered}:
        hints.wake(pool)
    return len(offered)


#: One look into the index per dependency, however much is parked.
_PARKED = """
WITH RECURSIVE names AS (
    (SELECT dependency FROM workflows_work WHERE parked ORDER BY dependency LIMIT 1)
    UNION ALL
    SELECT (
        SELECT next.dependency FROM workflows_work next
        WHERE next.parked AND next.dependency > names.dependency ORDER BY next.dependency LIMIT 1
    ) FROM names WHERE names.dependency IS NOT NULL
)
SELECT dependency FROM names WHERE dependency IS NOT NULL
"""
_OFFER = """
UPDATE workflows_work SET parked = false, ready_at = clock_timestamp()
WHERE id IN (
    SELECT id FROM workflows_work WHERE parked AND dependency = $1 AND NOT held AND session_id IS NULL ORDER BY ready_at
    LIMIT greatest($2 - CASE WHEN $3 THEN (
        SELECT count(*) FROM workflows_work
        WHERE dependency = $1 AND NOT parked AND NOT held AND (
            session_id IS NOT NULL OR ready_at BETWEEN clock_timestamp() - interval '5 seconds' AND clock_timestamp()
        )
    ) ELSE 0 END, 0) FOR UPDATE SKIP LOCKED
)
RETURNING pool
"""
