"""Questions over the API: told as the interface says, decided once, by those who are asked and nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries

from approvals.models import Approval, Vote
from tests.api.world import Person, fields, is_problem, person, told
from tests.deciders import asked, in_team
from tests.engine.desk import Desk
from workflows import interventions
from workflows.models import AuditEntry, Instance, Payload, ScopedRole

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def approver(db: None) -> Person:
    """An approver of the fraud team."""
    found = person("approver")
    in_team(User.objects.get(username="approver"))
    return found


def one(who: Person, question: Approval) -> dict[str, Any]:
    found: dict[str, Any] = told(who.get(f"approvals/{question.id}"))
    return found


def keys(who: Person, query: str = "") -> list[str]:
    return [row["key"] for row in told(who.get(f"approvals{query}"))["results"]]


def test_a_question_is_told_as_the_interface_says(desk: Desk, approver: Person) -> None:
    question = asked(desk, "A1")

    found = one(approver, question)

    assert {
        "id", "instance", "key", "workflow", "question", "state", "audience", "quorum", "due_at", "default_outcome",
        "subject_hash", "evidence", "decided_by", "decided_at", "may_decide",
    } <= found.keys()  # fmt: skip
    assert (found["id"], found["instance"]) == (str(question.id), str(question.subject))
    assert (found["key"], found["workflow"], found["step"]) == ("A1", "order", "review")
    assert (found["question"], found["audience"]) == ("Is this order genuine?", "fraud-team")
    assert (found["state"], found["quorum"]) == ("open", {"needed": 1, "got": 0})
    assert (found["default_outcome"], found["decided_by"], found["decided_at"]) == ("reject", "", None)
    assert found["subject_hash"] == question.subject_hash
    assert found["due_at"] > found["opened_at"] and found["due_at"].endswith("Z")
    assert found["evidence"]["order"]["total"] == 1500.0
    assert found["evidence"]["risk"] == {"score": 0.1, "reasons": []}
    assert found["rule"] == "risk.score >= 0.6 or order.total > 1000 is true (0.1, 1500.0)"
    assert found["may_decide"] == {"allowed": True, "reason": ""}


def test_the_list_is_narrowed_by_state_workflow_instance_and_mine(desk: Desk, approver: Person) -> None:
    for key in ("A1", "A2"):
        asked(desk, key)
    own = asked(desk, "A3", by=interventions.user(User.objects.get(username="approver")))
    approver.post(f"approvals/{Approval.objects.get(key='A1').id}/approve", {"comment": ""})

    assert keys(approver) == ["A3", "A2", "A1"]
    assert keys(approver, "?mine=true") == ["A2"]
    assert keys(approver, "?state=approved") == ["A1"]
    assert keys(approver, "?state=open,rejected") == ["A3", "A2"]
    assert keys(approver, f"?instance={own.subject}") == ["A3"]
    assert keys(approver, "?workflow=return") == []
    assert keys(approver, "?mine=false&state=open") == ["A3", "A2"]


def test_pages_are_followed_both_ways(desk: Desk, approver: Person) -> None:
    for key in ("A1", "A2", "A3"):
        asked(desk, key)

    first = told(approver.get("approvals?page_size=2"))
    second = told(approver.get(first["next"].split("/api/v1/")[1]))
    back = told(approver.get(second["previous"].split("/api/v1/")[1]))

    assert [row["key"] for row in first["results"]] == ["A3", "A2"] == [row["key"] for row in back["results"]]
    assert [row["key"] for row in second["results"]] == ["A1"] and second["next"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [("state=undecided", "state"), ("mine=perhaps", "mine"), ("instance=A1", "instance"), ("owner=x", "owner")],
)
def test_a_mistyped_filter_is_refused_by_name(approver: Person, query: str, field: str) -> None:
    assert fields(is_problem(approver.get(f"approvals?{query}"), 422, "invalid-request")) == [field]


def test_a_cursor_of_another_list_is_refused(approver: Person) -> None:
    is_problem(approver.get("approvals?cursor=WzAsIjEiXQ"), 400, "bad-request")


def test_a_list_costs_the_same_however_long_it_is(
    desk: Desk, approver: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(4):
        asked(desk, f"A{number}")

    # token (also noted as used), rights; questions, votes, instances, their values, evidence; groups, acts, starts
    with django_assert_num_queries(11):
        assert len(keys(approver)) == 4


def test_long_evidence_is_folded_in_lists_and_whole_in_the_question_itself(desk: Desk, approver: Person) -> None:
    line = {"sku": "85123A", "description": "HEART T-LIGHT HOLDER", "quantity": 6, "unit_price": 2.55}
    question = asked(desk, "A1", lines=[line] * 675)

    (row,) = told(approver.get("approvals"))["results"]

    assert row["evidence"]["order"].keys() == {"folded", "bytes", "from"}
    assert row["evidence"]["order"]["from"] == "input" and row["evidence"]["order"]["bytes"] > 50_000
    assert row["evidence"]["risk"]["score"] == 0.1
    assert len(one(approver, question)["evidence"]["order"]["lines"]) == 675


@pytest.mark.parametrize(("verb", "state"), [("approve", "approved"), ("reject", "rejected")])
def test_a_decision_is_answered_with_the_question_as_it_stands_then(
    desk: Desk, approver: Person, verb: str, state: str
) -> None:
    question = asked(desk, "A1")
    body = {"comment": "I called them", "subject_hash": question.subject_hash}

    answer = approver.post(f"approvals/{question.id}/{verb}", body)

    found = told(answer)
    assert answer.status_code == 200
    assert (found["state"], found["decided_by"]) == (state, "approver") and found["decided_at"]
    assert [(vote["person"], vote["verdict"], vote["comment"]) for vote in found["votes"]] == [
        ("approver", verb, "I called them")
    ]
    assert found["quorum"] == {"needed": 1, "got": int(verb == "approve")}
    assert found["may_decide"]["reason"].startswith(f"It was already {state} by approver at ")
    entry = AuditEntry.objects.get(action=verb)
    assert (entry.actor, entry.allowed, entry.through, entry.reason) == ("approver", True, "api", "I called them")
    desk.play(question.subject)
    assert Instance.objects.get(id=question.subject).status == (
        "ErpRegistrationPending" if verb == "approve" else "OrderRejected"
    )


def test_a_comment_is_not_demanded(desk: Desk, approver: Person) -> None:
    assert approver.post(f"approvals/{asked(desk).id}/approve", {}).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [({"comment": "x" * 2001}, "comment"), ({"comment": 1}, "comment"), ({"verdict": "approve"}, "verdict")],
)
def test_a_body_that_is_wrong_is_refused_by_field(
    desk: Desk, approver: Person, body: dict[str, Any], field: str
) -> None:
    question = asked(desk)

    assert fields(is_problem(approver.post(f"approvals/{question.id}/approve", body), 422, "invalid-request")) == [
        field
    ]
    assert not Vote.objects.exists()


def test_a_get_decides_nothing(desk: Desk, approver: Person) -> None:
    question = asked(desk)

    is_problem(approver.get(f"approvals/{question.id}/approve"), 405, "method-not-allowed")

    question.refresh_from_db()
    assert question.state == "open" and not AuditEntry.objects.filter(action="approve").exists()


def test_whoever_comes_second_learns_who_decided_and_when(desk: Desk, approver: Person) -> None:
    question = asked(desk)
    approver.post(f"approvals/{question.id}/approve", {"comment": ""})
    question.refresh_from_db()

    problem = is_problem(approver.post(f"approvals/{question.id}/reject", {"comment": "no"}), 409, "already-decided")

    assert question.decided_at is not None
    assert problem["detail"].startswith("It was already approved by approver at ")
    assert (problem["state"], problem["decided_by"]) == ("approved", "approver")
    assert problem["decided_at"] == question.decided_at.isoformat().replace("+00:00", "Z")
    late = AuditEntry.objects.get(action="reject")
    assert (late.allowed, late.reason) == (False, "no")
    assert Vote.objects.count() == 1


def test_what_was_not_seen_is_not_decided(desk: Desk, approver: Person) -> None:
    question = asked(desk)

    problem = is_problem(
        approver.post(f"approvals/{question.id}/approve", {"comment": "", "subject_hash": "0" * 64}), 409, "stale"
    )

    assert "look again" in problem["detail"]


def test_content_that_was_removed_is_not_decided(desk: Desk, approver: Person) -> None:
    question = asked(desk)
    Payload.objects.filter(instance_id=question.subject).update(body=None)

    problem = is_problem(approver.post(f"approvals/{question.id}/approve", {"comment": ""}), 409, "stale")

    assert "has changed since it was asked" in problem["detail"]
    assert one(approver, question)["evidence"] == {"order": None, "risk": None}


def test_the_initiator_is_refused_with_the_explanation_and_on_record(desk: Desk, approver: Person) -> None:
    question = asked(desk, by=interventions.user(User.objects.get(username="approver"), "api"))

    problem = is_problem(approver.post(f"approvals/{question.id}/approve", {"comment": "mine"}), 403, "forbidden")

    why = "Nobody decides about their own work: you started it."
    assert problem["detail"] == why == one(approver, question)["may_decide"]["reason"]
    entry = AuditEntry.objects.get(action="approve")
    assert (entry.actor, entry.allowed, entry.refusal, entry.reason) == ("approver", False, why, "mine")
    assert keys(approver, "?mine=true") == []


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_without_the_right_it_is_refused_and_says_who_may(desk: Desk, support: Person, verb: str) -> None:
    question = asked(desk)

    problem = is_problem(support.post(f"approvals/{question.id}/{verb}", {"comment": ""}), 403, "forbidden")

    assert "needs the right to decide what they are asked to approve" in problem["detail"]
    assert AuditEntry.objects.get(action=verb).allowed is False
    assert keys(support) == [question.key] and keys(support, "?mine=true") == []


def test_an_approver_of_another_team_is_refused(desk: Desk) -> None:
    question, other = asked(desk), person("approver")

    problem = is_problem(other.post(f"approvals/{question.id}/approve", {"comment": ""}), 403, "forbidden")

    assert problem["detail"] == "fraud-team decides this, and you are not one of them."
    assert keys(other, "?mine=true") == []


def test_what_one_may_not_see_is_not_there(desk: Desk) -> None:
    question = asked(desk)
    stranger = person("approver")
    account = in_team(User.objects.get(username="approver"))
    account.groups.remove(account.groups.get(name="approver"))
    ScopedRole.objects.create(user=account, role="approver", workflow="return")

    is_problem(stranger.get(f"approvals/{question.id}"), 404, "not-found")
    is_problem(stranger.post(f"approvals/{question.id}/approve", {"comment": ""}), 404, "not-found")
    assert keys(stranger) == [] == keys(stranger, "?mine=true")


def test_an_approver_for_one_process_decides_there(desk: Desk) -> None:
    question = asked(desk)
    somebody = person("approver")
    account = in_team(User.objects.get(username="approver"))
    account.groups.remove(account.groups.get(name="approver"))
    ScopedRole.objects.create(user=account, role="approver", workflow="order")

    assert keys(somebody, "?mine=true") == [question.key]
    assert somebody.post(f"approvals/{question.id}/approve", {"comment": ""}).status_code == 200


def test_personal_fields_are_masked_without_the_right_to_see_them(
    desk: Desk, support: Person, approver: Person
) -> None:
    question = asked(desk)

    (listed,) = told(support.get("approvals"))["results"]

    for found in (listed, one(support, question)):
        assert found["evidence"]["order"]["customer_id"] == "•••"
        assert found["evidence"]["order"]["total"] == 1500.0
    assert one(approver, question)["evidence"]["order"]["customer_id"] == "17850"


def test_the_same_request_twice_has_one_answer(desk: Desk, approver: Person) -> None:
    question = asked(desk)
    path = f"approvals/{question.id}/approve"

    first = approver.post(path, {"comment": "yes"}, Idempotency_Key="k1")
    again = approver.post(path, {"comment": "yes"}, Idempotency_Key="k1")

    assert (first.status_code, again.status_code) == (200, 200)
    assert again["Idempotency-Replayed"] == "true" and told(again) == told(first)
    assert Vote.objects.count() == 1


@pytest.mark.parametrize("verb", ["send-back", "ask", "delegate", "claim", "release", "explode"])
def test_what_is_not_there_yet_is_an_unknown_address(desk: Desk, approver: Person, verb: str) -> None:
    is_problem(approver.post(f"approvals/{asked(desk).id}/{verb}", {"comment": ""}), 404, "not-found")


def test_an_unknown_question_is_not_found(approver: Person) -> None:
    nothing = "approvals/00000000-0000-7000-8000-000000000000"

    is_problem(approver.get(nothing), 404, "not-found")
    is_problem(approver.post(f"{nothing}/approve", {"comment": ""}), 404, "not-found")
