"""Do breakers move only as they may, let only so many probe, and hold nobody up for ever? (I28, I29, I30, I33)"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby
from typing import Any

from breakers import policies
from breakers.machine import HELD, LEGAL, PASSING, Policy, State
from workflows import registry
from workflows.core import events as e
from workflows.core.state import Direction
from workflows.core.wants import called
from workflows.interventions.breaking import ACTIONS
from workflows.verify.findings import Offender
from workflows.verify.snapshot import Snapshot, select
from workflows.verify.stories import Moment, Story

#: Within this time every process has heard that a breaker has opened, with much to spare.
HEARD = timedelta(seconds=3)


def moves(snapshot: Snapshot) -> Iterator[Offender]:
    """I28: transitions are legal, follow each other without a gap, and lead to where the breaker stands."""
    breakers = {name: (state, generation) for name, state, generation in select(_BREAKERS)}
    told = {name: list(rows) for name, rows in groupby(select(_TRANSITIONS), key=lambda row: row[0])}
    for name in sorted(breakers.keys() | told.keys()):
        for problem in _moved(told.get(name, []), breakers.get(name)):
            yield Offender("I28", name, problem)


def _moved(rows: list[tuple[Any, ...]], stands: tuple[str, int] | None) -> Iterator[str]:
    state, generation = str(State.CLOSED), 1
    for _, number, was, became, actor in rows:
        if number != generation + 1:
            yield f"transition {number} follows transition {generation}"
        if was != state:
            yield f"transition {number} begins at {was}, but the breaker was {state}"
        if State(became) not in LEGAL[State(was)]:
            yield f"transition {number} goes from {was} to {became}, which no breaker does"
        if became in HELD and not actor:
            yield f"transition {number} to {became} names nobody"
        state, generation = became, number
    if stands is None:
        yield "has transitions, but there is no such breaker"
    elif stands != (state, generation):
        yield f"is {stands[0]} in generation {stands[1]}, but its transitions lead to {state} in {generation}"


def people(snapshot: Snapshot) -> Iterator[Offender]:
    """I33: whatever somebody did to a breaker is in the audit, and what the audit says they did, they did."""
    done = {(name, actor): count for name, actor, count in select(_DONE)}
    recorded = {(name, actor): count for name, actor, count in select(_RECORDED, {"actions": list(ACTIONS)})}
    for name, actor in sorted(done.keys() | recorded.keys()):
        acts, rows = done.get((name, actor), 0), recorded.get((name, actor), 0)
        if acts != rows:
            yield Offender("I33", name, f"{actor} moved it {acts} times, the audit says {rows} times")


def probes(snapshot: Snapshot) -> Iterator[Offender]:
    """I29: no more probes at a time than the rule allows, and none unless the breaker tries."""
    for name, state, generation, declared, tuned, present, stray in select(_PROBES, {"now": snapshot.now}):
        limit = max(_rule(declared, tuned).probes, _rule(declared, "{}").probes)
        if present > limit:
            yield Offender("I29", name, f"{present} probes are under way, {limit} are allowed")
        if stray:
            yield Offender(
                "I29", name, f"{stray} probes are permitted although it is {state} (generation {generation})"
            )


def judge(story: Story, snapshot: Snapshot) -> Iterator[Offender]:
    """I29 of one instance: nobody was called while the breaker kept calls away."""
    definition = registry.definitions().get((story.row.workflow, story.row.version))
    if definition is None or not snapshot.shut:
        return
    for moment in story.moments:
        began, direction = getattr(moment.event, "started_at", None), _direction(moment)
        if began is None or direction is None:
            continue
        dependency = called(definition.by_name[moment.record.step], direction)
        for since, until in snapshot.shut.get(dependency.name, ()) if dependency.breaker is not None else ():
            if since + HEARD < began and moment.record.at < until:
                yield Offender(
                    "I29", story.name,
                    f"event {moment.record.seq}: {dependency.name} was called at {began}, "
                    f"while its breaker kept calls away ({since} to {until})",
                )  # fmt: skip


def _direction(moment: Moment) -> Direction | None:
    """The direction of an attempt that a worker made, None for anything else."""
    match moment.event:
        case e.StepSucceeded(how=how) if how in set(Direction):
            return Direction(how)
        case e.AttemptFailed(direction=direction):
            return Direction(direction)
        case e.CompensationSucceeded():
            return Direction.COMPENSATE
    return None


def hanging(snapshot: Snapshot) -> Iterator[Offender]:
    """I30: probes end, an open breaker tries again, a hold runs out, and what is parked comes back."""
    for name, problem in select(_OVERDUE, {"calm": snapshot.calm}):
        yield Offender("I30", name, problem)
    for dependency, count, since in select(_PARKED):
        yield from _held_up(dependency, count, since, snapshot)


def _held_up(dependency: str, count: int, since: Any, snapshot: Snapshot) -> Iterator[Offender]:
    """Somebody has to come back within the grace, or within what the pace of a slow breaker explains."""
    row = next(iter(select(_BREAKER, {"name": dependency})), None)
    state, began, declared, tuned = row if row else (State.CLOSED, None, "{}", "{}")
    if state not in (*PASSING, State.HALF_OPEN):
        return
    rule = _rule(declared, tuned)
    length = max(snapshot.grace, timedelta(seconds=2 / rule.drain_per_second))
    cut = snapshot.now - length
    if (began is not None and began > cut) or _anybody_came_back(dependency, cut):
        return
    does = "tries" if state == State.HALF_OPEN else "lets calls pass"
    yield Offender(
        "I30", dependency,
        f"{count} pieces of work are parked for it, the oldest since {since}; it {does}, and none has come back for "
        f"{length.total_seconds():g} s",
    )  # fmt: skip


def _rule(declared: str, tuned: str) -> Policy:
    """The rule in force, from the JSON text that a bare query answers."""
    return policies.in_force(json.loads(declared), json.loads(tuned))


def _anybody_came_back(dependency: str, cut: Any) -> bool:
    return bool(select(_CAME_BACK, {"dependency": dependency, "cut": cut})[0][0])


_BREAKERS = "SELECT name, state, generation FROM breakers_breaker"
_BREAKER = "SELECT state, since, declared, tuned FROM breakers_breaker WHERE name = %(name)s"
_TRANSITIONS = "SELECT breaker, generation, was, became, actor FROM breakers_transition ORDER BY breaker, generation"
_DONE = "SELECT breaker, actor, count(*) FROM breakers_transition WHERE actor <> '' GROUP BY breaker, actor"
_RECORDED = """
SELECT a.target, a.actor, count(*) FROM workflows_auditentry a JOIN breakers_breaker b ON b.name = a.target
WHERE a.allowed AND a.action = ANY(%(actions)s) AND a.instance_id IS NULL AND a.workflow = ''
GROUP BY a.target, a.actor
"""
_PROBES = """
SELECT b.name, b.state, b.generation, b.declared, b.tuned,
       count(p.id) FILTER (WHERE b.state = 'half_open' AND p.generation = b.generation),
       count(p.id) FILTER (WHERE b.state <> 'half_open' OR p.generation <> b.generation)
FROM breakers_breaker b JOIN breakers_permit p ON p.breaker = b.name AND p.expires_at > %(now)s
GROUP BY b.name ORDER BY b.name
"""
_OVERDUE = """
SELECT breaker, 'a probe that ran out at ' || expires_at || ' is still counted'
FROM breakers_permit WHERE expires_at < %(calm)s
UNION ALL
SELECT name, 'is open, and should have tried again at ' || next_probe_at
FROM breakers_breaker WHERE state = 'open' AND next_probe_at < %(calm)s
UNION ALL
SELECT name, 'is held, and should have been let go at ' || held_until FROM breakers_breaker WHERE held_until < %(calm)s
ORDER BY 1, 2
"""
_PARKED = """
SELECT dependency, count(*), min(ready_at) FROM workflows_work WHERE parked AND NOT held GROUP BY dependency ORDER BY 1
"""
#: What had been parked and is under way or was offered lately, or an outcome of it.
_CAME_BACK = """
SELECT EXISTS (
    SELECT FROM workflows_work w JOIN workflows_event p
      ON p.instance_id = w.instance_id AND p.step = w.step AND p.type = 'StepParked'
    WHERE w.dependency = %(dependency)s AND NOT w.parked AND (w.session_id IS NOT NULL OR w.ready_at >= %(cut)s)
) OR EXISTS (
    SELECT FROM workflows_event e JOIN workflows_event p
      ON p.instance_id = e.instance_id AND p.step = e.step AND p.seq < e.seq AND p.type = 'StepParked'
    WHERE e.at >= %(cut)s AND e.token > 0 AND e.type <> 'StepParked' AND p.data ->> 'dependency' = %(dependency)s
)
"""
