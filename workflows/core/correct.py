"""The way back: which effects are corrected, in which order, and how the instance ends after that.

planned ──► ready ──► done            awaiting ──► planned (it happened, or may have)
              └─► stuck ─► ready               └─► dropped (it did not happen)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.core import events as e
from workflows.core import facts
from workflows.core.keys import idempotency_key
from workflows.core.patience import MAX_LOSSES, retry_at
from workflows.core.state import FINISHED, Direction, Item, ItemPhase, Lifecycle, Phase, State
from workflows.core.turn import Turn
from workflows.dsl.definition import Irreversible, Node
from workflows.dsl.dependency import INTERNAL

if TYPE_CHECKING:
    from workflows.core.attempts import AttemptFact

OPEN = (ItemPhase.AWAITING, ItemPhase.PLANNED, ItemPhase.READY, ItemPhase.STUCK)


def begin(turn: Turn, cause: str, code: str, reason: str) -> None:
    """Plan the correction in one go: withdraw what has not begun, await what runs, reverse what happened."""
    awaiting = [
        name
        for name, step in turn.state.steps.items()
        if step.phase is Phase.READY and (name, step.direction) in turn.in_flight and _effects(turn, name)
    ]
    irreversible = [
        name
        for name, step in turn.state.steps.items()
        if step.phase is Phase.SUCCEEDED and isinstance(turn.definition.by_name[name].compensate, Irreversible)
    ]
    # The plan comes first, because withdrawing an uncertain step must not make it look as if nothing had happened.
    steps = [name for name in plan(turn) if name not in awaiting]
    turn.say(
        e.CorrectionBegan(
            cause=cause, code=code, reason=reason, plan=steps, awaiting=awaiting, irreversible=irreversible
        )
    )  # fmt: skip
    for name, step in turn.state.steps.items():
        if step.phase not in FINISHED and name not in awaiting:
            turn.say(e.StepWithdrawn(step=name))
    for node in turn.definition.alerts:
        if node.name not in turn.state.steps:
            turn.say(e.StepScheduled(step=node.name))


def plan(turn: Turn) -> list[str]:
    """What must be corrected, in order of execution: uncertain effects first, then the newest success backwards."""
    happened = []
    for name, step in turn.state.steps.items():
        if step.corrected or not turn.definition.by_name[name].compensable:
            continue
        if step.phase is Phase.SUCCEEDED or step.unknown:
            happened.append((step.ended_seq or turn.state.seq + 1, turn.definition.position[name], name))
    return [name for _, _, name in sorted(happened, reverse=True)]


def _effects(turn: Turn, name: str) -> bool:
    return turn.definition.by_name[name].compensable


def proceed(turn: Turn) -> bool:
    """Correct the next item, or end the instance. True when something ended at once."""
    correction = turn.state.correction
    assert correction is not None
    first = next((item for item in correction.items if item.phase in OPEN), None)
    if first is not None:
        if first.phase is ItemPhase.PLANNED:
            turn.say(e.CompensationScheduled(step=first.step, round=first.round))
        return False
    if all(
        turn.state.steps[node.name].phase in FINISHED
        for node in turn.definition.alerts
        if node.name in turn.state.steps
    ):
        _end(turn)
    return False


def _end(turn: Turn) -> None:
    correction, endings = turn.state.correction, turn.definition.endings
    assert correction is not None
    corrected = [item.step for item in correction.items if item.phase is ItemPhase.DONE]
    if correction.cause == "cancelled":
        lifecycle, status = Lifecycle.CANCELLED, endings.cancelled
    elif corrected or correction.cause == "requested":
        lifecycle, status = Lifecycle.COMPENSATED, endings.compensated
    else:
        lifecycle, status = Lifecycle.FAILED, endings.failed
    turn.say(
        e.InstanceEnded(
            lifecycle=lifecycle,
            status=status,
            reason=correction.reason,
            corrected=corrected,
            irreversible=list(correction.irreversible),
        )
    )


def awaits(state: State, name: str) -> bool:
    """Whether the correction waits for the outcome of this step's running attempt."""
    item = _item(state, name)
    return item is not None and item.phase is ItemPhase.AWAITING


def outcome(turn: Turn, name: str, happened: str) -> None:
    """An awaited attempt ended: yes, maybe or no."""
    if awaits(turn.state, name):
        if happened != "yes" and turn.state.steps[name].phase not in FINISHED:
            turn.say(e.StepWithdrawn(step=name))
        turn.say(e.OutcomeAwaited(step=name, happened=happened))


def late_effect(turn: Turn, fact: facts.Succeeded) -> None:
    """A fenced attempt reports an effect: what was taken for not done is corrected now; else it changes nothing."""
    node, step = turn.definition.by_name[fact.step], turn.state.steps.get(fact.step)
    if step is None or not node.compensable or step.phase is Phase.SUCCEEDED or turn.state.correction is None:
        return
    item = _item(turn.state, fact.step)
    if item is not None and item.phase in (ItemPhase.PLANNED, ItemPhase.READY, ItemPhase.STUCK):
        return  # its correction is still to come and will find the effect
    if not turn.state.alive:
        reason = f"{fact.step} turned out to have happened"
        turn.say(e.GenerationOpened(generation=turn.state.generation + 1, reason=reason))
        turn.say(
            e.CorrectionBegan(cause="requested", code="LateEffect", reason=reason, plan=[fact.step])
        )  # fmt: skip
    number = item.round + 1 if item else 1
    turn.say(e.CompensationScheduled(step=fact.step, round=number))


def attempt_ended(turn: Turn, fact: AttemptFact) -> None:
    """React to the end of one attempt to correct a step."""
    item, node = _item(turn.state, fact.step), turn.definition.by_name[fact.step]
    if item is None or item.phase not in (ItemPhase.READY, ItemPhase.STUCK) or not turn.state.alive:
        return
    match fact:
        case facts.Succeeded():
            turn.say(
                e.CompensationSucceeded(
                    step=node.name,
                    attempt=item.patience.attempts + 1,
                    key=idempotency_key(turn.state, node, Direction.COMPENSATE),
                    has_output=fact.has_output,
                    token=fact.token,
                    started_at=fact.started_at,
                    late=fact.late,
                )
            )
        case _ if item.phase is ItemPhase.STUCK:
            return  # a person has it already; only news of success counts
        case facts.Failed():
            _failed(turn, node, item, fact)
        case facts.RefusedBy(reason=reason):
            failed = facts.Failed(
                step=fact.step,
                direction=fact.direction,
                error=reason,
                kind="refused",
                retryable=False,
                token=fact.token,
            )
            _failed(turn, node, item, failed)
        case facts.Lost():
            _lost(turn, node, item, fact)
        case facts.StillPending():
            return  # a compensation cannot answer "pending"; the executor turns that into a failure


def _failed(turn: Turn, node: Node, item: Item, fact: facts.Failed) -> None:
    retry, failures = (node.calls or INTERNAL).retry, item.patience.failures + 1
    again, unsure = None, _unsure(node) and fact.may_have_happened
    if not unsure and fact.retryable and not fact.person and failures < retry.attempts:
        again = retry_at(retry, failures, f"{turn.state.key}/{node.name}/compensate", turn.now, fact.after)
    turn.say(
        e.AttemptFailed(
            step=node.name,
            direction=Direction.COMPENSATE,
            attempt=item.patience.attempts + 1,
            error=fact.error,
            kind=fact.kind,
            retry_at=again,
            may_have_happened=fact.may_have_happened,
            token=fact.token,
            started_at=fact.started_at,
        )
    )
    if again is None:
        code = "unknown" if unsure else "asked" if fact.person else "exhausted" if fact.retryable else "permanent"
        turn.say(
            e.PersonAsked(
                step=node.name,
                code=code,
                reason=fact.error,
                direction=Direction.COMPENSATE,
                evidence=dict(fact.evidence),
            )
        )  # fmt: skip


def _lost(turn: Turn, node: Node, item: Item, fact: facts.Lost) -> None:
    turn.say(
        e.AttemptLost(
            step=node.name,
            direction=Direction.COMPENSATE,
            attempt=item.patience.attempts + 1,
            why=fact.why,
            counted=item.patience.quarantined,
            retry_at=turn.now,
            token=fact.token,
        )
    )
    current = _item(turn.state, node.name)
    if current is not None and (current.patience.losses >= MAX_LOSSES or _unsure(node)):
        code = "unknown" if _unsure(node) else "lost"
        turn.say(e.PersonAsked(step=node.name, code=code, reason=fact.why, direction=Direction.COMPENSATE))


def _unsure(node: Node) -> bool:
    """Whether a compensation whose outcome is unknown must not be repeated blindly."""
    return (node.calls or INTERNAL).repeats == "unsafe"


def _item(state: State, name: str) -> Item | None:
    items = state.correction.items if state.correction else ()
    return next((item for item in items if item.step == name), None)
