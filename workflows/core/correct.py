"""The way back: which effects are corrected, in which order, and how the instance ends after that.

planned ──► ready ──► done ─► planned         awaiting ──► planned (it happened, or may have)
              └─► stuck ─► ready                       └─► dropped (it did not happen, or cannot be taken back)

Nothing is corrected before every awaited outcome is known, and then one step at a time: what is uncertain first, then
the newest success backwards. An effect that becomes known later is corrected in another round.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from workflows.core import events as e
from workflows.core import facts
from workflows.core.keys import idempotency_key
from workflows.core.patience import MAX_LOSSES, retry_at
from workflows.core.state import FINISHED, Direction, Item, ItemPhase, Lifecycle, Phase, State
from workflows.core.turn import Turn
from workflows.dsl.definition import Irreversible, Kind, Node
from workflows.dsl.dependency import INTERNAL

if TYPE_CHECKING:
    from workflows.core.attempts import AttemptFact

OPEN = (ItemPhase.AWAITING, ItemPhase.PLANNED, ItemPhase.READY, ItemPhase.STUCK)


def begin(turn: Turn, cause: str, code: str, reason: str) -> None:
    """Plan the correction in one go: withdraw what has not begun, await what runs, reverse what happened."""
    awaiting = [
        name
        for name, step in turn.state.steps.items()
        if step.phase is Phase.READY
        and (name, step.direction) in turn.in_flight
        and turn.definition.by_name[name].kind is Kind.STEP
    ]
    # The plan comes first, because withdrawing an uncertain step must not make it look as if nothing had happened.
    steps = [name for name in plan(turn) if name not in awaiting]
    turn.say(
        e.CorrectionBegan(
            cause=cause, code=code, reason=reason, plan=steps, awaiting=awaiting, irreversible=_lasting(turn)
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
    happened = [
        name
        for name, step in turn.state.steps.items()
        if turn.definition.by_name[name].compensable
        and not step.corrected
        and (step.phase is Phase.SUCCEEDED or step.unknown)
    ]
    return sorted(happened, key=lambda name: _recency(turn, name), reverse=True)


def _recency(turn: Turn, name: str) -> tuple[float, int]:
    """When the effect happened; one that is not recorded counts as the newest."""
    return turn.state.steps[name].ended_seq or inf, turn.definition.position[name]


def _lasting(turn: Turn) -> list[str]:
    """Effects that nobody can take back, also those that only may have happened."""
    return [
        node.name
        for node in turn.definition.nodes
        if isinstance(node.compensate, Irreversible)
        and (step := turn.state.steps.get(node.name)) is not None
        and (step.phase is Phase.SUCCEEDED or step.unknown)
    ]


def proceed(turn: Turn) -> None:
    """Correct the next item, or end the instance when none is left and everybody was told."""
    correction = turn.state.correction
    assert correction is not None
    if any(item.phase in OPEN and item.phase is not ItemPhase.PLANNED for item in correction.items):
        return
    planned = [item for item in correction.items if item.phase is ItemPhase.PLANNED]
    if planned:
        following = max(planned, key=lambda item: _recency(turn, item.step))
        turn.say(e.CompensationScheduled(step=following.step, round=following.round))
    elif all(
        turn.state.steps[node.name].phase in FINISHED
        for node in turn.definition.alerts
        if node.name in turn.state.steps
    ):
        _end(turn)


def _end(turn: Turn) -> None:
    correction, endings = turn.state.correction, turn.definition.endings
    assert correction is not None
    corrected = [item.step for item in correction.items if item.phase is ItemPhase.DONE]
    if correction.cause == "cancelled":
        lifecycle, status = Lifecycle.CANCELLED, endings.cancelled
    elif not correction.waived and (corrected or correction.cause == "requested"):
        lifecycle, status = Lifecycle.COMPENSATED, endings.compensated
    else:
        lifecycle, status = Lifecycle.FAILED, endings.failed
    lasting = _lasting(turn)
    remains = f" (cannot be taken back: {', '.join(lasting)})" if lasting else ""
    remains += f" (left as it is: {', '.join(correction.waived)})" if correction.waived else ""
    turn.say(
        e.InstanceEnded(
            lifecycle=lifecycle,
            status=status,
            reason=correction.reason + remains,
            corrected=corrected,
            irreversible=lasting,
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
        reversible = turn.definition.by_name[name].compensable
        turn.say(e.OutcomeAwaited(step=name, happened=happened, reversible=reversible))


def late_effect(turn: Turn, fact: facts.Succeeded) -> None:
    """A fenced attempt reports an effect. If it was taken for not done, it is corrected now; else it changes nothing.

    A correction that has begun may have looked before the effect was there, and the far side answers its key as it
    did then; therefore another round follows it.
    """
    node, step = turn.definition.by_name[fact.step], turn.state.steps.get(fact.step)
    correction = turn.state.correction
    if step is None or not node.compensable or step.phase is Phase.SUCCEEDED or correction is None:
        return
    item = _item(turn.state, fact.step)
    if item is not None and item.phase in (ItemPhase.PLANNED, ItemPhase.READY, ItemPhase.STUCK):
        begun = item.patience.attempts or (fact.step, Direction.COMPENSATE) in turn.in_flight
        if item.again or item.phase is ItemPhase.PLANNED or not begun:
            return
    if not turn.state.alive:
        reason = f"{fact.step} turned out to have happened"
        cause = "cancelled" if correction.cause == "cancelled" else "requested"
        turn.say(e.GenerationOpened(generation=turn.state.generation + 1, reason=reason))
        turn.say(e.CorrectionBegan(cause=cause, code="LateEffect", reason=reason, plan=[fact.step]))
    turn.say(e.LateEffectFound(step=fact.step, round=step.corrections + 1))


def attempt_ended(turn: Turn, fact: AttemptFact) -> None:
    """React to the end of one attempt to correct a step."""
    item, node = _item(turn.state, fact.step), turn.definition.by_name[fact.step]
    if item is None or item.phase not in (ItemPhase.READY, ItemPhase.STUCK) or not turn.state.alive:
        return
    if fact.late and (item.again or fact.key != idempotency_key(turn.state, node, Direction.COMPENSATE)):
        return  # an earlier round's, or of one that looked too early: it says nothing about the effect
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
        case facts.Barred(dependency=dependency):
            if item.patience.parked != dependency:
                turn.say(e.StepParked(step=node.name, direction=fact.direction, dependency=dependency))
        case facts.StillPending():
            return  # a compensation cannot answer "pending"; the executor turns that into a failure


def _failed(turn: Turn, node: Node, item: Item, fact: facts.Failed) -> None:
    retry, failures = (node.calls or INTERNAL).retry, item.patience.failures + 1
    again, unsure = None, _unsure(node) and fact.may_have_happened
    if not unsure and fact.retryable and not fact.person and (fact.probe or failures < retry.attempts):
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
            probe=fact.probe,
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
