"""The way forward: which steps may begin, which are skipped, and when the instance is complete."""

from __future__ import annotations

from workflows.core import events as e
from workflows.core.state import FINISHED, Lifecycle, State
from workflows.core.turn import Turn
from workflows.dsl.definition import Definition, Kind, Node
from workflows.dsl.rules import explain


def advance(turn: Turn) -> bool:
    """Begin everything that may begin now. True when something ended at once, so that more may follow."""
    definition = turn.definition
    stage = open_stage(definition, turn.state)
    for index in range(turn.state.stage + 1, min(stage, len(definition.stages) - 1) + 1):
        turn.say(e.StageEntered(stage=index, name=definition.stages[index].name))
    steps = turn.state.steps
    if len(steps) == len(definition.nodes) and all(step.phase in FINISHED for step in steps.values()):
        turn.say(e.InstanceEnded(lifecycle=Lifecycle.COMPLETED, status=definition.endings.completed))
        return False
    again = False
    for node in definition.nodes:
        if node.stage <= stage and node.name not in steps and _free(node, turn.state):
            again |= begin(turn, node)
    return again


def open_stage(definition: Definition, state: State) -> int:
    """The lowest stage with an unfinished critical step; the number of stages when there is none."""
    unfinished = (
        node.stage
        for node in definition.nodes
        if node.critical and (node.name not in state.steps or state.steps[node.name].phase not in FINISHED)
    )
    return min(unfinished, default=len(definition.stages))


def _free(node: Node, state: State) -> bool:
    return all(before in state.steps and state.steps[before].phase in FINISHED for before in node.after)


def begin(turn: Turn, node: Node) -> bool:
    """Begin one step. True when it ended at once: skipped, published or chosen."""
    rule = ""
    if node.when is not None:
        applies, rule = explain(node.when, turn.state.values)
        if not applies:
            turn.say(e.StepSkipped(step=node.name, rule=rule))
            return True
    match node.kind:
        case Kind.QUERY | Kind.STEP:
            turn.say(e.StepScheduled(step=node.name, rule=rule))
        case Kind.CALLBACK:
            assert node.match is not None and node.within is not None
            match = str(node.match.value(turn.state.values))
            due_at = turn.after(node.within)
            turn.say(e.WaitOpened(step=node.name, message_type=node.message, match=match, due_at=due_at, rule=rule))
        case Kind.APPROVAL:
            assert node.within is not None
            turn.say(
                e.ApprovalOpened(
                    step=node.name,
                    question=node.question,
                    audience=node.audience,
                    quorum=node.quorum,
                    default=node.default,
                    due_at=turn.after(node.within),
                    evidence=list(node.evidence),
                    rule=rule,
                )
            )
        case Kind.CHOOSE:
            turn.say(_route(turn, node))
            return True
        case Kind.TIMER:
            assert node.within is not None
            turn.say(e.TimerSet(step=node.name, due_at=turn.after(node.within), rule=rule))
        case Kind.PUBLISH:
            assert node.event is not None
            data = {name: ref.value(turn.state.values) for name, ref in node.fields}
            version = node.event.schema_version
            turn.say(
                e.EventPublished(
                    step=node.name, event_type=node.event.__name__, event_version=version, data=data, rule=rule
                )
            )  # fmt: skip
            return True
    return False


def _route(turn: Turn, node: Node) -> e.RouteChosen:
    """The first way whose rule holds, with the reason; else the last one, with the reasons against the others."""
    against = []
    for choice, rule in node.choices:
        holds, why = explain(rule, turn.state.values)
        if holds:
            return e.RouteChosen(step=node.name, choice=choice, rule=why)
        against.append(why)
    return e.RouteChosen(step=node.name, choice=node.otherwise_choice, rule="; ".join(against))
