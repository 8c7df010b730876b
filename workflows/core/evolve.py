"""Folds the history: one event changes the state in one way, and no rule is ever evaluated here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from workflows.core import events as e
from workflows.core.state import Correction, Direction, Item, ItemPhase, Lifecycle, Patience, Phase, State, StepState


def fold(history: Iterable[e.Event]) -> State:
    """The state a history leads to."""
    state = State()
    for event in history:
        state = evolve(state, event)
    return state


def evolve(state: State, event: e.Event) -> State:
    """The state after one more event."""
    seq = state.seq + 1
    match event:
        case e.StepScheduled(step=name):
            step = replace(state.steps[name], phase=Phase.READY) if name in state.steps else StepState(Phase.READY)
            return _step(state, name, step)
        case e.StepSucceeded():
            return _succeeded(state, event)
        case e.StageEntered(stage=stage):
            return state.moved(seq=seq, stage=stage)
        case e.InstanceStarted():
            return _started(state, event)
        case e.InstanceEnded(lifecycle=lifecycle, status=status, reason=reason):
            return state.moved(seq=seq, ended=Lifecycle(lifecycle), ended_status=status, reason=reason or state.reason)
        case e.StepSkipped(step=name):
            return _step(state, name, StepState(Phase.SKIPPED))
        case e.AttemptFailed() | e.AttemptLost():
            return _missed(state, event)
        case e.StepParked():
            return _parked(state, event)
        case e.FallbackScheduled(step=name):
            patience = Patience(attempts=state.steps[name].patience.attempts)
            step = replace(state.steps[name], phase=Phase.READY, direction=Direction.FALLBACK, patience=patience)
            return _step(state, name, step)
        case e.RouteChosen(step=name, choice=choice):
            chosen = _step(state, name, StepState(Phase.SUCCEEDED, ended_seq=seq))
            return chosen.moved(values={**state.values, name: {"choice": choice}})
        case e.ApprovalOpened(step=name, due_at=at):
            return _step(state, name, StepState(Phase.WAITING, due_at=at))
        case e.VoteCast():
            return state.moved(seq=seq)
        case e.StepPassedOver(step=name):
            patience = replace(state.steps[name].patience, retry_at=None, parked="")
            return _step(state, name, replace(state.steps[name], phase=Phase.SKIPPED, due_at=None, patience=patience))
        case e.CorrectionWaived(step=name):
            waived = _item(state, name, phase=ItemPhase.DROPPED)
            assert waived.correction is not None
            return replace(waived, correction=replace(waived.correction, waived=(*waived.correction.waived, name)))
        case e.Reassigned(owner=owner):
            return state.moved(seq=seq, owner=owner)
        case e.CheckScheduled(step=name, retry_at=at):
            step = state.steps[name]
            patience = replace(step.patience, failures=0, retry_at=at, parked="")
            return _step(state, name, replace(step, phase=Phase.READY, direction=Direction.CHECK, patience=patience))
        case e.NothingHadHappened(step=name):
            patience = replace(state.steps[name].patience, failures=0, retry_at=None, parked="")
            ready = replace(
                state.steps[name], phase=Phase.READY, direction=Direction.FORWARD, unknown=False, patience=patience
            )
            return _step(state, name, ready)
        case e.PersonAsked():
            return _person_asked(state, event)
        case e.StepDropped(step=name, may_have_happened=maybe):
            return _step(state, name, replace(state.steps[name], phase=Phase.DROPPED, unknown=maybe))
        case e.StepRefused(step=name, code=code, reason=reason):
            patience = replace(state.steps[name].patience, error=reason, error_kind=code, retry_at=None, parked="")
            return _step(state, name, replace(state.steps[name], phase=Phase.REFUSED, patience=patience))
        case e.StepWithdrawn(step=name):
            return _step(state, name, replace(state.steps[name], phase=Phase.CANCELLED))
        case e.WaitOpened(step=name, match=match, due_at=at):
            return _step(state, name, StepState(Phase.WAITING, due_at=at, match=match))
        case e.AskScheduled(step=name, round=number):
            before = state.steps[name]
            patience = Patience(attempts=before.patience.attempts)
            step = replace(before, direction=Direction.ASK, rounds=number, due_at=None, patience=patience)
            return _step(state, name, replace(step, phase=Phase.READY))
        case e.AnswerPending(step=name, due_at=at):
            patience = replace(state.steps[name].patience, parked="")
            step = replace(
                state.steps[name], phase=Phase.WAITING, due_at=at, direction=Direction.FORWARD, patience=patience
            )
            return _step(state, name, step)
        case e.TimerSet(step=name, due_at=at):
            return _step(state, name, StepState(Phase.WAITING, due_at=at))
        case e.TimerFired(step=name):
            return _step(state, name, replace(state.steps[name], phase=Phase.SUCCEEDED, due_at=None, ended_seq=seq))
        case e.EventPublished(step=name):
            return _step(state, name, StepState(Phase.SUCCEEDED, ended_seq=seq))
        case e.DeadlineNear():
            return state.moved(seq=seq, warn_at=None)
        case e.DeadlinePassed():
            return state.moved(seq=seq, warn_at=None, deadline_at=None)
        case e.RetryRequested(step=name, direction=direction):
            return _retried(state, name, Direction(direction))
        case e.InstancePaused():
            return state.moved(seq=seq, paused=True)
        case e.InstanceResumed():
            return state.moved(seq=seq, paused=False)
        case e.GenerationOpened(generation=generation):
            return state.moved(seq=seq, generation=generation, ended=None, ended_status="", correction=None)
        case e.CorrectionBegan():
            return _correction(state, event)
        case e.OutcomeAwaited(step=name, happened=happened, reversible=reversible):
            phase = ItemPhase.PLANNED if reversible and happened != "no" else ItemPhase.DROPPED
            return _item(state, name, phase=phase)
        case e.LateEffectFound():
            return _found_late(state, event)
        case e.CompensationScheduled(step=name, round=number):
            begun = replace(state.steps[name], corrections=number)
            scheduled = _item(state, name, phase=ItemPhase.READY, round=number)
            return scheduled.moved(steps={**state.steps, name: begun})
        case e.CompensationSucceeded():
            return _corrected(state, event)


def _started(state: State, event: e.InstanceStarted) -> State:
    return State(
        workflow=event.workflow,
        version=event.version,
        key=event.key,
        run=event.run,
        seq=1,
        values={event.given: event.values},
        deadline_at=event.deadline_at,
        warn_at=event.warn_at,
        input_seq=1,
    )


def _succeeded(state: State, event: e.StepSucceeded) -> State:
    seq = state.seq + 1
    before = state.steps[event.step]
    known = before.patience
    quarantined = known.quarantined and not event.attempt
    patience = Patience(event.attempt or known.attempts, known.failures, known.losses, quarantined)
    step = StepState(
        Phase.SUCCEEDED,
        generation=before.generation,
        patience=patience,
        rounds=before.rounds,
        match=before.match,
        ended_seq=seq,
        output_seq=seq if event.has_output else 0,
    )
    values = {**state.values, event.step: event.values} if event.values else state.values
    return state.moved(seq=seq, steps={**state.steps, event.step: step}, values=values)


def _missed(state: State, event: e.AttemptFailed | e.AttemptLost) -> State:
    lost = isinstance(event, e.AttemptLost)
    counts = isinstance(event, e.AttemptFailed) and not event.probe
    before = (
        _patience(state, event.step) if event.direction == Direction.COMPENSATE else state.steps[event.step].patience
    )
    patience = replace(
        before,
        attempts=event.attempt,
        failures=before.failures + counts,
        losses=before.losses + (1 if isinstance(event, e.AttemptLost) and event.counted else 0),
        quarantined=before.quarantined or lost,
        retry_at=event.retry_at,
        error=event.why if isinstance(event, e.AttemptLost) else event.error,
        error_kind="lost" if isinstance(event, e.AttemptLost) else event.kind,
        parked="",
    )
    if event.direction == Direction.COMPENSATE:
        return _item(state, event.step, patience=patience)
    maybe = isinstance(event, e.AttemptLost) or event.may_have_happened
    step = state.steps[event.step]
    unknown = step.unknown or (maybe and event.direction == Direction.FORWARD)
    return _step(state, event.step, replace(step, patience=patience, unknown=unknown))


def _parked(state: State, event: e.StepParked) -> State:
    if event.direction == Direction.COMPENSATE:
        patience = replace(_patience(state, event.step), retry_at=None, parked=event.dependency)
        return _item(state, event.step, patience=patience)
    step = state.steps[event.step]
    patience = replace(step.patience, retry_at=None, parked=event.dependency)
    return _step(state, event.step, replace(step, patience=patience))


def _person_asked(state: State, event: e.PersonAsked) -> State:
    if event.direction == Direction.COMPENSATE:
        patience = replace(
            _patience(state, event.step), retry_at=None, error=event.reason, error_kind=event.code, parked=""
        )
        return _item(state, event.step, phase=ItemPhase.STUCK, patience=patience)
    step = state.steps[event.step]
    patience = replace(step.patience, retry_at=None, error=event.reason, error_kind=event.code, parked="")
    unknown = step.unknown or event.may_have_happened
    return _step(state, event.step, replace(step, phase=Phase.STUCK, patience=patience, unknown=unknown, due_at=None))


def _retried(state: State, name: str, direction: Direction) -> State:
    if direction is Direction.COMPENSATE:
        return _item(state, name, phase=ItemPhase.READY, patience=_fresh(_patience(state, name)))
    step = state.steps[name]
    return _step(
        state, name, replace(step, phase=Phase.READY, direction=direction, patience=_fresh(step.patience), rounds=0)
    )


def _fresh(patience: Patience) -> Patience:
    return replace(patience, failures=0, losses=0, retry_at=None, parked="")


def _correction(state: State, event: e.CorrectionBegan) -> State:
    items = [Item(name, ItemPhase.AWAITING) for name in event.awaiting]
    items += [Item(name, ItemPhase.PLANNED, round=state.steps[name].corrections + 1) for name in event.plan]
    correction = Correction(event.cause, event.code, event.reason, tuple(items), tuple(event.irreversible))
    return state.moved(seq=state.seq + 1, correction=correction, reason=event.reason)


def _found_late(state: State, event: e.LateEffectFound) -> State:
    """The effect is there: a correction that has ended is planned anew, one under way is followed by another."""
    assert state.correction is not None
    name, items = event.step, state.correction.items
    if all(item.step != name for item in items):
        items = (*items, Item(name, ItemPhase.PLANNED))
    before = next(item for item in items if item.step == name)
    changed = replace(before, phase=ItemPhase.PLANNED, round=event.round)
    if before.phase in (ItemPhase.READY, ItemPhase.STUCK):
        changed = replace(before, again=True)
    correction = replace(state.correction, items=tuple(changed if item.step == name else item for item in items))
    step = replace(state.steps[name], unknown=True, corrected=False)
    return replace(_step(state, name, step), correction=correction)


def _corrected(state: State, event: e.CompensationSucceeded) -> State:
    before_that = _patience(state, event.step)
    attempts = event.attempt or before_that.attempts
    patience = replace(before_that, attempts=attempts, retry_at=None, error="", error_kind="", parked="")
    before = next(item for item in state.correction.items if item.step == event.step) if state.correction else None
    if before is not None and before.again:
        number = before.round + 1
        return _item(state, event.step, phase=ItemPhase.PLANNED, patience=_fresh(patience), round=number, again=False)
    step = replace(state.steps[event.step], corrected=True, unknown=False)
    corrected = _item(state, event.step, phase=ItemPhase.DONE, patience=patience)
    return replace(corrected, steps={**state.steps, event.step: step})


def _step(state: State, name: str, step: StepState) -> State:
    return state.moved(seq=state.seq + 1, steps={**state.steps, name: step})


def _item(state: State, name: str, **changes: Any) -> State:
    assert state.correction is not None
    items = tuple(replace(item, **changes) if item.step == name else item for item in state.correction.items)
    return state.moved(seq=state.seq + 1, correction=replace(state.correction, items=items))


def _patience(state: State, name: str) -> Patience:
    assert state.correction is not None
    return next(item.patience for item in state.correction.items if item.step == name)
