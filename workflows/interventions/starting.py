"""Starting an instance, through whichever entrance: permission, contract, uniqueness, audit; refusals are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows import audit, registry
from workflows.audit import Act
from workflows.dsl.definition import Definition
from workflows.engine import clock, intake, releases
from workflows.engine.chain import Actor
from workflows.engine.intake import Conflict, InvalidInput, Started
from workflows.engine.releases import IntakePaused
from workflows.interventions.authority import Principal, may, may_somewhere
from workflows.interventions.errors import Forbidden
from workflows.registry import UnknownWorkflow


def start(
    principal: Principal,
    workflow: str,
    raw: Mapping[str, Any],
    *,
    correlation_id: str,
    key: str | None = None,
    priority: str = "normal",
    restart: bool = False,
) -> Started:
    """Accept an instance durably.

    Raises Forbidden, UnknownWorkflow (there is none, or the actor may not see it), InvalidInput (kept among the refused
    starts), IntakePaused or Conflict. Every refusal is recorded in the audit.
    """
    act = Act(principal.kind, principal.name, "start", principal.through, correlation_id)
    actor = Actor(principal.kind, principal.name)
    definition = _permitted(principal, act, workflow, key or "")
    found = key or raw.get(definition.key)
    target = str(found)[:200] if isinstance(found, str | int) else ""
    definition = releases.definition_for(workflow, target.strip())
    try:
        releases.check_intake(workflow, clock.now())
        return intake.start(
            definition,
            raw,
            key=key,
            actor=actor,
            correlation_id=correlation_id,
            priority=priority,
            restart=restart,
            through=principal.through,
        )
    except InvalidInput as error:
        audit.record(act, allowed=False, refusal=str(error), workflow=workflow, target=target)
        intake.refuse(workflow, target, actor, error.problems, correlation_id)
        raise
    except IntakePaused as error:
        audit.record(act, allowed=False, refusal=str(error), workflow=workflow, target=target)
        raise
    except Conflict as error:
        about = error.instance_id
        audit.record(act, allowed=False, refusal=str(error), workflow=workflow, target=target, instance_id=about)
        raise


def _permitted(principal: Principal, act: Act, workflow: str, target: str) -> Definition:
    """What is to be started. Raises Forbidden, or UnknownWorkflow for one that does not exist for this actor."""
    verdict = may(principal, "start", workflow)
    try:
        if not verdict.allowed:
            hidden = may_somewhere(principal, "read").allowed and not may(principal, "read", workflow).allowed
            raise UnknownWorkflow(f"there is no workflow {workflow!r}") if hidden else Forbidden(verdict.reason)
        return registry.newest(workflow)
    except (Forbidden, UnknownWorkflow) as refusal:
        why = verdict.reason or str(refusal)
        audit.record(act, allowed=False, refusal=why, workflow=workflow, target=target)
        raise
