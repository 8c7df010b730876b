"""Where instances are and why, what happened to them, and what may be done."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.decorators import api_view
from rest_framework.request import Request

from console.api import answers, bodies, shapes
from console.api.caller import principal, viewer
from console.api.documented import IDEMPOTENCY_KEY, documented
from console.api.idempotent import idempotent
from console.api.parameters import PAGING, Parameters, described
from console.api.problems import NOT_FOUND, ProblemError
from console.api.refusals import told_as_problems
from console.correlation import correlation_id
from workflows import interventions
from workflows.engine import clock
from workflows.queries import details, history, instances, operations
from workflows.queries.instances import Filters
from workflows.queries.surroundings import Surroundings
from workflows.queries.visibility import EVERYTHING, Viewer

_TEXTS = ("workflow", "lifecycle", "stage", "status", "key", "dependency", "owner", "step", "cause")
_OTHERS = ("version", "correlation_id", "started_after", "started_before", "overdue", "needs_person", "q")
_FILTERS = [
    *described(**dict.fromkeys(_TEXTS, "One or several, separated by commas.")),
    *described(correlation_id="Exactly this.", q="Any number: order, customer, reference, idempotency key, id."),
    OpenApiParameter("version", int),
    OpenApiParameter("overdue", bool, description="Alive past its deadline."),
    OpenApiParameter("needs_person", bool),
    OpenApiParameter("started_after", OpenApiTypes.DATETIME),
    OpenApiParameter("started_before", OpenApiTypes.DATETIME),
    *described(**{"attr.NAME": "The attribute NAME has this value, for example attr.country=France."}),
    *PAGING,
]

#: A body for each action that the schema lists.
EXAMPLES = {
    "retry: try a step again": {"reason": "The provider is back", "step": "charge"},
    "skip: pass over a step": {"reason": "Thanked by phone", "step": "thanks", "revision": 12},
    "complete: enter the result of a step": {
        "reason": "Paid by bank transfer",
        "step": "charge",
        "data": {"charge_id": "TRANSFER-4711", "amount": 15.3},
    },
    "complete: a correction was made outside": {
        "reason": "The bank has returned the money",
        "step": "charge",
        "data": {"evidence": "Bank statement of 1 December, line 7"},
    },
    "signal: hand over an answer": {
        "reason": "Told by phone",
        "step": "registered",
        "data": {"reference": "ERP-536365", "erp_number": "4711", "accepted": True, "reason": None},
    },
    "reassign: name who looks after it": {"reason": "Their customer", "data": {"owner": "key-accounts"}},
    "pause": {"reason": "The customer wants to change the address"},
    "resume": {"reason": "The address is right now"},
    "cancel": {"reason": "The customer called it off", "revision": 12},
    "compensate: correct what was done, also after the end": {"reason": "The parcel came back"},
}


@documented(
    "Instances, newest first",
    operation_id="listInstances",
    tag="instances",
    answers={200: shapes.InstancePage},
    fails=(400, 422),
    parameters=_FILTERS,
)
@api_view(["GET"])
def listed(request: Request) -> HttpResponse:
    seen_by = viewer(request)
    given = Parameters(request, (*_TEXTS, *_OTHERS, "cursor", "page_size"), prefixes=("attr.",))
    filters, now = _filters(given), clock.now()
    surroundings = Surroundings(now)
    return answers.paged(
        request,
        shapes.InstancePage,
        lambda: instances.page(seen_by, filters, size=given.size(), cursor=given.text("cursor")),
        lambda row: answers.summary(row, now, surroundings),
    )


def _filters(given: Parameters) -> Filters:
    return Filters(
        workflow=given.texts("workflow"),
        lifecycle=given.texts("lifecycle"),
        stage=given.texts("stage"),
        status=given.texts("status"),
        key=given.texts("key"),
        dependency=given.texts("dependency"),
        owner=given.texts("owner"),
        step=given.texts("step"),
        cause=given.texts("cause"),
        version=given.number("version", lowest=1, highest=2**31 - 1),
        correlation_id=given.text("correlation_id"),
        started_after=given.moment("started_after"),
        started_before=given.moment("started_before"),
        overdue=given.truth("overdue"),
        needs_person=given.truth("needs_person"),
        q=given.text("q"),
        attributes=given.prefixed("attr."),
    )


@documented(
    "One instance: where it is and why",
    operation_id="getInstance",
    tag="instances",
    answers={200: shapes.InstanceDetail},
    fails=(404,),
)
@api_view(["GET"])
def one(request: Request, instance_id: UUID) -> HttpResponse:
    return told_in_full(request, viewer(request), instance_id)


def told_in_full(request: Request, seen_by: Viewer, instance_id: UUID, *, status: int = 200) -> HttpResponse:
    """The instance with everything the viewer may see. Raises the problem if there is none for them."""
    found = details.detail(seen_by, instance_id)
    if found is None:
        raise _unknown()
    now = clock.now()
    allowed = interventions.allowed_actions(principal(request), found.state, now)
    return answers.told(answers.detail(found, allowed, now), status, Location=f"/api/v1/instances/{instance_id}")


@documented(
    "What happened, in order",
    operation_id="getInstanceHistory",
    tag="instances",
    answers={200: shapes.HistoryPage},
    fails=(400, 404, 422),
    parameters=PAGING,
)
@api_view(["GET"])
def happened(request: Request, instance_id: UUID) -> HttpResponse:
    seen_by = viewer(request)
    given = Parameters(request, ("cursor", "page_size"))
    row = instances.one(seen_by, instance_id)
    if row is None:
        raise _unknown()
    return answers.paged(
        request,
        shapes.HistoryPage,
        lambda: history.page(seen_by, row, size=given.size(100), cursor=given.text("cursor")),
        answers.event,
    )


@documented(
    "Act on an instance: retry, skip, complete, signal, reassign, compensate, cancel, pause or resume",
    operation_id="actOnInstance",
    tag="instances",
    takes=shapes.ActionRequest,
    answers={202: shapes.Operation},
    fails=(404, 409),
    parameters=[
        IDEMPOTENCY_KEY,
        OpenApiParameter("action", str, OpenApiParameter.PATH, enum=list(interventions.ACTIONS)),
    ],
    examples=EXAMPLES,
)
@api_view(["POST"])
@idempotent
def act(request: Request, instance_id: UUID, action: str) -> HttpResponse:
    """202 with the operation; what came of it is told by the operation's own address."""
    asked = bodies.read(request._request, shapes.ActionRequest)
    with told_as_problems():
        accepted = interventions.act(
            principal(request),
            action,
            instance_id,
            reason=asked.reason,
            step=asked.step,
            data=asked.data,
            revision=asked.revision,
            correlation_id=correlation_id(request._request),
        )
    row = operations.one(EVERYTHING, accepted.id)
    assert row is not None, "it was accepted a moment ago"
    return answers.told(answers.operation(row), 202, Location=f"/api/v1/operations/{row.id}")


def _unknown() -> ProblemError:
    return ProblemError(NOT_FOUND, "There is no such instance.")
