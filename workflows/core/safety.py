"""Whether trying again can do harm, from the contract of the dependency and from what is recorded of the attempts."""

from __future__ import annotations

from enum import StrEnum

from workflows.core.people import retryable
from workflows.core.state import Direction, State
from workflows.core.wants import called
from workflows.dsl.definition import Definition, Kind, Node


class Safety(StrEnum):
    """What another attempt leads to."""

    #: nothing has happened, or doing it twice is the same as doing it once
    SAFE = "safe"
    #: it may have happened; the far side answers the same key with the stored outcome
    STORED = "returns the stored outcome"
    #: it may have happened and must not be repeated; the step's check looks first
    CHECK = "unknown: check the provider first"
    #: it may have happened, must not be repeated, and nothing can look
    UNSAFE = "unsafe"


#: From the best to the worst.
ORDER = (Safety.SAFE, Safety.STORED, Safety.CHECK, Safety.UNSAFE)


def of_step(state: State, node: Node, direction: Direction) -> Safety:
    """Whether this step can be tried again in this direction."""
    if direction in (Direction.ASK, Direction.FALLBACK) or node.kind is Kind.QUERY:
        return Safety.SAFE
    if direction is Direction.CHECK:
        return Safety.CHECK  # what the check finds decides whether the step is executed again
    repeats = called(node, direction).repeats
    if repeats == "natural" or not _may_have_happened(state, node, direction):
        return Safety.SAFE
    if repeats == "by_key":
        return Safety.STORED
    return Safety.CHECK if node.check is not None and direction is Direction.FORWARD else Safety.UNSAFE


def _may_have_happened(state: State, node: Node, direction: Direction) -> bool:
    """Whether an attempt may have had its effect although no outcome is recorded."""
    if direction is Direction.COMPENSATE:
        items = state.correction.items if state.correction else ()
        return any(item.step == node.name and item.patience.attempts for item in items)
    step = state.steps.get(node.name)
    return step is not None and step.unknown


def of_each(definition: Definition, state: State) -> dict[str, Safety]:
    """Every step that a retry would try again, and whether that can do harm."""
    return {
        name: of_step(state, definition.by_name[name], direction) for name, direction in retryable(definition, state)
    }


def of_retry(definition: Definition, state: State, step: str | None = None) -> Safety:
    """The worst of everything that a retry would try again; safe when there is nothing."""
    found = [verdict for name, verdict in of_each(definition, state).items() if step in (None, name)]
    return max(found, key=ORDER.index, default=Safety.SAFE)
