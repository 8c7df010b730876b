"""One instance walked in memory: the engine's rows as plain dictionaries, and no database.

Every fact goes through `decide`; after each one the story checks what must hold whatever happened (`check`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from workflows.core import events as e
from workflows.core import facts
from workflows.core.decide import Decision, decide
from workflows.core.evolve import evolve, fold
from workflows.core.face import Face, deadline_state, face
from workflows.core.keys import idempotency_key
from workflows.core.state import DEADLINE, ENDED, WARNING, Direction, Lifecycle, Phase, State
from workflows.core.wants import (
    AddWork,
    ClearTimer,
    CloseApproval,
    CloseWait,
    DropWork,
    OpenApproval,
    OpenWait,
    Publish,
    SetTimer,
    Timer,
    Wait,
    Work,
    wants,
)
from workflows.dsl.definition import Definition
from workflows.engine import codec

FORWARD, CHECK, ASK, COMPENSATE = Direction.FORWARD, Direction.CHECK, Direction.ASK, Direction.COMPENSATE
NOON = datetime(2010, 12, 1, 12, 0, tzinfo=UTC)
Attempt = tuple[str, Direction]


@dataclass
class Story:
    """One instance of a definition. `leased` are the attempts that run now."""

    definition: Definition
    now: datetime = NOON
    pace: float = 1
    state: State = field(default_factory=State)
    events: list[e.Event] = field(default_factory=list)
    work: dict[Attempt, Work] = field(default_factory=dict)
    timers: dict[str, Timer] = field(default_factory=dict)
    waits: dict[str, Wait] = field(default_factory=dict)
    asks: set[str] = field(default_factory=set)
    #: how questions were settled, oldest first
    settled: list[CloseApproval] = field(default_factory=list)
    leased: set[Attempt] = field(default_factory=set)
    published: list[e.EventPublished] = field(default_factory=list)
    #: idempotency keys by what must never have two
    keys: dict[tuple[Any, ...], str] = field(default_factory=dict)

    def start(self, key: str = "536365", **values: Any) -> Story:
        """Accept the instance; `values` are the input's fields that rules read."""
        self.tell(facts.Start(key=key, input_hash="-", values=values))
        return self

    def tell(self, fact: facts.Fact) -> list[e.Event]:
        """Let the core decide, carry the effects out, check, and return what happened."""
        before = self.state
        decision = decide(self.definition, before, fact, self.now, in_flight=self.leased, pace=self.pace)
        if not decision.events:
            assert decision.state is before and not decision.effects
            return []
        self._carry_out(decision, fact)
        self.events += decision.events
        self.state = decision.state
        self.check(before, decision)
        return list(decision.events)

    def _carry_out(self, decision: Decision, fact: facts.Fact) -> None:
        ended = None if getattr(fact, "late", True) else (fact.step, fact.direction)  # type: ignore[union-attr]
        touched = set()
        for effect in decision.effects:
            match effect:
                case AddWork(work):
                    touched.add((work.step, work.direction))
                    self.work[work.step, work.direction] = work
                case DropWork(step, direction):
                    touched.add((step, direction))
                    del self.work[step, direction]
                    self.leased.discard((step, direction))
                case SetTimer(timer):
                    self.timers[timer.name] = timer
                case ClearTimer(name):
                    del self.timers[name]
                case OpenWait(wait):
                    self.waits[wait.step] = wait
                case CloseWait(step):
                    del self.waits[step]
                case OpenApproval(seq, asked):
                    assert decision.events[seq - decision.state.seq - 1 + len(decision.events)] is asked
                    self.asks.add(asked.step)
                case CloseApproval(step):
                    self.asks.remove(step)
                    self.settled.append(effect)
                case Publish(seq, event):
                    assert decision.events[seq - decision.state.seq - 1 + len(decision.events)] is event
                    self.published.append(event)
        if ended is not None and ended in self.leased | touched:
            assert ended in touched, f"the lease of {ended} would outlive its attempt"
            self.leased.discard(ended)

    # --- what workers and the outside do ---------------------------------------------------------------------------

    def lease(self, step: str, direction: Direction = FORWARD) -> None:
        """A worker begins an attempt."""
        assert (step, direction) in self.work, f"nobody wants {step} {direction}; wanted: {sorted(self.work)}"
        self.leased.add((step, direction))
        self._note_key(step, direction)

    def succeed(
        self, step: str, direction: Direction = FORWARD, *, late: bool = False, output: bool = True, **values: Any
    ) -> list[e.Event]:
        """An attempt returned."""
        if not late and (step, direction) not in self.leased:
            self.lease(step, direction)
        fact = facts.Succeeded(step=step, direction=direction, has_output=output, values=values, late=late, token=1)
        return self.tell(fact)

    def fail(self, step: str, direction: Direction = FORWARD, **options: Any) -> list[e.Event]:
        """An attempt failed for a technical reason."""
        if (step, direction) not in self.leased:
            self.lease(step, direction)
        return self.tell(facts.Failed(step=step, direction=direction, **{"error": "broken", "kind": "Test", **options}))

    def refuse(self, step: str, direction: Direction = FORWARD) -> list[e.Event]:
        """The far side says no."""
        if (step, direction) not in self.leased:
            self.lease(step, direction)
        return self.tell(facts.RefusedBy(step=step, direction=direction, code="No", reason=f"{step} said no"))

    def lose(self, step: str, direction: Direction = FORWARD) -> list[e.Event]:
        """The worker died."""
        if (step, direction) not in self.leased:
            self.lease(step, direction)
        return self.tell(facts.Lost(step=step, direction=direction, why="the worker stopped answering"))

    def bar(self, step: str, direction: Direction = FORWARD, dependency: str = "store") -> list[e.Event]:
        """The dependency's breaker refused the call."""
        if (step, direction) not in self.leased:
            self.lease(step, direction)
        return self.tell(facts.Barred(step=step, direction=direction, dependency=dependency))

    def vote(self, step: str, person: str, verdict: str = "approve", *, decides: bool = True) -> list[e.Event]:
        """Somebody who was asked says what they think."""
        return self.tell(facts.Voted(step=step, person=person, verdict=verdict, decides=decides))

    def message(self, step: str, **values: Any) -> list[e.Event]:
        """A message matched the step's wait."""
        return self.tell(facts.MessageArrived(step=step, message="m-1", values=values))

    def wait_for(self, timer: str) -> list[e.Event]:
        """Let time pass until a timer is due, and tell the instance."""
        self.now = max(self.now, self.timers[timer].fire_at)
        return self.tell(facts.TimeCame(name=timer))

    def later(self, span: timedelta) -> Story:
        """Let time pass."""
        self.now += span
        return self

    # --- how it looks -----------------------------------------------------------------------------------------------

    @property
    def face(self) -> Face:
        """What people see."""
        return face(self.definition, self.state)

    @property
    def ready(self) -> list[str]:
        """Names of the steps somebody should work on, in the definition's order."""
        return sorted((step for step, _ in self.work), key=self.definition.position.__getitem__)

    def said(self, kind: type[e.Event] | tuple[type[e.Event], ...]) -> list[Any]:
        """Every event of a type, oldest first."""
        return [event for event in self.events if isinstance(event, kind)]

    def corrected(self) -> list[str]:
        """Steps in the order in which they were corrected."""
        return [event.step for event in self.said(e.CompensationSucceeded)]

    # --- what must hold ---------------------------------------------------------------------------------------------

    def check(self, before: State, decision: Decision) -> None:
        """Everything that holds after any fact, however odd."""
        self._check_fold(before, decision)
        self._check_rows()
        self._check_ending(decision)
        self._check_successes(decision)
        self._check_corrections(before, decision)
        self._check_next_cause()
        self._check_face()
        for attempt in self.leased:
            self._note_key(*attempt)

    def _check_fold(self, before: State, decision: Decision) -> None:
        state = before
        for event in decision.events:
            state = evolve(state, event)
            stored = json.loads(json.dumps(e.to_data(event)))
            assert e.from_data(type(event).__name__, event.schema, stored) == event
        assert state == decision.state and state.seq == before.seq + len(decision.events)
        assert codec.load(json.loads(json.dumps(codec.dump(state)))) == state

    def check_history(self) -> None:
        """The whole history folds to the state."""
        assert fold(self.events) == self.state

    def _check_rows(self) -> None:
        wanted = wants(self.definition, self.state)
        assert self.work == wanted.work
        assert self.timers == wanted.timers
        assert self.waits == wanted.waits
        assert self.asks == wanted.asks

    def _check_ending(self, decision: Decision) -> None:
        """Exactly one ending per generation, and nothing between it and the next generation."""
        ended = None
        for event in self.events:
            assert ended is None or isinstance(event, e.GenerationOpened), f"{event} after {ended}"
            ended = event if isinstance(event, e.InstanceEnded) else None
        assert (ended is not None) == (not self.state.alive)
        if ended is not None:
            assert not self.work and not self.timers and not self.waits and not self.leased

    def _check_successes(self, decision: Decision) -> None:
        named = [(event.step, event.generation) for event in self.said(e.StepSucceeded)]
        assert len(named) == len(set(named)), "a success was recorded twice"
        rounds = [event.key for event in self.said(e.CompensationSucceeded)]
        assert len(rounds) == len(set(rounds)), "one effect was corrected twice under one key"
        for event in decision.events:
            if isinstance(event, e.StepSucceeded) and event.key:
                self._note(("key", event.step, event.generation, FORWARD), event.key)

    def _check_corrections(self, before: State, decision: Decision) -> None:
        state = before
        for event in decision.events:
            state = evolve(state, event)
            if isinstance(event, e.CompensationScheduled):
                newer = [name for name in self._uncorrected(state) if self._after(state, name, event.step)]
                assert not newer, f"{event.step} is corrected before {newer}, which happened later"
            if isinstance(event, e.InstanceEnded) and event.lifecycle != Lifecycle.COMPLETED:
                assert not self._uncorrected(state), f"ended with effects: {self._uncorrected(state)}"
                assert not [n for n, s in state.steps.items() if s.unknown and self.definition.by_name[n].compensable]

    def _uncorrected(self, state: State) -> list[str]:
        """Effects that are there and that nobody has decided to leave as they are."""
        waived = state.correction.waived if state.correction else ()
        return [
            name
            for name, step in state.steps.items()
            if step.phase is Phase.SUCCEEDED
            and not step.corrected
            and self.definition.by_name[name].compensable
            and name not in waived
        ]

    @staticmethod
    def _after(state: State, name: str, other: str) -> bool:
        mine = state.steps[other].ended_seq
        return name != other and mine != 0 and state.steps[name].ended_seq > mine

    def _check_next_cause(self) -> None:
        """Nothing is silently stuck: something runs or is due, or somebody is named."""
        if not self.state.alive or self.state.paused:
            return
        business = [name for name in self.timers if name not in (DEADLINE, WARNING)]
        overdue_waits = [wait for wait in self.waits.values() if wait.due_at is None]
        assert self.work or business or self.face.needs_person, f"stuck: {self.state}"
        assert not overdue_waits or self.work or self.face.needs_person

    def _check_face(self) -> None:
        shown = self.face
        assert shown.status in self.definition.statuses
        assert shown.stage in [stage.name for stage in self.definition.stages]
        assert shown.owner
        assert (shown.lifecycle in ENDED) == (not self.state.alive)
        assert (shown.lifecycle is Lifecycle.PAUSED) == (self.state.alive and self.state.paused)
        assert deadline_state(self.definition, self.state) in ("", "near", "passed")

    def _note_key(self, step: str, direction: Direction) -> None:
        node = self.definition.by_name[step]
        key = idempotency_key(self.state, node, direction)
        generation = self.state.steps[step].generation
        if direction is COMPENSATE and self.state.correction is not None:
            generation = next(item.round for item in self.state.correction.items if item.step == step)
        meaning = COMPENSATE if direction is COMPENSATE else FORWARD
        self._note(("key", step, generation, meaning), key)

    def _note(self, name: tuple[Any, ...], key: str) -> None:
        assert self.keys.setdefault(name, key) == key, f"the key of {name} changed"
        assert list(self.keys.values()).count(key) == 1, f"the key {key} has two meanings"


def values_of(state: State, step: str) -> Mapping[str, Any]:
    """What is kept of a step's result for rules."""
    return state.values.get(step, {})
