"""Who did what, what was published, and who receives it."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.decorators import api_view
from rest_framework.request import Request

from console.api import answers, bodies, shapes
from console.api.caller import holder, principal, viewer
from console.api.documented import IDEMPOTENCY_KEY, documented
from console.api.idempotent import idempotent
from console.api.parameters import PAGING, Parameters, described
from console.api.problems import FORBIDDEN, IMPOSSIBLE, NOT_FOUND, ProblemError, invalid
from console.correlation import correlation_id
from workflows import interventions
from workflows.interventions import subscriptions
from workflows.queries import ledger, published, record
from workflows.queries.ledger import LedgerFilters
from workflows.queries.published import SubscriptionRow
from workflows.queries.record import AuditFilters

#: who acts, and through which entrance
KINDS, ENTRANCES = ("user", "client", "policy", "system"), ("page", "api", "command", "engine")
_AUDIT = ("actor", "kind", "action", "workflow", "number", "through", "correlation_id", "act", "instance", "allowed")


@documented(
    "Who did what, newest first, refused attempts included",
    operation_id="listAudit",
    tag="record",
    answers={200: shapes.AuditPage},
    fails=(400, 422),
    parameters=[
        *described(
            actor="The name of a person, program or policy.",
            action="Exactly this action.",
            workflow="Exactly this workflow.",
            number="About cases with this business key in any case of letters, or about whatever else is called so.",
            correlation_id="Exactly this one.",
            act="Everything that one act caused.",
            instance="About the instance with this id.",
        ),
        OpenApiParameter("kind", str, enum=KINDS, many=True, explode=True, description="Of such actors."),
        OpenApiParameter("through", str, enum=ENTRANCES, description="Through this entrance."),
        OpenApiParameter("allowed", bool, description="False: refused attempts only."),
        OpenApiParameter("after", OpenApiTypes.DATETIME, description="At this time or later."),
        OpenApiParameter("before", OpenApiTypes.DATETIME, description="Before this time."),
        *PAGING,
    ],
)
@api_view(["GET"])
def audit(request: Request) -> HttpResponse:
    """Needs the right to read who did what; shows what happened in workflows for which the caller has it."""
    seen_by = viewer(request, "audit")
    given = Parameters(request, (*_AUDIT, "after", "before", "cursor", "page_size"))
    filters = AuditFilters(
        actor=given.text("actor"),
        kinds=given.choices("kind", KINDS),
        action=given.text("action"),
        workflow=given.text("workflow"),
        number=given.text("number"),
        through=given.choice("through", ENTRANCES),
        correlation_id=given.text("correlation_id"),
        act_id=given.identity("act"),
        instance_id=given.identity("instance"),
        allowed=given.truth("allowed"),
        after=given.moment("after"),
        before=given.moment("before"),
    )
    if filters.after and filters.before and filters.after >= filters.before:
        raise invalid("before", "must be later than after")
    return answers.paged(
        request,
        shapes.AuditPage,
        lambda: record.page(seen_by, filters, size=given.size(), cursor=given.text("cursor")),
        answers.audited,
    )


@documented(
    "The idempotency ledger: keys we were given and keys we gave, with their first outcome",
    operation_id="listIdempotencyKeys",
    tag="record",
    answers={200: shapes.LedgerPage},
    fails=(400, 422),
    parameters=[
        *described(
            scope="`inbound`, `outbound`, a caller such as `user:olga`, or a system such as `payments`.",
            key="How the key begins; the number of a case finds the keys of its steps, too.",
        ),
        *PAGING,
    ],
)
@api_view(["GET"])
def idempotency(request: Request) -> HttpResponse:
    """Newest first, the keys of one instance together. Follow `next`; there is no `previous`.

    Needs the right to read who did what. What was answered to a request is not told, only its status.
    """
    seen_by = viewer(request, "audit")
    given = Parameters(request, ("scope", "key", "cursor", "page_size"))
    filters = LedgerFilters(scope=given.text("scope"), key=given.text("key"))
    return answers.paged(
        request,
        shapes.LedgerPage,
        lambda: ledger.page(seen_by, filters, size=given.size(), cursor=given.text("cursor")),
        answers.ledger_entry,
    )


@documented(
    "Published events in publishing order",
    operation_id="listEvents",
    tag="events",
    answers={200: shapes.EventPage},
    fails=(404, 422),
    parameters=[
        *described(type="One or several.", after="Behind the event with this id.", instance="Of this instance."),
        OpenApiParameter("page_size", int),
    ],
)
@api_view(["GET"])
def events(request: Request) -> HttpResponse:
    """`next` is told even at the end of what there is: follow it later to get what came since."""
    seen_by = viewer(request)
    given = Parameters(request, ("type", "after", "instance", "page_size"))
    found = published.events(
        seen_by,
        types=given.texts("type"),
        after=given.identity("after"),
        instance_id=given.identity("instance"),
        size=given.size(100),
    )
    if found is None:
        raise ProblemError(NOT_FOUND, "There is no published event with this id.", errors=[("after", "is not known")])
    results = [event.cloud_event() for event in found]
    follow = answers.address(request, after=str(found[-1].id)) if found else None
    return answers.told(shapes.EventPage.model_validate({"results": results, "next": follow, "previous": None}))


@documented(
    "Who receives published events",
    operation_id="listSubscriptions",
    tag="events",
    answers={200: shapes.SubscriptionPage},
    method="GET",
)
@documented(
    "Receive published events",
    operation_id="createSubscription",
    tag="events",
    takes=shapes.SubscriptionRequest,
    answers={201: shapes.NewSubscription},
    method="POST",
    fails=(409,),
    parameters=[IDEMPOTENCY_KEY],
    examples={"Confirmed orders": {"name": "crm", "url": "https://crm.example/hooks", "types": ["OrderConfirmed"]}},
)
@api_view(["GET", "POST"])
@idempotent
def subscribed(request: Request) -> HttpResponse:
    if request.method == "POST":
        return _subscribe(request)
    holder(request, "subscribe")
    Parameters(request, ())
    results = [answers.subscription(row) for row in published.subscriptions()]
    return answers.told(shapes.SubscriptionPage(results=results, next=None, previous=None))


def _subscribe(request: Request) -> HttpResponse:
    asked = bodies.read(request._request, shapes.SubscriptionRequest)
    try:
        made = subscriptions.subscribe(
            principal(request),
            asked.name,
            asked.url,
            types=asked.types,
            correlation_id=correlation_id(request._request),
        )
    except interventions.Forbidden as refusal:
        raise ProblemError(FORBIDDEN, str(refusal)) from None
    except subscriptions.UnsafeAddress as error:
        raise invalid("url", str(error)) from None
    except interventions.Impossible as error:
        raise ProblemError(IMPOSSIBLE, str(error)) from None
    return answers.told(answers.new_subscription(_row(made.id), made.secret), 201)


@documented(
    "Send published events again",
    operation_id="replaySubscription",
    tag="events",
    takes=shapes.ReplayRequest,
    answers={202: shapes.Replayed},
    fails=(404,),
    parameters=[IDEMPOTENCY_KEY],
    examples={"Everything": {"reason": "The CRM lost its data"}},
)
@api_view(["POST"])
@idempotent
def replay(request: Request, subscription_id: int) -> HttpResponse:
    asked = bodies.read(request._request, shapes.ReplayRequest)
    try:
        count = subscriptions.replay(
            principal(request),
            subscription_id,
            after=_event_id(asked.after),
            reason=asked.reason,
            correlation_id=correlation_id(request._request),
        )
    except interventions.Forbidden as refusal:
        raise ProblemError(FORBIDDEN, str(refusal)) from None
    except interventions.Unknown as error:
        raise ProblemError(NOT_FOUND, str(error)) from None
    return answers.told(shapes.Replayed(events=count), 202)


def _event_id(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text is not None else None
    except ValueError:
        raise invalid("after", "must be the id of a published event") from None


def _row(subscription_id: int) -> SubscriptionRow:
    row = published.subscription(subscription_id)
    assert row is not None, "it was made a moment ago"
    return row
