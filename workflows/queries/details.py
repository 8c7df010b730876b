"""One instance in full: its row, the state its history leads to, and every step with attempts, inputs and outputs.

The state is folded from the history here, so what people see is what the record says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from workflows import registry
from workflows.core.events import from_data
from workflows.core.evolve import fold
from workflows.core.state import State
from workflows.dsl.definition import Definition
from workflows.models import Work
from workflows.queries import history, instances, redaction
from workflows.queries.history import HistoryEvent
from workflows.queries.instances import InstanceRow
from workflows.queries.steps import Step, steps
from workflows.queries.visibility import Viewer


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """Everything an instance page or the API tells, with personal fields masked unless the viewer may see them."""

    row: InstanceRow
    #: for arithmetic only: what rules read of payloads is in it unmasked
    state: State
    #: None when this process has no code for the instance's version
    definition: Definition | None
    input: Any
    steps: tuple[Step, ...]
    events: tuple[HistoryEvent, ...]

    @property
    def present(self) -> Step | None:
        """The step the status is about, if one is in progress."""
        return next((step for step in self.steps if step.name == self.row.step), None)

    @property
    def error(self) -> str:
        """What the present step's last attempt answered, if it failed."""
        return self.present.last_error if self.present else ""


def detail(viewer: Viewer, instance_id: UUID) -> Detail | None:
    """One instance; None if there is none for this viewer. Four queries."""
    row = instances.one(viewer, instance_id)
    if row is None:
        return None
    unmasked = viewer.may_unmask(row.workflow)
    events = history.events(instance_id)
    state = fold(from_data(event.type, event.schema, event.data) for event in events)
    definition = definition_of(row)
    bodies = _payloads(instance_id, state, events, definition, unmasked=unmasked)
    given = bodies.get(state.input_seq)
    leased = _leased(instance_id)
    if not unmasked:
        events = [history.redacted(event, definition) for event in events]
    found = steps(definition, state, events, leased, bodies)
    if not unmasked and definition is not None:
        found = tuple(_without_personal_key(step, definition) for step in found)
    return Detail(row=row, state=state, definition=definition, input=given, steps=found, events=tuple(events))


def _without_personal_key(step: Step, definition: Definition) -> Step:
    """The step without its idempotency key, where that is made of something personal."""
    node = definition.by_name.get(step.name)
    if node is None or not redaction.is_personal(definition, node.idempotent_by) or not step.idempotency_key:
        return step
    hidden = replace(step.compensation, idempotency_key=redaction.MASK) if step.compensation else None
    return replace(step, idempotency_key=redaction.MASK, compensation=hidden)


def definition_of(row: InstanceRow) -> Definition | None:
    """The definition of the row's version, or None when this process has no code for it."""
    try:
        return registry.find(row.workflow, row.version)
    except registry.UnknownWorkflow:
        return None


def _leased(instance_id: UUID) -> dict[tuple[str, str], Any]:
    """Attempts being made now, by step and direction, with the time their lease began."""
    found = Work.objects.filter(instance_id=instance_id, session_id__isnull=False)
    return {(step, way): at for step, way, at in found.values_list("step", "direction", "leased_at")}


def _payloads(
    instance_id: UUID, state: State, events: list[HistoryEvent], definition: Definition | None, *, unmasked: bool
) -> Mapping[int, Any]:
    """Input, outputs and correction answers by the seq of their event."""
    sources = {state.input_seq: definition.contract if definition else None}
    for name, step in state.steps.items():
        node = definition.by_name.get(name) if definition else None
        sources[step.output_seq] = node.output if node else None
    corrections = [e.seq for e in events if e.type == "CompensationSucceeded" and e.data.get("has_output")]
    bodies = history.payloads(instance_id, [*sources, *corrections])
    if unmasked:
        return bodies
    return {seq: redaction.of_contract(body, sources.get(seq)) for seq, body in bodies.items()}
