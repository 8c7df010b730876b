"""Taking the record away: who exports which part of it, and why, is on record itself."""

from __future__ import annotations

from collections.abc import Mapping

from workflows import audit
from workflows.audit import Act
from workflows.interventions.authority import Principal, may, may_somewhere
from workflows.interventions.errors import Forbidden, Impossible, ReasonMissing
from workflows.queries.record import AuditFilters

FORMS = ("csv", "jsonl")


def export(
    principal: Principal,
    form: str,
    filters: AuditFilters,
    *,
    named: Mapping[str, str],
    reason: str = "",
    correlation_id: str = "",
) -> int:
    """Put an export on record. Returns the number of that row: what was on record below it may be taken away.

    `named` is what the record is narrowed to, as the person chose it. Raises Forbidden, Impossible (no such form) or
    ReasonMissing (the reason is too long); every refusal is recorded in the audit.
    """
    act = Act(principal.kind, principal.name, "export", principal.through, correlation_id, reason.strip())
    try:
        _check(principal, form, filters, act)
    except (Forbidden, Impossible, ReasonMissing) as refusal:
        audit.record(act, allowed=False, refusal=str(refusal), workflow=filters.workflow, target="audit")
        raise
    told = {"form": form, **named}
    return audit.record(act, allowed=True, workflow=filters.workflow, target="audit", after=told).id


def _check(principal: Principal, form: str, filters: AuditFilters, act: Act) -> None:
    """What is taken away is narrowed to the viewer, so the right to some of it is enough where nothing is named."""
    named = filters.workflow
    verdict = may(principal, "export", named) if named else may_somewhere(principal, "export")
    if not verdict.allowed:
        raise Forbidden(verdict.reason)
    if form not in FORMS:
        raise Impossible(f"The record is exported as {' or '.join(FORMS)}.")
    if len(act.reason) > audit.LONGEST:
        raise ReasonMissing(f"A reason may have up to {audit.LONGEST:,} characters.")
