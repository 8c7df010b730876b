"""Idempotency keys: the same for every attempt of one generation of a step, and never containing a version."""

from __future__ import annotations

from workflows.core.state import Direction, State
from workflows.dsl.definition import Node


def idempotency_key(state: State, node: Node, direction: Direction = Direction.FORWARD) -> str:
    """`workflow/business-key/rRUN/step/gGENERATION[/compensate[N]]`.

    A check and an `otherwise` carry the forward key: they ask about the same effect. A second round of compensation
    (for an effect that became known late) has its own key, because the first one's answer is stored at the far side.
    """
    business = state.key
    if node.idempotent_by is not None:
        business = str(node.idempotent_by.value(state.values))
    step = state.steps.get(node.name)
    generation = step.generation if step else 1
    forward = f"{state.workflow}/{business}/r{state.run}/{node.name}/g{generation}"
    if direction is not Direction.COMPENSATE:
        return forward
    return forward + "/compensate" + _round(state, node.name)


def _round(state: State, step: str) -> str:
    items = state.correction.items if state.correction else ()
    rounds = [item.round for item in items if item.step == step]
    return str(rounds[0]) if rounds and rounds[0] > 1 else ""
