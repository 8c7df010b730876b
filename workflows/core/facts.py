"""What the engine tells the core: results, losses, messages, times, and what people ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from workflows.core.state import Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A new instance was accepted."""

    key: str
    input_hash: str
    values: Mapping[str, Any]
    run: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    step: str
    direction: Direction = Direction.FORWARD
    token: int = 0
    started_at: datetime | None = None
    #: the attempt had lost its lease when its result came in
    late: bool = False
    #: the idempotency key it was made with
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded(_Attempt):
    """An attempt returned. A check that returns nothing found that nothing had happened."""

    has_output: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StillPending(_Attempt):
    """The far side was asked and has no answer yet."""

    after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(_Attempt):
    """An attempt failed for a technical reason, or asked for a person (`person`)."""

    error: str
    kind: str
    retryable: bool = True
    after: timedelta | None = None
    may_have_happened: bool = False
    person: bool = False
    evidence: Mapping[str, Any] = field(default_factory=dict)
    #: it was a breaker's probe, which does not count against the patience with this step
    probe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedBy(_Attempt):
    """The business said no."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost(_Attempt):
    """The attempt's lease ended without a result."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Barred(_Attempt):
    """The dependency's breaker refused the call: nothing was sent, no attempt was used."""

    dependency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageArrived:
    """A message matched the step's open wait."""

    step: str
    message: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeCame:
    """A timer is due: a step's name, or `deadline` or `deadline-warning`."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Try again what is stuck or waits to be tried again; one step, or all of them."""

    reason: str = ""
    step: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Stop new work."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Let work go on."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """End the instance and correct what was done."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compensate:
    """Correct what was done, also after the end."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Voted:
    """A person voted on an approval. `verdict` is approve or reject, `decides` says whether the question is settled."""

    step: str
    person: str
    verdict: str
    comment: str = ""
    decides: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """Go on without a step that cannot, or leave an effect as it is that cannot be corrected."""

    reason: str
    step: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    """A person says what a step's result is, or that its correction was done outside.

    `values` are the result's fields that rules read; `has_output` says whether there is a result at all.
    """

    reason: str
    step: str | None = None
    has_output: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reassign:
    """Somebody else looks after the instance from now on."""

    owner: str
    reason: str = ""


Fact = (
    Start | Succeeded | StillPending | Failed | RefusedBy | Lost | Barred | MessageArrived | TimeCame | Voted | Retry
    | Skip | Complete | Reassign | Pause | Resume | Cancel | Compensate
)  # fmt: skip


class NotNow(Exception):
    """What was asked makes no sense in the instance's present state; the message says why."""
