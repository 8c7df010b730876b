"""Starting an instance, through whichever entrance: permission, contract, uniqueness, audit; refusals are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows import audit, registry
from workflows.audit import Act
from workflows.engine import intake
from workflows.engine.chain import Actor
from workflows.engine.intake import InvalidInput, Started
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
    starts) or Conflict.
    """
    verdict = may(principal, "start", workflow)
    act = Act(principal.kind, principal.name, "start", principal.through, correlation_id)
    if not verdict.allowed:
        audit.record(act, allowed=False, refusal=verdict.reason, workflow=workflow, target=key or "")
        if may_somewhere(principal, "read").allowed and not may(principal, "read", workflow).allowed:
            raise UnknownWorkflow(f"there is no workflow {workflow!r}")
        raise Forbidden(verdict.reason)
    definition = registry.newest(workflow)
    actor = Actor(principal.kind, principal.name)
    try:
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
        found = key or raw.get(definition.key)
        target = str(found)[:200] if isinstance(found, str | int) else ""
        audit.record(
            act, allowed=False, refusal=str(error)[:1000], workflow=workflow, target=target.replace("\x00", "")
        )
        intake.refuse(workflow, target, actor, error.problems, correlation_id)
        raise
