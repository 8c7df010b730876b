"""What may be done to one instance, by whichever entrance; verbs.py says what each act is.

1. May the actor do it? A refusal is recorded and explained.
2. Is there a reason, and is the instance as the actor saw it?
3. The fact is decided and saved under the instance's lock, with audit row and operation in the same transaction.
4. The operation is verified later, by what the instance does (verification.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from workflows import audit, registry
from workflows.audit import Act
from workflows.core import facts, safety
from workflows.core.face import face
from workflows.core.state import State
from workflows.dsl.definition import Definition
from workflows.engine import apply, clock, codec, ids, inbox
from workflows.engine.apply import Change
from workflows.engine.chain import Actor
from workflows.engine.inbox import Arrived
from workflows.engine.intake import InvalidInput, Problem
from workflows.engine.store import Lease, Row
from workflows.interventions.authority import Principal, may, may_somewhere
from workflows.interventions.errors import Forbidden, Impossible, ReasonMissing, Stale, Unknown
from workflows.interventions.verbs import VERBS, Wish
from workflows.models import Instance, Operation
from workflows.registry import UnknownWorkflow

#: Every act, in the order people read them.
ACTIONS = tuple(VERBS)


@dataclass(frozen=True)
class StepChoice:
    """A step that an action may mean, or why it may not."""

    step: str
    allowed: bool
    reason: str = ""
    #: for a retry: whether it can do harm
    safety: str = ""


@dataclass(frozen=True)
class AllowedAction:
    """One action and whether this actor may do it to this instance now, or why not."""

    action: str
    allowed: bool
    reason: str = ""
    #: for a retry: whether it can do harm, the worst of its steps
    safety: str = ""
    #: the steps it may mean, for actions that concern a step
    steps: tuple[StepChoice, ...] = ()


def act(
    principal: Principal,
    action: str,
    instance_id: UUID,
    *,
    reason: str,
    step: str | None = None,
    data: Mapping[str, Any] | None = None,
    revision: int | None = None,
    correlation_id: str = "",
) -> Operation:
    """Do it, and return the accepted operation.

    Raises Unknown (no such instance or action), Forbidden, ReasonMissing, InvalidInput (`data` or `step` is wrong, by
    field), Stale (`revision` is not the present one) or Impossible (with the reason). Every refusal is recorded.
    """
    if action not in ACTIONS:
        raise Unknown(f"There is no action {action!r}; there are {', '.join(ACTIONS)}.")
    # The operation has the same id: whatever the act causes is found by it.
    recorded = Act(
        principal.kind, principal.name, action, principal.through, correlation_id, reason.strip(), ids.new_id()
    )
    instance = Instance.objects.filter(id=instance_id).only("id", "workflow", "key", "correlation_id").first()
    if instance is None:
        audit.record(recorded, allowed=False, refusal="There is no such instance.", target=str(instance_id))
        raise Unknown("There is no such instance.")
    recorded = replace(recorded, correlation_id=correlation_id or instance.correlation_id)
    try:
        return _do(principal, recorded, instance, Wish(recorded.reason, step, data or {}), revision)
    except (Forbidden, Unknown, ReasonMissing, InvalidInput, Stale, Impossible) as refusal:
        audit.record(
            recorded,
            allowed=False,
            refusal=str(refusal)[:2000],
            workflow=instance.workflow,
            instance_id=instance.id,
            target=instance.key,
        )
        raise


def _do(principal: Principal, recorded: Act, instance: Instance, wish: Wish, revision: int | None) -> Operation:
    _check(principal, recorded, instance, wish)
    before: dict[str, object] = {}

    def make(row: Row, leases: list[Lease]) -> Change | Arrived:
        if revision is not None and row.revision != revision:
            raise Stale("It has moved since you looked at it; look again and decide anew.")
        before.update(_words(row))
        definition, actor = registry.find(row.workflow, row.version), Actor(principal.kind, principal.name)
        made = VERBS[recorded.action].make(wish, definition, row.state)
        if made.fact is None:
            assert made.body is not None, "an answer has a body"
            return inbox.entered(
                definition.by_name[made.answers], row.state.steps[made.answers].match, made.body, actor
            )
        return Change(made.fact, made.body, actor=actor)

    try:
        with transaction.atomic():
            applied = apply.change(instance.id, make)
            if applied is None:
                raise Unknown("There is no such instance.")
            if not applied.decision.events:
                raise Impossible("Nothing would change by that.")
            audit.record(
                recorded,
                allowed=True,
                workflow=instance.workflow,
                instance_id=instance.id,
                target=instance.key,
                before=before,
                after=_words(applied.row) | ({"step": wish.step} if wish.step else {}),
            )
            return _accept(recorded, instance, applied.row.state.seq - len(applied.decision.events), applied.row)
    except facts.NotNow as error:
        raise Impossible(f"This {_noun(instance)} cannot do that now: {error}.") from error
    except UnknownWorkflow as error:
        raise Impossible(f"This process has no code for it: {error}.") from error


def _check(principal: Principal, recorded: Act, instance: Instance, wish: Wish) -> None:
    """Raise what stands against the act whatever the instance's state."""
    verdict, verb = may(principal, recorded.action, instance.workflow), VERBS[recorded.action]
    if not verdict.allowed:
        hidden = may_somewhere(principal, "read").allowed and not may(principal, "read", instance.workflow).allowed
        raise Unknown("There is no such instance.") if hidden else Forbidden(verdict.reason)
    if not 1 <= len(recorded.reason) <= 2000:
        raise ReasonMissing("Please give a reason (up to 2,000 characters).")
    if wish.step is not None and verb.steps is None:
        raise InvalidInput([Problem("step", f"{recorded.action} concerns the whole instance")])
    if wish.data and not verb.takes_data:
        raise InvalidInput([Problem("data", f"{recorded.action} takes no data")])


def _accept(recorded: Act, instance: Instance, seq: int, row: Row) -> Operation:
    return Operation.objects.create(
        id=recorded.id,
        action=recorded.action,
        instance_id=instance.id,
        actor_kind=recorded.actor_kind,
        actor=recorded.actor,
        reason=recorded.reason,
        state="accepted",
        accepted_at=clock.now(),
        accepted_seq=seq,
    )


def _words(row: Row) -> dict[str, object]:
    shown = face(registry.find(row.workflow, row.version), row.state)
    return {
        "lifecycle": str(shown.lifecycle),
        "status": shown.status,
        "stage": shown.stage,
        "needs_person": shown.needs_person,
        "owner": shown.owner,
        "revision": row.revision,
    }


def _noun(instance: Instance) -> str:
    try:
        return registry.newest(instance.workflow).noun
    except UnknownWorkflow:
        return "instance"


def allowed_actions(
    principal: Principal, instance: Instance | State, now: datetime | None = None
) -> list[AllowedAction]:
    """Every action with its verdict, computed by deciding without saving. Costs no query."""
    state = instance if isinstance(instance, State) else codec.load(instance.state)
    definition = registry.definitions().get((state.workflow, state.version))
    answers = []
    for action in ACTIONS:
        verdict = may(principal, action, state.workflow)
        refusal = verdict.reason if not verdict.allowed else _senseless(state, action, now or clock.now())
        steps = _steps(definition, state, action) if definition and not refusal else ()
        harm = str(safety.of_retry(definition, state)) if definition and state.alive and action == "retry" else ""
        answers.append(AllowedAction(action, not refusal, refusal, harm, steps))
    return answers


def _steps(definition: Definition, state: State, action: str) -> tuple[StepChoice, ...]:
    """The steps that the action may mean, in the definition's order, with those that it may not."""
    candidates = VERBS[action].steps
    if candidates is None:
        return ()
    harm = safety.of_each(definition, state) if action == "retry" else {}
    found = sorted(candidates(definition, state).items(), key=lambda pair: definition.position[pair[0]])
    return tuple(StepChoice(name, not why, _sentence(why), str(harm.get(name, ""))) for name, why in found)


def _senseless(state: State, action: str, now: datetime) -> str:
    """Why the action makes no sense now, or nothing."""
    try:
        return _sentence(VERBS[action].sense(registry.find(state.workflow, state.version), state, now))
    except UnknownWorkflow as error:
        return f"{error}."


def _sentence(why: str) -> str:
    return f"{why[0].upper()}{why[1:]}." if why else ""
