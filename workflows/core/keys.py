"""Idempotency keys: the same for every attempt of one generation of a step, and never containing a version."""

from __future__ import annotations

import re

from workflows.core.state import Direction, State
from workflows.dsl.definition import Node

_STEP = re.compile(r"/r\d+/(?P<step>[^/]+)/g\d+(/compensate\d*)?$")


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


def step_of(key: str) -> str:
    """The step whose key this is; empty for a text that is none."""
    found = _STEP.search(key)
    return found["step"] if found else ""


def business_keys(beginning: str) -> list[str]:
    """What the business key, which may hold slashes, can be in a key that goes on like this behind `workflow/`."""
    return [beginning[: found.start()] for found in re.finditer(r"/r\d", beginning)]
