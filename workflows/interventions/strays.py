"""Messages from outside that found nobody: handed to the instance they were meant for, or set aside.

1. May the actor do it, is there a reason, and does the message still lie there?
2. The wait that it decides, and what it says, are looked at under the instance's lock (`engine.delivery.hand_over`).
3. Message, history, audit row and operation are written in one transaction. Doing it twice changes nothing more.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from workflows import audit, registry
from workflows.audit import Act
from workflows.core.face import face
from workflows.engine import clock, delivery, ids, inbox, news
from workflows.engine.apply import Applied
from workflows.engine.chain import Actor
from workflows.interventions.authority import Principal, may, may_somewhere, viewer
from workflows.interventions.errors import Forbidden, Impossible, InterventionError, ReasonMissing, Unknown
from workflows.models import Operation
from workflows.queries import callbacks, instances, proposals
from workflows.queries.callbacks import CallbackRow
from workflows.queries.instances import Filters, InstanceRow
from workflows.queries.visibility import message_types
from workflows.registry import UnknownWorkflow


def apply(
    principal: Principal,
    message_id: UUID,
    *,
    reason: str,
    instance_id: UUID | None = None,
    key: str = "",
    correlation_id: str = "",
) -> Operation:
    """Let a message decide the open wait of an instance: the one with this business key or id, else the only one
    that is proposed.

    Raises Unknown, Forbidden, ReasonMissing, or Impossible (nothing waits for it, its body breaks the contract, it was
    taken into account before, or it is not clear for whom it is). Every refusal is recorded in the audit.
    """
    row, act = _asked(principal, "apply", message_id, reason, correlation_id)
    chosen: InstanceRow | None = None
    try:
        _check(principal, row, act)
        chosen = _chosen(principal, row, instance_id, key)
        verdict = may(principal, "apply", chosen.workflow)
        if not verdict.allowed:
            raise Forbidden(verdict.reason)
        return _hand_over(row, chosen, act)
    except InterventionError as refusal:
        about = {"workflow": chosen.workflow, "instance_id": chosen.id} if chosen else {}
        audit.record(act, allowed=False, refusal=str(refusal), target=_target(row), **about)  # type: ignore[arg-type]
        raise


def ignore(principal: Principal, message_id: UUID, *, reason: str, correlation_id: str = "") -> None:
    """Set a message aside: nobody shall take it. Raises as `apply` does."""
    row, act = _asked(principal, "ignore", message_id, reason, correlation_id)
    try:
        _check(principal, row, act)
        with transaction.atomic():
            was = inbox.set_aside(row.id, act.reason, clock.read())
            if was in ("applied", "ignored"):
                raise Impossible(_SETTLED[was])
            audit.record(
                act, allowed=True, workflow=row.workflow, instance_id=row.instance_id, target=_target(row),
                before={"state": was, "note": row.note}, after={"state": "ignored"},
            )  # fmt: skip
            transaction.on_commit(news.board, robust=True)
    except InterventionError as refusal:
        audit.record(act, allowed=False, refusal=str(refusal), target=_target(row))
        raise


_SETTLED = {"applied": "It has been taken into account already.", "ignored": "It has been set aside already."}


def _asked(
    principal: Principal, action: str, message_id: UUID, reason: str, correlation_id: str
) -> tuple[CallbackRow, Act]:
    row = callbacks.one(viewer(principal), message_id)
    if row is None:
        raise Unknown("There is no such message.")
    correlation_id = correlation_id or row.correlation_id
    return row, Act(
        principal.kind, principal.name, action, principal.through, correlation_id, reason.strip(), ids.new_id()
    )


def _check(principal: Principal, row: CallbackRow, act: Act) -> None:
    """Raises unless the actor may do something about this message and says why."""
    verdict = may(principal, act.action, row.workflow) if row.workflow else may_somewhere(principal, act.action)
    if not verdict.allowed:
        raise Forbidden(verdict.reason)
    repairs = viewer(principal, act.action)
    if not row.workflow and repairs.sees is not None and row.type not in message_types(repairs):
        raise Forbidden("You may look after callbacks, but not those of this process.")
    if not 1 <= len(act.reason) <= 2000:
        raise ReasonMissing("Please give a reason (up to 2,000 characters).")
    if row.state == "applied":
        raise Impossible(_SETTLED["applied"])


def _chosen(principal: Principal, row: CallbackRow, instance_id: UUID | None, key: str) -> InstanceRow:
    """The instance that was named, else the only one that would take the message."""
    if key:
        return _numbered(principal, key)
    if instance_id is None:
        offered = proposals.proposals(viewer(principal), [row.id]).get(row.id, [])
        possible = [one.instance_id for one in offered if one.possible]
        if len(possible) != 1:
            raise Impossible(
                "Several could take it; say which one." if possible else "Nothing waits for it; say for whom it is."
            )
        instance_id = possible[0]
    found = instances.one(viewer(principal), instance_id)
    if found is None:
        raise Impossible("There is no instance with this id.")
    return found


def _numbered(principal: Principal, key: str) -> InstanceRow:
    found = instances.page(viewer(principal), Filters(key=(key,), alive=True), size=2).rows
    if len(found) != 1:
        raise Impossible(
            f"Several cases have the number {key}." if found else f"No case with the number {key} is under way."
        )
    return found[0]


def _hand_over(row: CallbackRow, chosen: InstanceRow, act: Act) -> Operation:
    try:
        with transaction.atomic():
            applied = delivery.hand_over(row.id, chosen.id, Actor(act.actor_kind, act.actor))
            if applied is None:
                raise Impossible("There is no instance with this id.")
            audit.record(
                act, allowed=True, workflow=chosen.workflow, instance_id=chosen.id, target=_target(row),
                before={"state": row.state, "status": chosen.status},
                after={"state": "applied", "key": chosen.key, "seq": applied.row.state.seq},
            )  # fmt: skip
            return _verified(act, chosen, applied)
    except delivery.NotWanted as error:
        raise Impossible(f"{chosen.key} cannot take it: {error}.") from error
    except UnknownWorkflow as error:
        raise Impossible(f"This process has no code for it: {error}.") from error


def _verified(act: Act, chosen: InstanceRow, applied: Applied) -> Operation:
    """The act as an operation. What it did is in the history already, so there is nothing to wait for."""
    row, first, now = applied.row, applied.decision.events[0], clock.now()
    seq = row.state.seq - len(applied.decision.events) + 1
    status = face(registry.find(row.workflow, row.version), row.state).status
    evidence = {"seq": seq, "type": type(first).__name__, "step": getattr(first, "step", ""), "status": status}
    return Operation.objects.create(
        id=act.id, action=act.action, instance_id=chosen.id, actor_kind=act.actor_kind, actor=act.actor,
        reason=act.reason, state="verified", accepted_at=now, accepted_seq=seq - 1, decided_at=now,
        evidence=evidence,
    )  # fmt: skip


def _target(row: CallbackRow) -> str:
    return f"{row.source} {row.webhook_id}"
