"""Deciding what an instance asks: by those who are asked, about exactly what they saw, once, under any concurrency.

1. Does this person have the right at all? A refusal is recorded and explained.
2. The instance is locked, then the question; whoever comes second is told who decided and when.
3. Four eyes: nobody who started, edited or cancelled the instance decides about it.
4. Vote, history, verdict and audit row are one transaction; what follows wakes up after its commit.
5. A process without the code for what follows keeps the vote with its audit row; `kept.carry_out` does the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import transaction
from pydantic_core import to_json

from approvals import operations, rules
from approvals.models import Approval
from approvals.queries import ApprovalRow
from approvals.rules import APPROVE, REJECT, Ballot, Question, State, Voter
from workflows import audit, registry
from workflows.audit import Act
from workflows.core import facts
from workflows.engine import apply, asking, clock, failpoints, store
from workflows.engine.apply import Change
from workflows.engine.chain import Actor
from workflows.engine.store import Lease, Row
from workflows.interventions.authority import Principal, Verdict, may, viewer
from workflows.interventions.errors import Forbidden, Impossible, Stale, Unknown
from workflows.models import Instance
from workflows.queries import approvals, involvement
from workflows.queries.approvals import Filters
from workflows.registry import UnknownWorkflow

#: Characters of a comment.
MOST = 2000
#: counts of questions end here
MANY = 1000
ONLY_PEOPLE = "Only people decide."


class AlreadyDecided(Impossible):
    """Somebody was first; the message says who and when, and so does the question."""

    def __init__(self, question: Question) -> None:
        super().__init__(f"{rules.closed(question)}.")
        self.question = question


@dataclass(frozen=True, slots=True)
class Decided:
    """What a vote led to. `state` is open while more votes are needed, or one is kept until there is code for it."""

    approval_id: UUID
    instance_id: UUID
    state: str
    act_id: UUID


def decide(
    principal: Principal,
    verdict: str,
    approval_id: UUID,
    *,
    comment: str = "",
    subject_hash: str | None = None,
    correlation_id: str = "",
) -> Decided:
    """Vote `approve` or `reject`.

    Raises Unknown (no such question), Forbidden (no right, not asked, own work, voted already), AlreadyDecided, Stale
    (`subject_hash` is not what is decided about) and Impossible. Every refusal is recorded in the audit.
    """
    assert verdict in (APPROVE, REJECT), verdict
    known = Approval.objects.filter(id=approval_id).first()
    if known is None or not may(principal, "read", known.scope).allowed:
        raise Unknown("There is no such question.")
    correlation = Instance.objects.filter(id=known.subject).values_list("correlation_id", flat=True).first() or ""
    act = Act(
        principal.kind, principal.name, verdict, principal.through, correlation_id or correlation, comment.strip()
    )
    try:
        return _decide(principal, act, known, subject_hash)
    except (Forbidden, Stale, Impossible) as refusal:
        audit.record(
            act, allowed=False, refusal=str(refusal), workflow=known.scope, instance_id=known.subject, target=known.key
        )
        raise


def _decide(principal: Principal, act: Act, known: Approval, subject_hash: str | None) -> Decided:
    check_right(principal, act, known)
    if len(act.reason) > MOST:
        raise Impossible("The comment may have up to 2,000 characters.")
    try:
        with transaction.atomic():
            stands = vote(principal, act, known, subject_hash)
            audit.record(
                act, allowed=True, workflow=known.scope, instance_id=known.subject, target=known.key,
                before={"decision": "open"}, after={"decision": str(stands), "question": known.question},
            )  # fmt: skip
    except UnknownWorkflow:
        return _keep(principal, act, known, subject_hash)
    return Decided(known.id, known.subject, str(stands), act.id)


def check_right(principal: Principal, act: Act, known: Approval) -> None:
    """Raise Forbidden unless this is a person with the right."""
    verdict = may(principal, act.action, known.scope)
    if not verdict.allowed:
        raise Forbidden(verdict.reason)
    if principal.kind != "user":
        raise Forbidden(ONLY_PEOPLE)


def vote(principal: Principal, act: Act, known: Approval, subject_hash: str | None) -> State:
    """Vote, within the transaction of whoever calls. Raises like `decide`, and UnknownWorkflow without the code."""
    stands: list[State] = []

    def make(row: Row, leases: list[Lease]) -> Change:
        locked = operations.locked(known.id)
        assert locked is not None, "questions are never deleted"
        approval, question = locked
        _check(approval, question, principal.name, subject_hash)
        _check_present(approval, row)
        failpoints.at("h", row.id)
        stands.append(operations.vote(approval, question, Ballot(principal.name, act.action), act.reason, clock.now()))
        return _change(principal, act, approval.item, decides=stands[0] is not State.OPEN)

    applied = apply.change(known.subject, make)
    if applied is None or not applied.decision.events:
        raise Impossible("It no longer waits for a decision.")
    return stands[0]


def _keep(principal: Principal, act: Act, known: Approval, subject_hash: str | None) -> Decided:
    """Take the vote without carrying it out. What is shown is compared with what is asked once there is code for it."""
    with transaction.atomic():
        if store.lock(known.subject) is None:
            raise Impossible("It no longer waits for a decision.")
        locked = operations.locked(known.id)
        assert locked is not None, "questions are never deleted"
        approval, question = locked
        _check(approval, question, principal.name, subject_hash)
        ballot = Ballot(principal.name, act.action)
        if not operations.keep(approval, ballot, act.reason, act.correlation_id, clock.now()):
            raise Forbidden("You have voted already; it counts as soon as a worker with the code for it is there.")
        audit.record(
            act, allowed=True, workflow=known.scope, instance_id=known.subject, target=known.key,
            before={"decision": "open"}, after={"decision": "kept", "question": known.question},
        )  # fmt: skip
    return Decided(known.id, known.subject, State.OPEN, act.id)


def _change(principal: Principal, act: Act, step: str, *, decides: bool) -> Change:
    fact = facts.Voted(step=step, person=principal.name, verdict=act.action, comment=act.reason, decides=decides)
    body = to_json({"approved": act.action == APPROVE, "by": principal.name, "comment": act.reason}).decode()
    return Change(fact, body if decides else None, actor=Actor(principal.kind, principal.name))


def _check(approval: Approval, question: Question, name: str, subject_hash: str | None) -> None:
    """Raise what stands against this person deciding this question now."""
    if question.state is not State.OPEN:
        raise AlreadyDecided(question)
    refusal = rules.refusal(question, voter(name), involvement.involved([approval.subject])[approval.subject])
    if refusal:
        raise Forbidden(refusal)
    if subject_hash is not None and subject_hash != approval.subject_hash:
        raise Stale("What you decided about is not what is asked now; look again and decide anew.")


def _check_present(approval: Approval, row: Row) -> None:
    """Raise Stale if what the question shows is not what is stored now."""
    definition = registry.find(row.workflow, row.version)
    present = asking.present_hash(row, definition, approval.item, approval.question, approval.rule)
    if present != approval.subject_hash:
        raise Stale("What the question shows has changed since it was asked; it cannot be decided any more.")


def may_decide(principal: Principal, asked: Iterable[ApprovalRow]) -> dict[UUID, Verdict]:
    """For each question whether this person may decide it now, or why not, for buttons. Three queries for all of them.

    A click may still come too late: `decide` looks again, under the lock.
    """
    asked = list(asked)
    who = voter(principal.name)
    hands = involvement.involved({one.subject for one in asked if one.open})
    return {one.id: _may_decide(principal, one, who, hands.get(one.subject, {})) for one in asked}


def _may_decide(principal: Principal, asked: ApprovalRow, who: Voter, involved: Mapping[str, str]) -> Verdict:
    verdict = may(principal, APPROVE, asked.scope)
    if not verdict.allowed:
        return verdict
    if principal.kind != "user":
        return Verdict(False, ONLY_PEOPLE)
    refusal = rules.refusal(asked.standing, who, involved)
    return Verdict(not refusal, refusal)


def waiting_for(principal: Principal) -> int:
    """How many questions this person may decide now; more than MANY are counted as one more. One query."""
    return approvals.count(viewer(principal, APPROVE), Filters(mine=principal.name), stop_at=MANY + 1)


def voter(name: str) -> Voter:
    """The person with the groups they are in now."""
    groups = get_user_model().objects.filter(username=name, is_active=True).values_list("groups__name", flat=True)
    return Voter(name, {group for group in groups if group})
