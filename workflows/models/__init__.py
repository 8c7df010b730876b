"""The tables. Engine tables are written by `workflows.engine` alone."""

from workflows.models.arrivals import Message, Wait
from workflows.models.governing import FailureNote, PausedIntake, Rollout
from workflows.models.history import Event, LateResult, Payload
from workflows.models.instance import Instance, RefusedStart, Tombstone
from workflows.models.measures import Rollup
from workflows.models.outgoing import Delivery, OutboxEvent, Subscription
from workflows.models.people import ApiToken, AuditEntry, AuditSeal, IdempotentRequest, Operation, ScopedRole
from workflows.models.work import Duty, OnceResult, Session, Timer, Work

#: Tables the application role may only add to. Payload is not among them: redaction deletes bodies.
APPEND_ONLY_TABLES = (
    "workflows_event", "workflows_auditentry", "workflows_auditseal", "workflows_outboxevent", "workflows_lateresult",
    "breakers_transition", "approvals_vote",
)  # fmt: skip

__all__ = [
    "APPEND_ONLY_TABLES", "ApiToken", "AuditEntry", "AuditSeal", "Delivery", "Duty", "Event", "FailureNote",
    "IdempotentRequest", "Instance", "LateResult", "Message", "OnceResult", "Operation", "OutboxEvent", "PausedIntake",
    "Payload", "RefusedStart", "Rollout", "Rollup", "ScopedRole", "Session", "Subscription", "Timer", "Tombstone",
    "Wait", "Work",
]  # fmt: skip
