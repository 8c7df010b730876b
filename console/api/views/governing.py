"""Which version new instances take, and whether any are taken in: decisions about a whole process."""

from __future__ import annotations

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework.decorators import api_view
from rest_framework.request import Request

from console.api import bodies, workflowshapes
from console.api.caller import principal
from console.api.documented import IDEMPOTENCY_KEY, documented
from console.api.idempotent import idempotent
from console.api.parameters import moment
from console.api.problems import NOT_FOUND, ProblemError, invalid
from console.api.refusals import told_as_problems
from console.api.views.workflows import told
from console.correlation import correlation_id
from workflows.interventions import governing
from workflows.queries.visibility import Viewer


@documented(
    "Choose the version that new instances take",
    operation_id="rollOut",
    tag="workflows",
    takes=workflowshapes.RolloutRequest,
    answers={200: workflowshapes.WorkflowDefinition},
    fails=(404,),
    parameters=[IDEMPOTENCY_KEY],
    examples={
        "Try version 2 with every tenth": {"stable": 1, "candidate": 2, "percent": 10, "reason": "First real orders"},
        "Back to version 1": {"stable": 1, "reason": "Too many corrections"},
    },
)
@api_view(["PUT"])
@idempotent
def rollout(request: Request, name: str) -> HttpResponse:
    """The share is a share of keys: the same key always takes the same version. Running instances keep theirs."""
    asked = bodies.read(request._request, workflowshapes.RolloutRequest)
    with told_as_problems():
        governing.roll_out(
            principal(request),
            name,
            stable=asked.stable,
            candidate=asked.candidate,
            percent=asked.percent,
            reason=asked.reason,
            correlation_id=correlation_id(request._request),
        )
    return told(_decider(name), name)


@documented(
    "Stop or resume taking in new instances",
    operation_id="governIntake",
    tag="workflows",
    takes=workflowshapes.IntakeRequest,
    answers={200: workflowshapes.WorkflowDefinition},
    fails=(404, 409),
    parameters=[IDEMPOTENCY_KEY, OpenApiParameter("action", str, OpenApiParameter.PATH, enum=["pause", "resume"])],
    examples={
        "For an hour": {"reason": "The warehouse counts its stock"},
        "Until noon": {"reason": "The ERP is being moved", "until": "2026-01-31T12:00:00Z"},
    },
)
@api_view(["POST"])
@idempotent
def intake(request: Request, name: str, action: str) -> HttpResponse:
    """While it is paused, starts are answered with 503 and Retry-After; what is running goes on."""
    if action not in ("pause", "resume"):
        raise ProblemError(NOT_FOUND, f"There is no action {action!r}; there are pause, resume.")
    asked = bodies.read(request._request, workflowshapes.IntakeRequest)
    until = moment("until", asked.until or "")
    if action == "resume" and until:
        raise invalid("until", "is for a pause; taking in resumes at once")
    who, by = principal(request), correlation_id(request._request)
    with told_as_problems():
        if action == "pause":
            governing.pause_intake(who, name, reason=asked.reason, until=until, correlation_id=by)
        else:
            governing.resume_intake(who, name, reason=asked.reason, correlation_id=by)
    return told(_decider(name), name)


def _decider(name: str) -> Viewer:
    """Whoever may decide sees what they decided, also with a token that is good for nothing else."""
    return Viewer(frozenset({name}), frozenset())
