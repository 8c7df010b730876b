"""Whatever happens in whatever order, doubled or late: the core's promises hold (`Story.check` after every fact)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.core import processes
from tests.core.far_side import FarSide
from tests.core.order import ORDER, order
from tests.core.story import ASK, CHECK, COMPENSATE, FORWARD, Attempt, Story
from workflows.core import facts
from workflows.core.state import DEADLINE, WARNING, Direction, Lifecycle
from workflows.dsl.definition import Definition, Kind

#: one number per fact: what happens, how much time passes, and whether it is told twice
courses = st.lists(st.integers(0, 2**20), min_size=12, max_size=60)

PAUSES = [timedelta(0), timedelta(seconds=5), timedelta(minutes=20)]
DEFINITIONS = [order, processes.workshop, processes.counter, processes.till, processes.twins]
INPUTS: dict[str, dict[str, Any]] = {"order": ORDER}

thorough = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
names = pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda definition: definition.name)


def begin(definition: Definition) -> Story:
    return Story(definition).start(**INPUTS.get(definition.name, processes.JOB))


@names
@thorough
@given(course=courses)
def test_every_promise_holds_for_any_course_of_events(definition: Definition, course: list[int]) -> None:
    story = begin(definition)
    world = FarSide(story)

    for number in course:
        happen(story, world, number)

    story.check_history()


@names
@thorough
@given(course=courses)
def test_when_everybody_answers_again_every_instance_ends(definition: Definition, course: list[int]) -> None:
    story = begin(definition)
    world = FarSide(story)
    for number in course:
        happen(story, world, number)

    calm(story, world)

    assert not story.state.alive
    story.check_history()
    if story.state.ended is not Lifecycle.COMPLETED:
        remains = {step for step in world.there if definition.by_name[step].compensable}
        assert not remains, "what was corrected must net to zero"


@names
@thorough
@given(course=courses)
def test_facts_that_no_engine_would_send_break_nothing(definition: Definition, course: list[int]) -> None:
    story = begin(definition)
    attempts = [(node.name, way) for node in definition.by_name.values() for way in ways(definition, node.name)]
    every = [fact for attempt in attempts for fact in outcomes(*attempt)]
    every += [replace(fact, late=True) for fact in every if isinstance(fact, facts.Succeeded)]
    every += others() + arrivals(definition)

    for number in course:
        ask(story, every[number % len(every)])

    story.check_history()


def happen(story: Story, world: FarSide, number: int) -> None:
    """Something an engine may tell: attempts begin and end, times come, messages arrive, people ask, echoes return."""
    moves: list[Any] = [("begin", attempt) for attempt in sorted(story.work) if attempt not in story.leased]
    moves += [fact for attempt in sorted(story.leased) for fact in outcomes(*attempt, world=world)]
    moves += [facts.TimeCame(name=name) for name in sorted(story.timers)]
    moves += [fact for step in sorted(story.waits) for fact in answers(step)]
    moves += [("echo", attempt) for attempt in world.lost] + others()
    number, move = divmod(number, len(moves))[0], moves[number % len(moves)]
    story.later(PAUSES[number % len(PAUSES)])
    match move:
        case ("begin", attempt):
            world.begin(attempt)
        case ("echo", attempt):
            world.lost.remove(attempt)
            ask(story, world.report(attempt))
        case facts.TimeCame(name=name):
            if name in story.timers and number % 2:
                story.now = max(story.now, story.timers[name].fire_at)
            ask(story, move)
        case facts.Succeeded() | facts.StillPending() | facts.Failed() | facts.RefusedBy() | facts.Lost():
            acted = isinstance(move, facts.Succeeded) or getattr(move, "may_have_happened", False)
            attempt = world.end(move, acted=acted or (isinstance(move, facts.Lost) and number % 2 == 1))
            ask(story, move)
            if isinstance(move, facts.Succeeded) and number % 5 == 0:
                ask(story, replace(move, late=True, key=attempt.key))  # the same once more, without a lease by now
        case _:
            ask(story, move)
            if number % 5 == 0:
                ask(story, move)
    fence(story, world)


def fence(story: Story, world: FarSide) -> None:
    """Attempts whose lease went (their message came, somebody cancelled) run on without it."""
    for attempt in [attempt for attempt in world.running if attempt not in story.leased]:
        world.lost.append(world.running.pop(attempt))


def ask(story: Story, fact: facts.Fact) -> None:
    """What makes no sense now is refused with a sentence, and changes nothing."""
    before, refusal = story.state, None
    try:
        story.tell(fact)
    except facts.NotNow as error:
        refusal = str(error)
    assert refusal is None or (refusal and story.state is before)


def outcomes(step: str, direction: Direction, world: FarSide | None = None) -> list[facts.Fact]:
    """Every way an attempt may end. A check finds what is there; without a world, anything."""
    common: dict[str, Any] = {"step": step, "direction": direction, "token": 7}
    broken: dict[str, Any] = {**common, "error": "broken", "kind": "Test"}
    ends: list[facts.Fact] = [
        facts.Succeeded(**common, has_output=True, values=result(step)),
        facts.Failed(**broken),
        facts.Failed(**broken, may_have_happened=direction in (FORWARD, COMPENSATE)),
        facts.Failed(**broken, retryable=False),
        facts.Failed(**broken, retryable=False, person=True),
        facts.RefusedBy(**common, code="No", reason="no"),
        facts.Lost(**common, why="the worker stopped answering"),
    ]
    if direction is CHECK:
        ends.append(facts.Succeeded(**common))
        if world is not None:
            ends[0] = ends[-1] = world.look(step)
    if direction is ASK:
        ends.append(facts.StillPending(**common))
    return ends


def result(step: str) -> dict[str, Any]:
    """What a step returns, as far as rules read it."""
    return {"number": "N1", "reference": "E1", "accepted": True, "reason": None} if step else {}


def answers(step: str) -> Iterator[facts.Fact]:
    for accepted in (True, False):
        yield facts.MessageArrived(step=step, message="m", values={"accepted": accepted, "reason": "because"})


def others() -> list[facts.Fact]:
    """What people ask for, and the deadline."""
    asked: list[facts.Fact] = [facts.Retry(), facts.Pause(), facts.Resume(), facts.Cancel(reason="changed my mind")]
    return [*asked, facts.Compensate(reason="came back"), *(facts.TimeCame(name=name) for name in (DEADLINE, WARNING))]


def arrivals(definition: Definition) -> list[facts.Fact]:
    callbacks = [node.name for node in definition.nodes if node.kind is Kind.CALLBACK]
    times: list[facts.Fact] = [facts.TimeCame(name=node.name) for node in definition.nodes]
    return [*times, *(fact for step in callbacks for fact in answers(step))]


def ways(definition: Definition, name: str) -> list[Direction]:
    node = definition.by_name[name]
    found = [FORWARD] if node.executes else []
    found += [CHECK] if node.check else []
    found += [ASK] if node.otherwise else []
    return found + ([COMPENSATE] if node.compensable else [])


def calm(story: Story, world: FarSide) -> None:
    """Everybody answers and people do what they are asked for, until it ends and every late report is in."""
    for _ in range(200):
        fence(story, world)
        if not story.state.alive and not world.lost:
            return
        if world.lost:
            ask(story, world.report(world.lost.pop()))
            continue
        attempt: Attempt | None = min(story.work, default=None)
        business = sorted(name for name in story.timers if name not in (DEADLINE, WARNING))
        if story.state.paused:
            story.tell(facts.Resume())
        elif attempt is not None:
            if attempt not in world.running:
                world.begin(attempt)
            fact = outcomes(*attempt, world=world)[0]
            world.end(fact, acted=True)
            story.tell(fact)
        elif story.face.needs_person:
            story.tell(facts.Retry(reason="try again"))
        elif story.waits:
            story.message(min(story.waits), accepted=True)
        else:
            story.wait_for(business[0])
    raise AssertionError(f"it never ends: {story.state}")
