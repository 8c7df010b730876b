"""People decide what instances ask: those who are asked, once, about what they saw, and never about their own work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User

from approvals.models import Approval, Vote
from tests.engine.desk import Desk, order
from tests.worlds import Kept, person, together
from workflows import interventions
from workflows.engine import clock, timers
from workflows.interventions.deciding import AlreadyDecided, decide
from workflows.models import AuditEntry
from workflows.queries.involvement import involved

pytestmark = pytest.mark.django_db(transaction=True)


def decider(name: str) -> interventions.Principal:
    """An approver of the fraud team."""
    return interventions.user(decider_account(name))


def decider_account(name: str) -> User:
    account = person(name, "approver")
    account.groups.add(Group.objects.get_or_create(name="fraud-team")[0])
    return account


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets four hours pass."""
    read = clock.read
    return lambda: monkeypatch.setattr(clock, "read", lambda: read() + timedelta(hours=4))


def large(desk: Desk, **changes: object) -> tuple[Kept, Approval]:
    """An order of 1,500 GBP that waits for the fraud team."""
    kept = Kept(desk.start(total=1500.0, **changes))
    desk.play(kept.id)
    return kept, Approval.objects.get(subject=kept.id)


def test_a_large_order_waits_for_the_fraud_team(desk: Desk) -> None:
    kept, question = large(desk)

    assert (kept.status, kept.row.waiting_kind, kept.row.waiting_name) == (
        "PendingHumanDecision", "approval", "fraud-team",
    )  # fmt: skip
    assert (question.state, question.audience, question.default_outcome) == ("open", "fraud-team", "reject")
    assert question.rule == "risk.score >= 0.6 or order.total > 1000 is true (0.1, 1500.0)"
    assert len(question.subject_hash) == 64
    assert kept.timers["review"].fire_at == question.due_at
    kept.check()


def test_approved_it_goes_on(desk: Desk) -> None:
    kept, question = large(desk)

    decided = decide(decider("anna"), "approve", question.id, comment="known", subject_hash=question.subject_hash)
    desk.play(kept.id)

    question.refresh_from_db()
    assert (decided.state, question.state, question.decided_by) == ("approved", "approved", "anna")
    assert kept.status == "ErpRegistrationPending"
    assert kept.said("VoteCast") == [{"step": "review", "person": "anna", "verdict": "approve", "comment": "known"}]
    entry = AuditEntry.objects.get(action="approve")
    assert (entry.actor, entry.allowed, entry.reason, entry.target) == ("anna", True, "known", kept.row.key)
    kept.check()


def test_rejected_it_ends_and_nothing_has_to_be_corrected(desk: Desk) -> None:
    kept, question = large(desk)

    decide(decider("anna"), "reject", question.id, comment="stolen card")
    desk.play(kept.id)

    assert (kept.lifecycle, kept.status, kept.row.reason) == ("failed", "OrderRejected", "stolen card")
    kept.check()


def test_nobody_decides_about_their_own_order(desk: Desk) -> None:
    anna = decider("anna")
    raw = order(total=1500.0)
    kept = Kept(interventions.start(anna, "order", raw, correlation_id="c").id)
    desk.play(kept.id)
    question = Approval.objects.get(subject=kept.id)

    with pytest.raises(interventions.Forbidden, match="Nobody decides about their own work: you started it"):
        decide(anna, "approve", question.id)

    entry = AuditEntry.objects.get(action="approve")
    assert (entry.allowed, entry.refusal) == (False, "Nobody decides about their own work: you started it.")
    assert Approval.objects.get().state == "open" and not Vote.objects.exists()
    assert decide(decider("bert"), "approve", question.id).state == "approved"


@pytest.mark.parametrize("superuser", [False, True])
def test_nobody_decides_about_what_they_edited_whoever_they_are(desk: Desk, superuser: bool) -> None:
    account = decider_account("anna")
    account.groups.add(Group.objects.get_or_create(name="admin")[0])
    account.is_superuser = account.is_staff = superuser
    account.save()
    anna = interventions.user(account)
    order = desk.start(total=1500.0)
    desk.fail(desk.claimed(order, "risk"), "closed", retryable=False)
    interventions.act(anna, "complete", order, reason="by phone", step="risk", data={"score": 0.1, "reasons": []})
    desk.play(order)

    with pytest.raises(interventions.Forbidden, match="Nobody decides about their own work: you edited it"):
        decide(anna, "approve", Approval.objects.get(subject=order).id)

    assert not Vote.objects.exists() and AuditEntry.objects.get(action="approve").allowed is False


@pytest.mark.parametrize(("role", "team", "why"), [
    ("support", True, "needs the right to"), ("approver", False, "fraud-team decides this"),
    ("operator", True, "needs the right to"),
])  # fmt: skip
def test_only_those_who_are_asked_decide(desk: Desk, role: str, team: bool, why: str) -> None:
    _, question = large(desk)
    account = person("sam", role)
    if team:
        account.groups.add(Group.objects.get_or_create(name="fraud-team")[0])

    with pytest.raises(interventions.Forbidden, match=why):
        decide(interventions.user(account), "approve", question.id)

    assert AuditEntry.objects.get(action="approve").allowed is False


def test_a_program_never_decides(desk: Desk) -> None:
    _, question = large(desk)

    with pytest.raises(interventions.Forbidden, match="Only people decide"):
        decide(interventions.client("bot", frozenset({"approve", "read"})), "approve", question.id)


def test_what_was_not_seen_is_not_decided(desk: Desk) -> None:
    _, question = large(desk)

    with pytest.raises(interventions.Stale, match="look again"):
        decide(decider("anna"), "approve", question.id, subject_hash="0" * 64)


def test_sixteen_clicks_at_the_same_moment_decide_once(desk: Desk) -> None:
    kept, question = large(desk)
    people = [decider(f"a{n}") for n in range(16)]

    def click(who: interventions.Principal, verdict: str) -> str:
        try:
            return decide(who, verdict, question.id).state
        except AlreadyDecided as late:
            return str(late)

    said = together(
        *(lambda who=who, n=n: click(who, "approve" if n % 2 else "reject") for n, who in enumerate(people))
    )

    first = [one for one in said if one in ("approved", "rejected")]
    assert len(first) == 1
    assert all(str(one).startswith(f"It was already {first[0]} by a") for one in said if one not in first)
    assert Vote.objects.count() == 1
    assert Approval.objects.get().state == first[0]
    assert AuditEntry.objects.filter(action__in=("approve", "reject")).count() == 16
    kept.check()


def test_its_time_decides_by_the_default_and_later_clicks_learn_that(desk: Desk, later: Callable[[], None]) -> None:
    kept, question = large(desk)
    later()

    timers.fire(kept.id, "review")

    question.refresh_from_db()
    assert (question.state, question.decided_by) == ("timed_out", "")
    assert kept.row.reason == "fraud-team did not decide in time"
    with pytest.raises(AlreadyDecided, match="settled by its deadline"):
        decide(decider("anna"), "approve", question.id)
    kept.check()


def test_a_decision_and_the_deadline_at_the_same_moment_are_one(desk: Desk, later: Callable[[], None]) -> None:
    kept, question = large(desk)
    anna = decider("anna")
    later()

    def approve() -> str:
        try:
            return decide(anna, "approve", question.id).state
        except AlreadyDecided:
            return "late"

    approved, _ = together(approve, lambda: timers.fire(kept.id, "review"))

    question.refresh_from_db()
    assert question.state == ("approved" if approved == "approved" else "timed_out")
    kept.check()


def test_cancelling_withdraws_it_and_whoever_cancelled_was_part_of_it(desk: Desk) -> None:
    kept, question = large(desk)
    olga = interventions.user(person("olga", "operator"))

    interventions.act(olga, "cancel", kept.id, reason="off")

    question.refresh_from_db()
    assert question.state == "withdrawn"
    assert involved([kept.id])[kept.id] == {"olga": "cancelled"}
