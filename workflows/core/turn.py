"""One decision while it is being made: the state so far and the events said so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from workflows.core.events import Event
from workflows.core.evolve import evolve
from workflows.core.state import Direction, State
from workflows.dsl.definition import Definition


@dataclass(slots=True)
class Turn:
    """Collects events; `state` is always the fold of everything said."""

    definition: Definition
    state: State
    now: datetime
    in_flight: frozenset[tuple[str, Direction]]
    pace: float
    events: list[Event] = field(default_factory=list)

    def say(self, event: Event) -> None:
        """Record an event and move the state on."""
        self.state = evolve(self.state, event)
        self.events.append(event)

    def after(self, span: timedelta) -> datetime:
        """The time that lies a business duration ahead."""
        return self.now + span / self.pace
