"""Deciding about a whole workflow: which version new instances take, and whether any are taken in.

1. May the actor do it? A refusal is recorded and explained; where one may not look, there is no such workflow.
2. Is there a reason, and does it make sense?
3. The decision and its audit row are one transaction; every process knows it within a second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction

from workflows import audit, registry
from workflows.audit import Act
from workflows.engine import clock, news, releases
from workflows.interventions.acts import AllowedAction
from workflows.interventions.authority import Principal, may, may_somewhere
from workflows.interventions.errors import Forbidden, Impossible, InterventionError, Odd, ReasonMissing, Unknown
from workflows.models import PausedIntake, Rollout
from workflows.registry import UnknownWorkflow

#: A pause of intake ends by itself after this long, unless somebody says otherwise; it never lasts longer than LONGEST.
USUALLY, LONGEST = timedelta(hours=1), timedelta(days=7)
#: A second pause that ends within this of the first and gives the same reason is the same one, sent twice.
_TWICE = timedelta(minutes=1)
_NOT_PAUSED = "Its intake is not paused."

_Words = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Done:
    """What a decision changed, in words for the audit."""

    before: _Words
    after: _Words


def roll_out(
    principal: Principal,
    workflow: str,
    *,
    stable: int,
    candidate: int | None = None,
    percent: int = 0,
    reason: str,
    correlation_id: str = "",
) -> None:
    """Name the version new instances take, and the share that takes another one. Running instances keep theirs.

    The same again changes nothing. Raises Unknown (no such workflow, or not for the actor), Forbidden, ReasonMissing or
    Odd (naming the part). Every refusal is recorded in the audit.
    """

    def do(act: Act) -> _Done:
        _check_share(workflow, stable, candidate, percent)
        before = Rollout.objects.select_for_update().filter(workflow=workflow).first()
        wanted: _Words = {"stable": stable, "candidate": candidate, "percent": percent}
        if before is None or _share(before) != wanted:
            values = wanted | {"by": act.actor, "reason": act.reason, "at": clock.now()}
            Rollout.objects.update_or_create(workflow=workflow, defaults=values)
        return _Done(_share(before) if before else {"stable": "newest"}, wanted)

    _carry_out(principal, "rollout", workflow, reason, correlation_id, do)


def pause_intake(
    principal: Principal, workflow: str, *, reason: str, until: datetime | None = None, correlation_id: str = ""
) -> None:
    """Refuse new instances until a time, an hour from now if none is given. A pause may be prolonged or shortened.

    Raises Unknown, Forbidden, ReasonMissing, Odd (an end that is past or too far away) or Impossible (it is so
    already). Every refusal is recorded in the audit.
    """

    def do(act: Act) -> _Done:
        now = clock.now()
        ends = until or now + USUALLY
        if not now < ends <= now + LONGEST:
            raise Odd("until", f"must lie ahead, at most {LONGEST.days} days from now")
        before = _present(workflow, now)
        if before and before.until and abs(before.until - ends) < _TWICE and before.reason == act.reason:
            raise Impossible("Its intake is paused like that already.")
        values = {"until": ends, "by": act.actor, "reason": act.reason, "at": now}
        PausedIntake.objects.update_or_create(workflow=workflow, defaults=values)
        return _Done(_intake(before), {"intake": "paused", "until": ends.isoformat()})

    _carry_out(principal, "intake", workflow, reason, correlation_id, do)


def resume_intake(principal: Principal, workflow: str, *, reason: str, correlation_id: str = "") -> None:
    """Take new instances in again.

    Raises Unknown, Forbidden, ReasonMissing, and Impossible when intake is not paused. Every refusal is recorded.
    """

    def do(act: Act) -> _Done:
        before = _present(workflow, clock.now())
        if before is None:
            raise Impossible(_NOT_PAUSED)
        PausedIntake.objects.filter(workflow=workflow).delete()
        return _Done(_intake(before), _intake(None))

    _carry_out(principal, "intake", workflow, reason, correlation_id, do)


def allowed_actions(principal: Principal, workflow: str, *, paused: bool) -> list[AllowedAction]:
    """Everything that can be decided about the workflow (rollout, pause and resume of its intake), with its verdict."""
    answers = []
    for action, capability in (("rollout", "rollout"), ("pause", "intake"), ("resume", "intake")):
        refusal = may(principal, capability, workflow).reason
        if not refusal and action == "resume" and not paused:
            refusal = _NOT_PAUSED
        answers.append(AllowedAction(action, not refusal, refusal))
    return answers


def _carry_out(
    principal: Principal, action: str, workflow: str, reason: str, correlation_id: str, do: Callable[[Act], _Done]
) -> None:
    act = Act(principal.kind, principal.name, action, principal.through, correlation_id, reason.strip())
    try:
        _check(principal, act, workflow)
        with transaction.atomic():
            done = do(act)
            audit.record(act, allowed=True, workflow=workflow, target=workflow, before=done.before, after=done.after)
            transaction.on_commit(partial(news.decided, workflow), robust=True)
    except InterventionError as refusal:
        audit.record(act, allowed=False, refusal=str(refusal), workflow=workflow, target=workflow)
        raise
    releases.forget()


def _check(principal: Principal, act: Act, workflow: str) -> None:
    """Raise what stands against the decision whatever is decided."""
    verdict = may(principal, act.action, workflow)
    hidden = may_somewhere(principal, "read").allowed and not may(principal, "read", workflow).allowed
    try:
        registry.newest(workflow)
    except UnknownWorkflow:
        hidden = True
    if hidden:
        raise Unknown("There is no such workflow.")
    if not verdict.allowed:
        raise Forbidden(verdict.reason)
    if not 1 <= len(act.reason) <= audit.LONGEST:
        raise ReasonMissing("Please give a reason (up to 2,000 characters).")


def _present(workflow: str, now: datetime) -> PausedIntake | None:
    """The pause that is in force, locked."""
    found = PausedIntake.objects.select_for_update().filter(workflow=workflow).first()
    return found if found and (found.until is None or found.until > now) else None


def _intake(pause: PausedIntake | None) -> _Words:
    if pause is None:
        return {"intake": "open"}
    return {"intake": "paused", "until": pause.until.isoformat() if pause.until else None}


def _check_share(workflow: str, stable: int, candidate: int | None, percent: int) -> None:
    known = sorted(version for name, version in registry.definitions() if name == workflow)
    for field, version in (("stable", stable), ("candidate", candidate)):
        if version is not None and version not in known:
            raise Odd(field, f"names version {version}, which is not known (there are {', '.join(map(str, known))})")
    if not 0 <= percent <= 100:
        raise Odd("percent", "must be between 0 and 100")
    if percent and candidate is None:
        raise Odd("percent", "needs a candidate version that takes the share")
    if candidate == stable:
        raise Odd("candidate", "must be another version than the stable one")


def _share(row: Rollout) -> _Words:
    return {"stable": row.stable, "candidate": row.candidate, "percent": row.percent}
