"""Judges accepted operations by what the instance did afterwards: running, verified, or failed again with the error.

accepted ──► running ──► verified      the history has the event that proves it
    └───────────┴──────► failed        the same went wrong again, or it is no longer wanted
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from workflows.engine import clock, news
from workflows.models import Event, Instance, Operation, Work
from workflows.queries.operations import STAGES

#: Events that prove an act: those of its own transaction, or the end that was asked for.
_PROOF = {
    "skip": {"StepPassedOver", "CorrectionWaived"},
    "complete": {"StepSucceeded", "StepRefused", "CompensationSucceeded"},
    "signal": {"StepSucceeded", "StepRefused"},
    "reassign": {"Reassigned"},
    "pause": {"InstancePaused"},
    "resume": {"InstanceResumed"},
    "cancel": {"InstanceEnded"},
    "compensate": {"InstanceEnded"},
}
#: Events that say a correction goes wrong.
_IN_TROUBLE = {"cancel": {"PersonAsked"}, "compensate": {"PersonAsked"}}
#: What may become of a step that is tried again.
_WENT_WELL = {"StepSucceeded", "StepRefused", "CompensationSucceeded"}
_WENT_WRONG = {"PersonAsked", "StepDropped", "StepWithdrawn", "StepPassedOver", "CorrectionWaived"}
#: Events that show that somebody is at it.
_MOVED = {
    "AttemptFailed", "AttemptLost", "NothingHadHappened", "AnswerPending", "CompensationScheduled",
    "CompensationSucceeded", "OutcomeAwaited", "StepSucceeded",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the history says of an act: the event that decides it, and whether it went well."""

    event: Event
    verified: bool


def verify_open(limit: int = 500) -> int:
    """Look at every open operation once. Returns how many were decided."""
    open_ones = Operation.objects.filter(state__in=["accepted", "running"]).order_by("accepted_at")[:limit]
    return sum(verify(operation) for operation in open_ones)


def verify(operation: Operation) -> bool:
    """Look at one operation. True when it is decided now. Losing the race to another pump changes nothing."""
    since = list(
        Event.objects.filter(instance_id=operation.instance_id, seq__gt=operation.accepted_seq).order_by("seq")
    )
    retried = _retried(since) if operation.action == "retry" else set()
    judgement = _steps(since, retried) if operation.action == "retry" else _first(operation.action, since)
    if judgement is not None:
        return _decide(operation, judgement)
    if operation.state == "accepted" and (_moved(since, retried) or _leased(operation, retried)):
        _begin(operation)
    return False


def _first(action: str, since: Sequence[Event]) -> Judgement | None:
    good, bad = _PROOF.get(action, set()), _IN_TROUBLE.get(action, set())
    return next((Judgement(event, event.type in good) for event in since if event.type in good | bad), None)


def _retried(since: Sequence[Event]) -> set[str]:
    """The steps a retry asked for: they begin what was said after it was accepted."""
    asked = takewhile(lambda event: event.type in ("RetryRequested", "AnswerPending"), since)
    return {event.step for event in asked}


def _steps(since: Sequence[Event], retried: set[str]) -> Judgement | None:
    """A retry went well when every step it asked for has ended, and failed with the first that did not."""
    unsettled = set(retried)
    for event in since:
        if event.step not in unsettled:
            continue
        if event.type in _WENT_WRONG:
            return Judgement(event, verified=False)
        if event.type in _WENT_WELL:
            unsettled.remove(event.step)
            if not unsettled:
                return Judgement(event, verified=True)
    return None


def _moved(since: Sequence[Event], steps: set[str]) -> bool:
    return any(event.type in _MOVED and (not steps or event.step in steps) for event in since)


def _leased(operation: Operation, steps: set[str]) -> bool:
    """Whether a worker is at one of these steps now."""
    leased = Work.objects.filter(instance_id=operation.instance_id, step__in=steps, session_id__isnull=False)
    return bool(steps) and leased.exists()


def _begin(operation: Operation) -> None:
    if Operation.objects.filter(id=operation.id, state="accepted").update(state="running"):
        news.operation(operation.id, STAGES["running"])


def _decide(operation: Operation, judgement: Judgement) -> bool:
    event = judgement.event
    status = Instance.objects.filter(id=operation.instance_id).values_list("status", flat=True).first()
    evidence: dict[str, Any] = {"seq": event.seq, "type": event.type, "step": event.step, "status": status}
    error = "" if judgement.verified else str(event.data.get("reason") or "It is no longer wanted.")
    state = "verified" if judgement.verified else "failed"
    changed = Operation.objects.filter(id=operation.id, state__in=["accepted", "running"]).update(
        state=state, evidence=evidence, error=error, decided_at=clock.now()
    )
    if changed:
        news.operation(operation.id, STAGES[state])
    return bool(changed)
