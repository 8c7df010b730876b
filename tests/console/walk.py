"""Walks what a process can look like, in memory: in each state everything happens that may happen.

States that look the same to people are visited a few times, by different ways; all of them are far too many.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from workflows.core import facts
from workflows.core.decide import decide
from workflows.core.face import deadline_state, face
from workflows.core.facts import NotNow
from workflows.core.state import Direction, State
from workflows.core.wants import called, wants
from workflows.dsl.definition import Definition

#: how often states of one look are gone on from
VISITS = 2
#: what steps and messages answer, as far as rules and keys read it
Answers = dict[str, list[dict[str, Any]]]


def states(definition: Definition, given: dict[str, Any], answers: Answers, now: datetime) -> Iterator[State]:
    """States from the start on, at least one for every look that is found."""
    fact = facts.Start(key="536365", input_hash="-", values=given)
    start = decide(definition, State(), fact, now).state
    visits, todo = Counter([_look(definition, start)]), deque([start])
    while todo:
        state = todo.popleft()
        yield state
        for fact_, at, in_flight in _moves(definition, state, answers, now):
            try:
                after = decide(definition, state, fact_, at, in_flight=in_flight).state
            except NotNow:
                continue
            look = _look(definition, after)
            visits[look] += after is not state
            if after is not state and visits[look] <= VISITS:
                todo.append(after)


def _moves(
    definition: Definition, state: State, answers: Answers, now: datetime
) -> Iterator[tuple[facts.Fact, datetime, set[tuple[str, Direction]]]]:
    wanted = wants(definition, state)
    for step, way in wanted.work:
        for values in answers.get(step, [{}]):
            yield facts.Succeeded(step=step, direction=way, has_output=True, values=values), now, set()
        for again in (True, False):
            pause, error = timedelta(minutes=2), "did not answer" if again else "answered nonsense"
            yield (
                facts.Failed(step=step, direction=way, error=error, kind="X", retryable=again, after=pause),
                now,
                set(),
            )
        dependency = called(definition.by_name[step], way)
        if dependency.breaker is not None:
            yield facts.Barred(step=step, direction=way, dependency=dependency.name), now, set()
        if way is Direction.FORWARD:
            yield facts.RefusedBy(step=step, direction=way, code="No", reason=f"{step} was refused"), now, set()
        if way is Direction.ASK:
            yield facts.StillPending(step=step, direction=way), now, set()
    for step in wanted.waits:
        for values in answers.get(step, [{}]):
            yield facts.MessageArrived(step=step, message="m", values=values), now, set()
    for timer in wanted.timers.values():
        yield facts.TimeCame(name=timer.name), max(now, timer.fire_at), set()
    yield facts.Cancel(reason="The customer called"), now, set(wanted.work)
    for person in (facts.Pause(), facts.Resume(), facts.Retry(), facts.Cancel(reason="The customer called")):
        yield person, now, set()
    yield facts.Compensate(reason="Everything came back"), now, set()


def _look(definition: Definition, state: State) -> Any:
    """What people see of the state, without times."""
    shown = replace(face(definition, state), waiting_until=None, next_at=None)
    tried = state.steps[shown.step].patience.error if shown.step in state.steps else ""
    return shown, tried, deadline_state(definition, state), min(state.generation, 2)
