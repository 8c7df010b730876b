"""Brings a row of an instance and the wording its definition declares together, ready for a sentence."""

from __future__ import annotations

from breakers.queries import Standing as Breaker
from console.sentences import Barrier, Standing
from workflows import registry
from workflows.dsl import Definition
from workflows.queries.instances import InstanceRow
from workflows.queries.surroundings import Around

NOTHING = Around()


def definition_of(workflow: str, version: int) -> Definition | None:
    """The definition, or None when this process has no code for that version."""
    try:
        return registry.find(workflow, version)
    except registry.UnknownWorkflow:
        return None


def standing(row: InstanceRow, around: Around = NOTHING, *, error: str = "") -> Standing:
    """What a sentence about this instance is made of.

    `around` is what holds it up from outside, as far as somebody has looked; `error` what the present step's last
    attempt answered.
    """
    definition = definition_of(row.workflow, row.version)
    staff, customer = definition.sentences.get(row.status, ("", "")) if definition else ("", "")
    return Standing(
        noun=definition.noun if definition else row.workflow,
        lifecycle=row.lifecycle,
        status=row.status,
        since=row.since,
        staff=staff,
        customer=customer,
        dependency=row.dependency,
        waiting_kind=row.waiting_kind,
        waiting_name=row.waiting_name,
        next_what=row.next_what,
        next_at=row.next_at,
        needs_person=row.needs_person,
        owner=row.owner,
        reason=row.reason,
        error=error,
        deadline_at=row.deadline_at,
        deadline_state=row.deadline_state,
        ended_at=row.ended_at,
        barrier=_barrier(around.breaker) if around.breaker is not None else None,
        without_code=row.version if around.without_code else 0,
    )


def _barrier(breaker: Breaker) -> Barrier:
    if breaker.hold is not None:
        return Barrier(str(breaker.state), breaker.hold.until, breaker.hold.by)
    return Barrier(str(breaker.state), breaker.next_probe_at)
