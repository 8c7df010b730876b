"""Judges accepted operations by what the instance did afterwards: running, verified, or failed again with the error."""

from __future__ import annotations

from typing import Any

from workflows.engine import clock
from workflows.models import Event, Instance, Operation

#: Event types that prove an action, and those that prove it failed again.
_PROOF = {
    "retry": (
        {"StepSucceeded", "CompensationSucceeded", "StepRefused", "InstanceEnded"},
        {"PersonAsked", "StepDropped"},
    ),
    "skip": ({"StepPassedOver", "CorrectionWaived"}, set()),
    "complete": ({"StepSucceeded", "CompensationSucceeded"}, set()),
    "signal": ({"StepSucceeded", "StepRefused"}, set()),
    "reassign": ({"Reassigned"}, set()),
    "pause": ({"InstancePaused"}, set()),
    "resume": ({"InstanceResumed"}, set()),
    "cancel": ({"InstanceEnded"}, {"PersonAsked"}),
    "compensate": ({"InstanceEnded"}, {"PersonAsked"}),
}
_MOVED = {"AttemptFailed", "AttemptLost", "CompensationSucceeded", "CompensationScheduled", "StepSucceeded"}


def verify_open(limit: int = 500) -> int:
    """Look at every open operation once. Returns how many were decided."""
    open_ones = Operation.objects.filter(state__in=["accepted", "running"]).order_by("accepted_at")[:limit]
    return sum(verify(operation) for operation in open_ones)


def verify(operation: Operation) -> bool:
    """Look at one operation. True when it is decided now. Losing the race to another pump changes nothing."""
    good, bad = _PROOF.get(operation.action, (set(), set()))
    since = Event.objects.filter(instance_id=operation.instance_id, seq__gt=operation.accepted_seq).order_by("seq")
    running = False
    for event in since:
        if event.type in good:
            return _decide(operation, "verified", event, "")
        if event.type in bad:
            return _decide(operation, "failed", event, str(event.data.get("reason", "")))
        running = running or event.type in _MOVED
    if running and operation.state == "accepted":
        Operation.objects.filter(id=operation.id, state="accepted").update(state="running")
    return False


def _decide(operation: Operation, state: str, event: Event, error: str) -> bool:
    status = Instance.objects.filter(id=operation.instance_id).values_list("status", flat=True).first()
    evidence: dict[str, Any] = {"seq": event.seq, "type": event.type, "step": event.step, "status": status}
    changed = Operation.objects.filter(id=operation.id, state__in=["accepted", "running"]).update(
        state=state, evidence=evidence, error=error, decided_at=clock.now()
    )
    return bool(changed)
