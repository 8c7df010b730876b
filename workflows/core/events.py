"""What happened: the append-only history of an instance, one small record per fact of its life.

Events are named in the past tense. They carry results and printable reasons, never rules; payloads are kept beside.
Each type has a schema version; `upcast` lifts stored ones to the newest shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from typing import Any, ClassVar, Union, get_args


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    schema: ClassVar[int] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceStarted(_Event):
    """The instance was accepted; its input is the event's payload."""

    workflow: str
    version: int
    key: str
    run: int = 1
    given: str
    input_hash: str
    values: dict[str, Any] = field(default_factory=dict)
    deadline_at: datetime | None = None
    warn_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEntered(_Event):
    """Every critical step of the stages before has ended."""

    stage: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepScheduled(_Event):
    """A worker may execute the step now. `rule` says why it applies, if it had a condition."""

    step: str
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSkipped(_Event):
    """The step's condition was false."""

    step: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSucceeded(_Event):
    """The step's one outcome. Its output, if any, is the event's payload."""

    step: str
    generation: int = 1
    attempt: int = 0
    key: str = ""
    #: forward, check, ask, fallback, callback, approval, timeout or person: how the outcome became known
    how: str = "forward"
    has_output: bool = False
    values: dict[str, Any] = field(default_factory=dict)
    token: int = 0
    started_at: datetime | None = None
    #: the result of an attempt that had lost its lease
    late: bool = False
    message: str = ""
    #: what the person said who entered the result
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepParked(_Event):
    """The dependency's breaker refused the call: no attempt was used, and it is offered again when calls pass."""

    step: str
    direction: str
    dependency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackScheduled(_Event):
    """The dependency cannot be used; a worker does it the other way. `why` is in words."""

    step: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteChosen(_Event):
    """One of several ways was taken. `rule` says why."""

    step: str
    choice: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalOpened(_Event):
    """People were asked. `default` follows at `due_at` without a decision."""

    step: str
    question: str
    audience: str
    quorum: int
    default: str
    due_at: datetime
    evidence: list[str] = field(default_factory=list)
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteCast(_Event):
    """One of those who were asked said what they think."""

    step: str
    person: str
    verdict: str
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPassedOver(_Event):
    """A person decided to go on without the step. An effect it may have had stays to be corrected."""

    step: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionWaived(_Event):
    """A person decided to leave an effect as it is."""

    step: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reassigned(_Event):
    """Somebody else looks after the instance."""

    owner: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailed(_Event):
    """An attempt failed for a technical reason; another follows at `retry_at`, unless that is empty."""

    step: str
    direction: str
    attempt: int
    error: str
    kind: str
    retry_at: datetime | None = None
    may_have_happened: bool = False
    token: int = 0
    started_at: datetime | None = None
    #: a breaker's probe: it does not count against the step's patience
    probe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLost(_Event):
    """The worker or its time-out took the attempt; its outcome is not known. Only losses in quarantine count."""

    step: str
    direction: str
    attempt: int
    why: str
    counted: bool
    retry_at: datetime
    token: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckScheduled(_Event):
    """The outcome is unknown and may not be repeated blindly: a worker finds out what happened."""

    step: str
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingHadHappened(_Event):
    """The check found no effect; the step is executed again."""

    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonAsked(_Event):
    """The step cannot go on by itself. `code`: exhausted, lost, unknown, unanswered, asked or permanent."""

    step: str
    code: str
    reason: str
    direction: str = "forward"
    evidence: dict[str, Any] = field(default_factory=dict)
    may_have_happened: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDropped(_Event):
    """A step that is not critical was given up."""

    step: str
    reason: str
    may_have_happened: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRefused(_Event):
    """The business said no."""

    step: str
    code: str
    reason: str
    attempt: int = 0
    token: int = 0
    message: str = ""
    #: forward, callback, approval, timeout or person: how the refusal became known
    how: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepWithdrawn(_Event):
    """The step had not begun its effect and is no longer wanted."""

    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitOpened(_Event):
    """The instance waits for a message of this type with this key."""

    step: str
    message_type: str
    match: str
    due_at: datetime
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskScheduled(_Event):
    """No message came in time: a worker asks the far side."""

    step: str
    round: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPending(_Event):
    """The far side has no answer yet; the wait is armed again."""

    step: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerSet(_Event):
    """The instance waits for a time."""

    step: str
    due_at: datetime
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired(_Event):
    """The time came."""

    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPublished(_Event):
    """A milestone was put into the outbox, in the same transaction."""

    step: str
    event_type: str
    event_version: int
    data: dict[str, Any] = field(default_factory=dict)
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineNear(_Event):
    """The instance's deadline is close."""

    deadline_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlinePassed(_Event):
    """The instance should have ended by now; it goes on."""

    deadline_at: datetime
    escalate_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRequested(_Event):
    """A person or policy asked for another attempt with a fresh budget and the same key."""

    step: str
    direction: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstancePaused(_Event):
    """New work stops; results and messages are kept; deadlines run on."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceResumed(_Event):
    """Work goes on."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationOpened(_Event):
    """An ended instance lives again, in order to be corrected."""

    generation: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionBegan(_Event):
    """What was done is being corrected. `plan` lists steps in order of execution; `awaiting` those still running."""

    cause: str
    code: str
    reason: str
    plan: list[str] = field(default_factory=list)
    awaiting: list[str] = field(default_factory=list)
    irreversible: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeAwaited(_Event):
    """A running forward attempt ended while the instance is being corrected: `happened` is yes, maybe or no."""

    step: str
    happened: str
    reversible: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LateEffectFound(_Event):
    """An attempt that was taken for lost had its effect after all; the step is corrected (once more)."""

    step: str
    round: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CompensationScheduled(_Event):
    """A worker may correct the step now."""

    step: str
    round: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CompensationSucceeded(_Event):
    """The step's effect was corrected. What the far side answered is the event's payload."""

    step: str
    attempt: int = 0
    key: str = ""
    has_output: bool = False
    token: int = 0
    started_at: datetime | None = None
    late: bool = False
    #: what the person said who did it outside; empty when a worker did it
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceEnded(_Event):
    """The generation's last event."""

    lifecycle: str
    status: str
    reason: str = ""
    corrected: list[str] = field(default_factory=list)
    irreversible: list[str] = field(default_factory=list)


Event = Union[  # noqa: UP007 - a runtime tuple of the members is needed below
    InstanceStarted, StageEntered, StepScheduled, StepSkipped, StepSucceeded, StepParked, FallbackScheduled,
    RouteChosen, ApprovalOpened, VoteCast, StepPassedOver, CorrectionWaived, Reassigned, AttemptFailed, AttemptLost,
    CheckScheduled, NothingHadHappened, PersonAsked, StepDropped, StepRefused, StepWithdrawn, WaitOpened,
    AskScheduled, AnswerPending, TimerSet, TimerFired, EventPublished, DeadlineNear, DeadlinePassed,
    RetryRequested, InstancePaused, InstanceResumed, GenerationOpened, CorrectionBegan, OutcomeAwaited,
    LateEffectFound, CompensationScheduled, CompensationSucceeded, InstanceEnded,
]  # fmt: skip

TYPES: dict[str, type[Any]] = {cls.__name__: cls for cls in get_args(Event)}

#: (type, stored schema) -> function that lifts the stored data by one schema version.
UPCASTERS: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}


def _shape(cls: type[Any]) -> tuple[tuple[str, Any, bool], ...]:
    shape = []
    for one in fields(cls):
        default = one.default if one.default is not MISSING else MISSING
        if one.default_factory is not MISSING:
            default = one.default_factory()
        shape.append((one.name, default, "datetime" in str(one.type)))
    return tuple(shape)


_SHAPES = {cls: _shape(cls) for cls in TYPES.values()}


def to_data(event: Event) -> dict[str, Any]:
    """The event's fields as JSON data; fields at their default are left out."""
    data: dict[str, Any] = {}
    for name, default, is_time in _SHAPES[type(event)]:
        value = getattr(event, name)
        if value != default:
            data[name] = value.isoformat() if is_time else value
    return data


def from_data(kind: str, schema: int, data: Mapping[str, Any]) -> Event:
    """A stored event, lifted to the newest schema of its type. Raises KeyError for a type nobody knows."""
    cls = TYPES[kind]
    lifted = dict(data)
    for version in range(schema, cls.schema):
        lifted = UPCASTERS[kind, version](lifted)
    for name, _, is_time in _SHAPES[cls]:
        if is_time and isinstance(lifted.get(name), str):
            lifted[name] = datetime.fromisoformat(lifted[name])
    event: Event = cls(**lifted)
    return event
