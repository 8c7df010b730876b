"""The systems a process calls, as far as a story needs them: which effects are there, and which keys were seen.

The model is as unkind as reality: a correction looks when its attempt begins, an effect may come while it runs, and a
system that knows a key answers as it did the first time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.core.story import CHECK, COMPENSATE, FORWARD, Attempt, Story
from workflows.core import events as e
from workflows.core import facts
from workflows.core.keys import idempotency_key
from workflows.core.state import Direction
from workflows.dsl.dependency import INTERNAL


@dataclass(frozen=True)
class Running:
    """An attempt at the far side: its key, and whether the step's effect was there when it began."""

    step: str
    direction: Direction
    key: str
    was_there: bool


@dataclass
class FarSide:
    """All systems of one story together."""

    story: Story
    there: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    running: dict[Attempt, Running] = field(default_factory=dict)
    #: attempts that lost their lease and have not reported
    lost: list[Running] = field(default_factory=list)

    def begin(self, attempt: Attempt) -> None:
        """A worker begins an attempt."""
        step, direction = attempt
        self.story.lease(step, direction)
        if direction is FORWARD and self._repeats(step) == "unsafe" and step in self.there:
            assert self._asked_by_a_person(step), f"{step} is done a second time"
        node = self.story.definition.by_name[step]
        key = idempotency_key(self.story.state, node, direction)
        self.running[attempt] = Running(step, direction, key, step in self.there)

    def end(self, fact: facts.Fact, *, acted: bool) -> Running:
        """An attempt ended; `acted`: it reached the far side, whatever the worker heard of it."""
        assert isinstance(fact, facts.Succeeded | facts.StillPending | facts.Failed | facts.RefusedBy | facts.Lost)
        attempt = self.running.pop((fact.step, fact.direction))
        if acted:
            self._act(attempt)
        if isinstance(fact, facts.Lost) and (acted or self._repeats(fact.step) != "unsafe"):
            self.lost.append(attempt)
        return attempt

    def report(self, attempt: Running) -> facts.Succeeded:
        """A lost attempt reports at last. Its effect is there by now; a check tells what it saw when it began."""
        self._act(attempt)
        return facts.Succeeded(
            step=attempt.step,
            direction=attempt.direction,
            key=attempt.key,
            late=True,
            has_output=attempt.direction is not CHECK or attempt.was_there,
            values={"number": "N1", "reference": "E1", "accepted": True, "reason": None},
        )

    def look(self, step: str) -> facts.Succeeded:
        """What a check finds."""
        found = step in self.there
        return facts.Succeeded(step=step, direction=CHECK, has_output=found, values={"number": "N1"} if found else {})

    def _act(self, attempt: Running) -> None:
        if self._repeats(attempt.step) == "by_key" and attempt.key in self.keys:
            return
        self.keys.add(attempt.key)
        if attempt.direction is FORWARD:
            self.there.add(attempt.step)
        elif attempt.direction is COMPENSATE and attempt.was_there:
            self.there.discard(attempt.step)

    def _repeats(self, step: str) -> str:
        return (self.story.definition.by_name[step].calls or INTERNAL).repeats

    def _asked_by_a_person(self, step: str) -> bool:
        own = [event for event in self.story.events if getattr(event, "step", "") == step]
        asked = max((i for i, event in enumerate(own) if isinstance(event, e.RetryRequested)), default=-1)
        return asked >= 0 and not any(isinstance(event, e.AttemptLost) for event in own[asked:])
