"""Where an instance stands: the fold of its history, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any


class Lifecycle(StrEnum):
    """The engine's word for an instance; people read its business status instead."""

    #: something is leased or ready
    RUNNING = "running"
    #: alive, but the next move is somebody else's: a callback, a time, a person
    WAITING = "waiting"
    #: an operator stopped new work
    PAUSED = "paused"
    #: done effects are being corrected
    COMPENSATING = "compensating"
    #: every step ended as the process wants it
    COMPLETED = "completed"
    #: every reversible effect was corrected
    COMPENSATED = "compensated"
    #: ended without success and nothing needed correction
    FAILED = "failed"
    #: cancelled by a person, and corrected
    CANCELLED = "cancelled"


#: Names of the two timers every instance with a deadline has.
DEADLINE, WARNING = "deadline", "deadline-warning"

ENDED = frozenset({Lifecycle.COMPLETED, Lifecycle.COMPENSATED, Lifecycle.FAILED, Lifecycle.CANCELLED})


class Phase(StrEnum):
    """Where one step stands."""

    #: a worker may execute it (from `retry_at` on, if set)
    READY = "ready"
    #: waits for a message or a time
    WAITING = "waiting"
    #: only a person can go on
    STUCK = "stuck"
    #: its outcome is recorded
    SUCCEEDED = "succeeded"
    #: its rule was false
    SKIPPED = "skipped"
    #: the business said no
    REFUSED = "refused"
    #: not critical and given up
    DROPPED = "dropped"
    #: withdrawn before it did anything
    CANCELLED = "cancelled"


FINISHED = frozenset({Phase.SUCCEEDED, Phase.SKIPPED, Phase.REFUSED, Phase.DROPPED, Phase.CANCELLED})


class Direction(StrEnum):
    """Which of a step's functions an attempt runs."""

    #: the step itself
    FORWARD = "forward"
    #: did the unknown effect happen?
    CHECK = "check"
    #: is there an answer although no message came?
    ASK = "ask"
    #: do without the dependency
    FALLBACK = "fallback"
    #: correct the effect
    COMPENSATE = "compensate"


class ItemPhase(StrEnum):
    """Where one item of a compensation plan stands."""

    #: its forward attempt is still running; its outcome decides
    AWAITING = "awaiting"
    #: will be corrected in its turn
    PLANNED = "planned"
    #: a worker may correct it
    READY = "ready"
    #: only a person can go on
    STUCK = "stuck"
    #: corrected
    DONE = "done"
    #: nothing had happened, so there is nothing to correct
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Patience:
    """How often something was tried. Attempts are numbered for ever; failures count against the present budget."""

    attempts: int = 0
    failures: int = 0
    #: lost while alone in quarantine: these condemn a step
    losses: int = 0
    quarantined: bool = False
    retry_at: datetime | None = None
    error: str = ""
    error_kind: str = ""
    #: the dependency whose breaker refused the call; no attempt was used
    parked: str = ""


@dataclass(frozen=True, slots=True)
class StepState:
    """One step of one instance."""

    phase: Phase
    direction: Direction = Direction.FORWARD
    #: grows exactly when the effect is to be executed anew
    generation: int = 1
    patience: Patience = field(default_factory=Patience)
    #: an attempt may have had its effect although its outcome is not recorded
    unknown: bool = False
    #: its effect was corrected
    corrected: bool = False
    #: rounds of correction that have begun; each has a key of its own
    corrections: int = 0
    #: when a wait or timer ends
    due_at: datetime | None = None
    #: what a waiting callback is matched by
    match: str = ""
    #: how many rounds of `otherwise` were asked
    rounds: int = 0
    #: history seq of the success, 0 before
    ended_seq: int = 0
    #: history seq of the event whose payload is the output, 0 without output
    output_seq: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """One step of a compensation plan."""

    step: str
    phase: ItemPhase
    patience: Patience = field(default_factory=Patience)
    #: grows when a late effect has to be corrected once more
    round: int = 1
    #: a late effect was found while the correction was under way, which may have looked too early
    again: bool = False


@dataclass(frozen=True, slots=True)
class Correction:
    """A compensation: why, and the plan in the order it is carried out."""

    #: refused, exhausted, cancelled or requested
    cause: str
    code: str
    reason: str
    items: tuple[Item, ...]
    irreversible: tuple[str, ...] = ()
    #: effects that a person left as they are
    waived: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """The whole instance. `values` keeps the few result fields that rules, keys and events read."""

    workflow: str = ""
    version: int = 0
    key: str = ""
    run: int = 1
    generation: int = 1
    #: number of events folded; the next event gets seq + 1
    seq: int = 0
    stage: int = -1
    paused: bool = False
    ended: Lifecycle | None = None
    ended_status: str = ""
    reason: str = ""
    steps: Mapping[str, StepState] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    correction: Correction | None = None
    deadline_at: datetime | None = None
    warn_at: datetime | None = None
    #: history seq of the input's event
    input_seq: int = 0
    #: who looks after it instead of the declared owner
    owner: str = ""

    @property
    def alive(self) -> bool:
        """Whether the present generation has not ended."""
        return self.ended is None

    def moved(self, **changes: Any) -> State:
        """A copy with these fields changed. Every event makes one; `dataclasses.replace` takes three times as long."""
        values = list(_VALUES(self))
        for name, value in changes.items():
            values[_PLACES[name]] = value
        return State(*values)


_VALUES = attrgetter(*(field.name for field in fields(State)))
_PLACES = {field.name: place for place, field in enumerate(fields(State))}
