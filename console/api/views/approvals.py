"""What people are asked, and what they decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, cast
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter
from pydantic_core import to_jsonable_python
from rest_framework.decorators import api_view
from rest_framework.request import Request

from approvals.rules import APPROVE, REJECT, State
from console.api import answers, approvalshapes, bodies
from console.api.caller import principal, viewer
from console.api.documented import IDEMPOTENCY_KEY, documented
from console.api.idempotent import idempotent
from console.api.parameters import PAGING, Parameters, described
from console.api.problems import ALREADY_DECIDED, FORBIDDEN, IMPOSSIBLE, NOT_FOUND, STALE, ProblemError, invalid
from console.correlation import correlation_id
from workflows import interventions
from workflows.interventions import Principal, Verdict, deciding
from workflows.queries import approvals
from workflows.queries.approvals import Asked, Filters
from workflows.queries.pages import Page
from workflows.queries.visibility import Viewer


@documented(
    "Questions people are asked, newest first",
    operation_id="listApprovals",
    tag="approvals",
    answers={200: approvalshapes.ApprovalPage},
    fails=(400, 422),
    parameters=[
        OpenApiParameter("mine", bool, description="True: open ones that the caller may decide now."),
        *described(
            state="One or several, separated by commas.",
            workflow="One or several, separated by commas.",
            instance="About this instance.",
        ),
        *PAGING,
    ],
)
@api_view(["GET"])
def listed(request: Request) -> HttpResponse:
    seen_by, caller = viewer(request), principal(request)
    given = Parameters(request, ("mine", "state", "workflow", "instance", "cursor", "page_size"))
    mine = bool(given.truth("mine"))
    filters = Filters(
        state=_states(given),
        workflow=given.texts("workflow"),
        instance_id=given.identity("instance"),
        mine=caller.name if mine else "",
    )
    if mine:
        seen_by = interventions.viewer(caller, APPROVE)
    return answers.paged(
        request,
        approvalshapes.ApprovalPage,
        lambda: _in_full(
            approvals.page(seen_by, filters, size=given.size(), cursor=given.text("cursor")), seen_by, caller
        ),
        lambda told: told,
    )


def _states(given: Parameters) -> tuple[str, ...]:
    states = given.texts("state")
    for state in states:
        if state not in set(State):
            raise invalid("state", f"must be one of {', '.join(State)}")
    return states


def _in_full(page: Page[Asked], seen_by: Viewer, caller: Principal) -> Page[approvalshapes.Approval]:
    """The page with what the questions show and whether the caller may decide them."""
    shown = approvals.evidence(seen_by, page.rows, fold=answers.FOLD)
    verdicts = deciding.may_decide(caller, [one.approval for one in page.rows])
    told = [_told(one, shown[one.approval.id], verdicts[one.approval.id]) for one in page.rows]
    return Page(told, page.next, page.previous)


def _told(asked: Asked, shown: Mapping[str, Any], verdict: Verdict) -> approvalshapes.Approval:
    row = asked.approval
    straight = (
        "id", "key", "generation", "question", "state", "audience", "opened_at", "due_at", "default_outcome", "rule",
        "subject_hash", "decided_by", "decided_at",
    )  # fmt: skip
    return approvalshapes.Approval(
        **{name: getattr(row, name) for name in straight},
        instance=row.subject,
        workflow=row.scope,
        step=row.item,
        quorum=approvalshapes.Quorum(needed=row.quorum, got=row.got),
        evidence=dict(shown),
        votes=[approvalshapes.Vote(**asdict(vote)) for vote in row.votes],
        may_decide=approvalshapes.MayDecide(**asdict(verdict)),
    )


@documented(
    "One question, with everything it shows",
    operation_id="getApproval",
    tag="approvals",
    answers={200: approvalshapes.Approval},
    fails=(404,),
)
@api_view(["GET"])
def one(request: Request, approval_id: UUID) -> HttpResponse:
    return _answer(request, approval_id)


def _answer(request: Request, approval_id: UUID) -> HttpResponse:
    """The question as it stands now. Raises the problem if there is none for the caller."""
    seen_by, caller = viewer(request), principal(request)
    asked = approvals.one(seen_by, approval_id)
    if asked is None:
        raise ProblemError(NOT_FOUND, "There is no such question.")
    shown = approvals.evidence(seen_by, [asked])[approval_id]
    verdict = deciding.may_decide(caller, [asked.approval])[approval_id]
    return answers.told(_told(asked, shown, verdict))


def _decision(verdict: str, summary: str, operation_id: str) -> Callable[..., Any]:
    """The view that votes like this: 200 with the question as it stands then, open while more have to approve."""

    @documented(
        summary,
        operation_id=operation_id,
        tag="approvals",
        takes=approvalshapes.DecisionRequest,
        answers={200: approvalshapes.Approval},
        fails=(404, 409),
        parameters=[IDEMPOTENCY_KEY],
        examples={"With a comment": {"comment": "Known customer; I called them"}},
    )
    @api_view(["POST"])
    @idempotent
    def decide(request: Request, approval_id: UUID) -> HttpResponse:
        _decide(request, verdict, approval_id)
        return _answer(request, approval_id)

    return cast("Callable[..., Any]", decide)


def _decide(request: Request, verdict: str, approval_id: UUID) -> None:
    """Vote. Raises the problem when it is refused."""
    asked = bodies.read(request._request, approvalshapes.DecisionRequest)
    try:
        deciding.decide(
            principal(request),
            verdict,
            approval_id,
            comment=asked.comment,
            subject_hash=asked.subject_hash,
            correlation_id=correlation_id(request._request),
        )
    except interventions.Unknown as error:
        raise ProblemError(NOT_FOUND, str(error)) from None
    except interventions.Forbidden as refusal:
        raise ProblemError(FORBIDDEN, str(refusal)) from None
    except deciding.AlreadyDecided as late:
        raise ProblemError(ALREADY_DECIDED, str(late), extra=_by_whom(late)) from None
    except interventions.Stale as error:
        raise ProblemError(STALE, str(error)) from None
    except interventions.Impossible as error:
        raise ProblemError(IMPOSSIBLE, str(error)) from None


def _by_whom(late: deciding.AlreadyDecided) -> dict[str, Any]:
    question = late.question
    at = to_jsonable_python(question.decided_at)
    return {"state": str(question.state), "decided_by": question.decided_by, "decided_at": at}


approve = _decision(APPROVE, "Approve", "approve")
reject = _decision(REJECT, "Reject: what was done is corrected", "reject")
