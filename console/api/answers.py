"""Turns what was read into the API's shapes, and pages into addresses one can follow."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.http import HttpResponse
from pydantic import BaseModel
from rest_framework.request import Request

from console.api import shapes
from console.api.problems import BAD_REQUEST, ProblemError
from console.presenters.repair.causes import title
from console.sentences import sentence
from console.standings import definition_of, standing
from workflows.interventions.acts import AllowedAction
from workflows.queries.callbacks import CallbackRow
from workflows.queries.details import Detail
from workflows.queries.failures import Failure, Part, runbook
from workflows.queries.history import HistoryEvent
from workflows.queries.instances import PRIORITIES, InstanceRow
from workflows.queries.operations import OperationRow
from workflows.queries.outbound import LedgerRow
from workflows.queries.pages import BadCursor, Page
from workflows.queries.proposals import Proposal
from workflows.queries.published import SubscriptionRow
from workflows.queries.record import AuditRow
from workflows.queries.steps import Step
from workflows.queries.surroundings import Around, Surroundings

#: bytes of JSON beyond which a step's input is folded; the instance's own input is always told in full
FOLD = 16 * 1024

RowT = TypeVar("RowT")


def told(shape: BaseModel, status: int = 200, **headers: str) -> HttpResponse:
    """A shape as a JSON response. Header names are written with underscores."""
    response = HttpResponse(shape.model_dump_json(), content_type="application/json", status=status)
    for name, value in headers.items():
        response[name.replace("_", "-")] = value
    return response


def paged(
    request: Request, shape: type[BaseModel], read: Callable[[], Page[RowT]], tell: Callable[[RowT], BaseModel]
) -> HttpResponse:
    """A page as a response. A cursor of another list is the caller's mistake."""
    try:
        page = read()
    except BadCursor as error:
        raise ProblemError(BAD_REQUEST, str(error), errors=[("cursor", "does not belong to this list")]) from None
    results = [tell(row) for row in page.rows]
    next_, previous = (address(request, cursor=cursor) if cursor else None for cursor in (page.next, page.previous))
    return told(shape.model_construct(results=results, next=next_, previous=previous))


def address(request: Request, **changed: str) -> str:
    """The request's own address with other query parameters."""
    parameters = {**dict(request.query_params.lists()), **{name: [value] for name, value in changed.items()}}
    return request.build_absolute_uri(f"{request.path}?{urlencode(parameters, doseq=True)}")


def summary(row: InstanceRow, now: datetime, surroundings: Surroundings) -> shapes.InstanceSummary:
    """One instance for lists."""
    return shapes.InstanceSummary(**_summary(row, now, "", surroundings.of(row)))


def detail(found: Detail, allowed: list[AllowedAction], now: datetime) -> shapes.InstanceDetail:
    """One instance in full."""
    return shapes.InstanceDetail(
        **_summary(found.row, now, found.error, Surroundings(now).of(found.row)),
        input=found.input,
        steps=[_step(step, found) for step in found.steps],
        allowed_actions=[shapes.InstanceAction(**asdict(one)) for one in allowed],
    )


def _summary(row: InstanceRow, now: datetime, error: str, around: Around) -> dict[str, Any]:
    definition = definition_of(row.workflow, row.version)
    told_now = sentence(standing(row, around, error=error), now)
    next_at = around.breaker.next_probe_at if around.breaker is not None else row.next_at
    node = definition.by_name.get(row.step) if definition else None
    straight = (
        "id", "workflow", "version", "key", "run", "generation", "initiator", "initiator_kind", "needs_person",
        "correlation_id", "lifecycle", "stage", "status", "since", "owner", "dependency", "attributes", "revision",
        "reason", "started_at", "updated_at", "ended_at",
    )  # fmt: skip
    return {
        **{name: getattr(row, name) for name in straight},
        "priority": PRIORITIES[row.priority],
        "sentence": told_now.text,
        "customer_sentence": told_now.customer,
        "runbook": definition.runbook_of(node) if definition else "",
        "waiting_on": _waiting_on(row),
        "next": shapes.NextAction(what=row.next_what, at=next_at) if row.next_what else None,
        "deadline": _deadline(row),
    }


def _waiting_on(row: InstanceRow) -> shapes.WaitingOn | None:
    if not row.waiting_kind:
        return None
    return shapes.WaitingOn(kind=row.waiting_kind, name=row.waiting_name, since=row.since, until=row.waiting_until)


def _deadline(row: InstanceRow) -> shapes.DeadlineState | None:
    if row.deadline_at is None:
        return None
    return shapes.DeadlineState(at=row.deadline_at, state=row.deadline_state or "on_track")


def _step(step: Step, found: Detail) -> shapes.InstanceStep:
    values = {name: getattr(step, name) for name in shapes.InstanceStep.model_fields}
    values["input"] = {name: _folded(value, step.sources[name], found) for name, value in step.input.items()}
    if step.compensation is not None:
        values["compensation"] = shapes.StepCompensation(**asdict(step.compensation))
    return shapes.InstanceStep(**values)


def _folded(value: Any, source: str, found: Detail) -> Any:
    """The value, or where to find it if it is long: the same order in every step would repeat a book."""
    size = len(json.dumps(value))
    if size <= FOLD:
        return value
    given = found.definition.given if found.definition else ""
    return {"folded": True, "bytes": size, "from": "input" if source == given else f"steps.{source}.output"}


def event(row: HistoryEvent) -> shapes.HistoryEvent:
    """One event of a history."""
    return shapes.HistoryEvent(
        seq=row.seq,
        at=row.at,
        type=row.type,
        actor=shapes.Actor(kind=row.actor_kind, name=row.actor),
        step=row.step,
        data=dict(row.data),
        correlation_id=row.correlation_id,
        generation=row.generation,
    )


def operation(row: OperationRow) -> shapes.Operation:
    """One accepted act."""
    return shapes.Operation(**_with_actor(asdict(row)))


def callback(row: CallbackRow) -> shapes.Callback:
    """One message from outside."""
    values = asdict(row)
    instance = values.pop("instance_id")
    return shapes.Callback(**values, instance=instance)


def with_proposals(row: CallbackRow, offered: Sequence[Proposal]) -> shapes.CallbackWithProposals:
    """One message with the instances it might be for."""
    return shapes.CallbackWithProposals(**callback(row).model_dump(), proposals=[_proposal(one) for one in offered])


def _proposal(one: Proposal) -> shapes.Proposal:
    return shapes.Proposal(
        instance=one.instance_id,
        workflow=one.workflow,
        key=one.key,
        how=one.how,
        field=one.field,
        step=one.step,
        effect=one.effect.outcome if one.effect else "nothing",
        reason=one.effect.reason if one.effect else "",
    )


def failure(found: Failure) -> shapes.Failure:
    """One cause of trouble."""
    note, parts = found.note, found.parts
    holder = note.holder if note else ""
    return shapes.Failure(
        cause=found.cause.key,
        title=title(found.cause, parts[0] if parts else None),
        kind=found.cause.kind,
        dependency=found.cause.dependency,
        count=found.count,
        needs_person=found.people,
        held_up=found.held,
        first_seen=found.oldest,
        last_seen=found.newest,
        next_at=found.next_at,
        workflows=list(found.workflows),
        error=found.error,
        owner=holder or ", ".join(sorted({part.owner for part in parts if part.owner})),
        runbook=", ".join(sorted({book for part in parts if (book := runbook(part))})),
        state=found.state,
        note=note.note if note else "",
        noted_by=note.by if note else "",
        noted_at=note.at if note else None,
        parts=[_part(part) for part in parts],
    )


def _part(part: Part) -> shapes.FailurePart:
    return shapes.FailurePart(
        workflow=part.workflow, step=part.step, correcting=part.correcting, status=part.status, count=part.count,
        needs_person=part.people,
    )  # fmt: skip


def audited(row: AuditRow) -> shapes.AuditEntry:
    """One act of the record."""
    return shapes.AuditEntry(**_with_actor(asdict(row)))


def ledger_entry(row: LedgerRow) -> shapes.LedgerEntry:
    """One key of the ledger."""
    values = asdict(row)
    return shapes.LedgerEntry(**{**values, "instance": values.pop("instance_id")})


def subscription(row: SubscriptionRow) -> shapes.Subscription:
    """One subscriber."""
    return shapes.Subscription(**_subscription(row))


def new_subscription(row: SubscriptionRow, secret: str) -> shapes.NewSubscription:
    """A new subscriber with its secret."""
    return shapes.NewSubscription(**_subscription(row), secret=secret)


def _subscription(row: SubscriptionRow) -> dict[str, Any]:
    return {**asdict(row), "types": list(row.types)}


def _with_actor(values: Mapping[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in values.items() if name not in ("actor", "actor_kind", "instance_id")}
    actor = shapes.Actor(kind=values["actor_kind"], name=values["actor"])
    return {**rest, "actor": actor, "instance": values["instance_id"]}
