"""Under which keys instances asked others for something, and what came of each: read from their histories.

No key is stored twice. What has succeeded says its key in its event; what is still under way has the key its state
gives it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from workflows import registry
from workflows.core.events import from_data
from workflows.core.evolve import fold
from workflows.core.keys import business_keys, step_of
from workflows.dsl.definition import Definition, Node
from workflows.models import Event, OnceResult, Payload
from workflows.queries import redaction
from workflows.queries.history import COLUMNS, HistoryEvent
from workflows.queries.steps import Step, steps
from workflows.queries.visibility import Viewer

#: how a step that has not succeeded stands under its key; what is not here has not been asked
_STATES = {
    "ready": "open", "running": "open", "waiting": "open", "needs_person": "needs_person", "refused": "refused",
    "dropped": "dropped", "cancelled": "withdrawn",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """One key. `state` is open, answered, succeeded, refused, needs_person, unknown, dropped or withdrawn."""

    #: inbound or outbound
    direction: str
    #: whose key it is: the caller's (`user:olga`), or the system's that receives it (`payments`)
    scope: str
    key: str
    state: str
    #: inbound: method and path of the request, and the HTTP status of the stored answer
    request: str = ""
    status: int | None = None
    workflow: str = ""
    instance_id: UUID | None = None
    #: business key and run of the instance it belongs to
    number: str = ""
    run: int = 1
    step: str = ""
    #: name of a sub-operation (`call.once`)
    operation: str = ""
    attempts: int = 0
    #: the first outcome, masked as the viewer's rights demand
    result: Any = None
    error: str = ""
    began_at: datetime | None = None
    ended_at: datetime | None = None
    #: history seq of the outcome, 0 without one
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """What is read of one instance."""

    id: UUID
    workflow: str
    version: int
    key: str
    run: int
    started_at: datetime


@dataclass(frozen=True, slots=True)
class _Life:
    """One instance with its history, in the hands of one viewer."""

    case: Case
    definition: Definition | None
    unmasked: bool
    events: Sequence[HistoryEvent]
    bodies: Mapping[int, Any]
    once: Sequence[OnceResult]

    def row(self, key: str, state: str, step: str, **more: Any) -> LedgerRow:
        """A row of this instance; a business value in the key is masked if it is personal."""
        node, case = self.node(step), self.case
        return LedgerRow(
            direction="outbound", scope=node.calls.name if node and node.calls else "", key=self.shown(key, node),
            state=state, workflow=case.workflow, instance_id=case.id, number=case.key, run=case.run, step=step, **more,
        )  # fmt: skip

    def node(self, step: str) -> Node | None:
        """The declared step, if there is code for it."""
        return self.definition.by_name.get(step) if self.definition else None

    def shown(self, key: str, node: Node | None) -> str:
        """The key with the instance's number in it; another value (`idempotent_by`) may be personal."""
        own, (workflow, _, rest) = f"{self.case.workflow}/{self.case.key}/r", key.partition("/")
        if self.unmasked or key.startswith(own):
            return key
        if self.definition and node and not redaction.is_personal(self.definition, node.idempotent_by):
            return key
        return f"{workflow}/{redaction.MASK}{rest[len((business_keys(rest) or [rest])[-1]) :]}"


def keys(viewer: Viewer, cases: Sequence[Case]) -> dict[UUID, list[LedgerRow]]:
    """Every key of these instances, which the viewer may see, in the order of the keys. Three queries."""
    ids = [case.id for case in cases]
    events = _events(ids)
    bodies = _bodies(ids, events)
    once = _once(ids)
    found = {}
    for case in cases:
        definition = registry.definitions().get((case.workflow, case.version))
        unmasked = viewer.may_unmask(case.workflow)
        life = _Life(
            case, definition, unmasked, events.get(case.id, []), bodies.get(case.id, {}), once.get(case.id, [])
        )
        found[case.id] = sorted(_rows(life), key=lambda row: (row.key, row.operation))
    return found


def _rows(life: _Life) -> Iterator[LedgerRow]:
    done: dict[str, HistoryEvent] = {}
    for event in life.events:
        if event.data.get("key") and event.type in ("StepSucceeded", "CompensationSucceeded"):
            done.setdefault(event.data["key"], event)
    for key, event in done.items():
        yield _succeeded(life, key, event)
    shown = {life.shown(key, life.node(event.step)) for key, event in done.items()}
    state = fold(from_data(event.type, event.schema, event.data) for event in life.events)
    for found in steps(life.definition, state, life.events, {}, {}):
        yield from (row for row in _present(life, found) if row.key not in shown)
    for one in life.once:
        result = json.loads(one.result) if life.unmasked else redaction.MASK
        step = step_of(one.key)
        yield life.row(one.key, "succeeded", step, operation=one.name, result=result, ended_at=one.at)


def _succeeded(life: _Life, key: str, event: HistoryEvent) -> LedgerRow:
    node = life.node(event.step)
    contract = node.output if node is not None and event.type == "StepSucceeded" else None
    result = life.bodies.get(event.seq)
    began = event.data.get("started_at")
    return life.row(
        key, "succeeded", event.step, attempts=event.data.get("attempt", 0),
        result=result if life.unmasked else redaction.of_contract(result, contract),
        began_at=datetime.fromisoformat(began) if began else None, ended_at=event.at, seq=event.seq,
    )  # fmt: skip


def _present(life: _Life, step: Step) -> Iterator[LedgerRow]:
    """What a step, and its correction, have not succeeded with."""
    undo = step.compensation
    if step.idempotency_key and step.state in _STATES:
        yield life.row(
            step.idempotency_key, "unknown" if step.unknown else _STATES[step.state], step.name,
            attempts=step.attempts, error=step.last_error, began_at=step.started_at or step.scheduled_at,
            ended_at=step.ended_at,
        )  # fmt: skip
    if undo is not None and undo.state in ("ready", "running", "needs_person"):
        yield life.row(
            undo.idempotency_key, _STATES[undo.state], step.name, attempts=undo.attempts, error=undo.last_error
        )


def _events(ids: Collection[UUID]) -> dict[UUID, list[HistoryEvent]]:
    rows = Event.objects.filter(instance_id__in=ids).order_by("instance_id", "seq").values("instance_id", *COLUMNS)
    return {
        instance_id: [HistoryEvent(**{name: values[name] for name in COLUMNS}) for values in own]
        for instance_id, own in groupby(rows, key=lambda values: values["instance_id"])
    }


def _bodies(ids: Collection[UUID], events: Mapping[UUID, Sequence[HistoryEvent]]) -> dict[UUID, dict[int, Any]]:
    """The stored outcomes, by instance and the seq of their event; None where redaction removed one."""
    wanted = {
        event.seq for own in events.values() for event in own if event.data.get("key") and event.data.get("has_output")
    }
    found: dict[UUID, dict[int, Any]] = {}
    rows = Payload.objects.filter(instance_id__in=ids, seq__in=wanted).values_list("instance_id", "seq", "body")
    for instance_id, seq, body in rows:
        found.setdefault(instance_id, {})[seq] = json.loads(body) if body is not None else None
    return found


def _once(ids: Collection[UUID]) -> dict[UUID, list[OnceResult]]:
    found: dict[UUID, list[OnceResult]] = {}
    for one in OnceResult.objects.filter(instance_id__in=ids).order_by("key", "name"):
        found.setdefault(one.instance_id, []).append(one)
    return found
