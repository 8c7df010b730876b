"""Deciding about a whole workflow: which version new instances take, and whether any are taken in."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from workflows import audit, registry
from workflows.audit import Act
from workflows.engine import clock, releases
from workflows.interventions.authority import Principal, may
from workflows.interventions.errors import Forbidden, Impossible, InterventionError, ReasonMissing
from workflows.models import PausedIntake, Rollout

#: A pause of intake ends by itself after this long, unless somebody says otherwise; it never lasts longer than LONGEST.
USUAL, LONGEST = timedelta(hours=1), timedelta(days=7)


class BadShare(InterventionError):
    """A version or share makes no sense; `field` names which, the message says why."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def roll_out(
    principal: Principal,
    workflow: str,
    *,
    stable: int,
    candidate: int | None = None,
    percent: int = 0,
    reason: str,
    correlation_id: str = "",
) -> Rollout:
    """Name the version new instances take, and the share that takes another one. Running instances keep theirs.

    Raises Forbidden, ReasonMissing, BadShare and registry.UnknownWorkflow.
    """
    registry.newest(workflow)
    act = _act(principal, "rollout", workflow, reason, correlation_id)
    try:
        _check_share(workflow, stable, candidate, percent)
    except BadShare as error:
        audit.record(act, allowed=False, refusal=str(error), workflow=workflow, target=workflow)
        raise
    with transaction.atomic():
        before = Rollout.objects.select_for_update().filter(workflow=workflow).first()
        made, _ = Rollout.objects.update_or_create(
            workflow=workflow,
            defaults={
                "stable": stable, "candidate": candidate, "percent": percent, "by": principal.name,
                "reason": act.reason, "at": clock.now(),
            },
        )  # fmt: skip
        audit.record(
            act, allowed=True, workflow=workflow, target=workflow,
            before=_share(before) if before else {"stable": "newest"}, after=_share(made),
        )  # fmt: skip
    releases.forget()
    return made


def pause_intake(
    principal: Principal, workflow: str, *, reason: str, until: datetime | None = None, correlation_id: str = ""
) -> PausedIntake:
    """Refuse new instances until a time, an hour from now if none is given.

    Raises Forbidden, ReasonMissing, Impossible and registry.UnknownWorkflow.
    """
    registry.newest(workflow)
    act, now = _act(principal, "intake", workflow, reason, correlation_id), clock.now()
    ends = until or now + USUAL
    if not now < ends <= now + LONGEST:
        audit.record(act, allowed=False, refusal="until lies outside", workflow=workflow, target=workflow)
        raise Impossible("The end must lie ahead, at most 7 days from now.")
    with transaction.atomic():
        made, _ = PausedIntake.objects.update_or_create(
            workflow=workflow, defaults={"until": ends, "by": principal.name, "reason": act.reason, "at": now}
        )
        audit.record(
            act, allowed=True, workflow=workflow, target=workflow,
            before={"intake": "open"}, after={"intake": "paused", "until": ends.isoformat()},
        )  # fmt: skip
    releases.forget()
    return made


def resume_intake(principal: Principal, workflow: str, *, reason: str, correlation_id: str = "") -> None:
    """Take new instances in again. Raises Forbidden, ReasonMissing, and Impossible when intake is not paused."""
    act = _act(principal, "intake", workflow, reason, correlation_id)
    with transaction.atomic():
        gone, _ = PausedIntake.objects.filter(workflow=workflow).delete()
        if gone:
            audit.record(
                act, allowed=True, workflow=workflow, target=workflow,
                before={"intake": "paused"}, after={"intake": "open"},
            )  # fmt: skip
    if not gone:
        audit.record(act, allowed=False, refusal="intake is not paused", workflow=workflow, target=workflow)
        raise Impossible("Its intake is not paused.")
    releases.forget()


def _act(principal: Principal, action: str, workflow: str, reason: str, correlation_id: str) -> Act:
    """The act, if the principal may do it and says why. A refusal is recorded."""
    act = Act(principal.kind, principal.name, action, principal.through, correlation_id, reason.strip())
    verdict = may(principal, action, workflow)
    if not verdict.allowed:
        audit.record(act, allowed=False, refusal=verdict.reason, workflow=workflow, target=workflow)
        raise Forbidden(verdict.reason)
    if not 1 <= len(act.reason) <= 2000:
        audit.record(act, allowed=False, refusal="no reason was given", workflow=workflow, target=workflow)
        raise ReasonMissing("Please give a reason (up to 2,000 characters).")
    return act


def _check_share(workflow: str, stable: int, candidate: int | None, percent: int) -> None:
    known = sorted(version for name, version in registry.definitions() if name == workflow)
    for field, version in (("stable", stable), ("candidate", candidate)):
        if version is not None and version not in known:
            raise BadShare(field, f"there is no version {version} of {workflow} (known: {', '.join(map(str, known))})")
    if not 0 <= percent <= 100:
        raise BadShare("percent", "must be between 0 and 100")
    if percent and candidate is None:
        raise BadShare("candidate", "a share needs a candidate version that takes it")


def _share(row: Rollout) -> dict[str, object]:
    return {"stable": row.stable, "candidate": row.candidate, "percent": row.percent}
