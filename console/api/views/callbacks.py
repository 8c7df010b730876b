"""Messages from outside: taken in signed and stored, and the inbox they end up in."""

from __future__ import annotations

import json
from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.request import Request

from console.api import answers, bodies, shapes
from console.api.caller import principal, viewer
from console.api.documented import IDEMPOTENCY_KEY, documented
from console.api.idempotent import idempotent
from console.api.parameters import PAGING, Parameters, described
from console.api.problems import FORBIDDEN, IMPOSSIBLE, NOT_FOUND, UNAUTHENTICATED, ProblemError, invalid
from console.api.signatures import HEADERS, verified_id
from console.correlation import correlation_id
from workflows import interventions
from workflows.engine import inbox
from workflows.interventions import strays
from workflows.queries import callbacks, proposals
from workflows.queries.callbacks import CallbackRow
from workflows.queries.pages import Page
from workflows.queries.proposals import Proposal


@documented(
    "Take in a signed message",
    operation_id="receiveCallback",
    tag="callbacks",
    takes=shapes.CallbackRequest,
    answers={202: shapes.CallbackReceipt, 200: shapes.CallbackReceipt},
    fails=(401,),
    parameters=[OpenApiParameter(name, str, OpenApiParameter.HEADER, required=True) for name in HEADERS],
    examples={"The ERP answers": {"type": "erp.registered", "key": "ERP-4711", "data": {"accepted": True}}},
    open_to_all=True,
)
@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def receive(request: Request, source: str) -> HttpResponse:
    """202 once it is durably stored; 200 for a `webhook-id` that was stored before, which changes nothing."""
    body = bodies.raw_body(request._request)
    webhook_id = verified_id(settings.WEBHOOK_SECRETS.get(source, ()), request.headers, body)
    if webhook_id is None:
        raise ProblemError(UNAUTHENTICATED, "The message is not signed by a known sender.")
    asked = bodies.read(request._request, shapes.CallbackRequest)
    received = inbox.receive(
        source, webhook_id, asked.type, asked.key, json.dumps(asked.data), correlation_id(request._request)
    )
    receipt = shapes.CallbackReceipt(id=received.id, state=received.state)
    return answers.told(receipt, 202 if received.new else 200)


@documented(
    "The callback inbox, newest first",
    operation_id="listCallbacks",
    tag="callbacks",
    answers={200: shapes.CallbackPage},
    fails=(400, 422),
    parameters=[
        *described(
            state="One or several: pending, applied, late, duplicate, conflicting, invalid, ignored.",
            source="From this source.",
            type="Of this type.",
            key="With this key.",
            instance="For this instance.",
        ),
        *PAGING,
    ],
)
@api_view(["GET"])
def listed(request: Request) -> HttpResponse:
    seen_by = viewer(request)
    given = Parameters(request, ("state", "source", "type", "key", "instance", "cursor", "page_size"))
    offered: dict[UUID, list[Proposal]] = {}

    def read() -> Page[CallbackRow]:
        page = callbacks.page(
            seen_by,
            state=given.texts("state"),
            source=given.text("source"),
            kind=given.text("type"),
            key=given.text("key"),
            instance_id=given.identity("instance"),
            size=given.size(),
            cursor=given.text("cursor"),
        )
        offered.update(proposals.proposals(seen_by, [row.id for row in page.rows]))
        return page

    return answers.paged(
        request,
        shapes.CallbackPage,
        read,
        lambda row: answers.with_proposals(row, offered.get(row.id, ())),
    )


@documented(
    "Hand a message to the instance it was meant for",
    operation_id="applyCallback",
    tag="callbacks",
    takes=shapes.ApplyRequest,
    answers={200: shapes.Callback},
    fails=(404, 409),
    parameters=[IDEMPOTENCY_KEY],
    examples={
        "The ERP mistyped the key": {"reason": "Mistyped key", "instance": "01900000-0000-7000-8000-000000000000"}
    },
)
@api_view(["POST"])
@idempotent
def apply(request: Request, message_id: UUID) -> HttpResponse:
    """200 once it has decided the instance's wait; 409 if nothing waits for it or its body breaks the contract."""
    asked = bodies.read(request._request, shapes.ApplyRequest)
    chosen = _identity(asked.instance)

    def act() -> None:
        strays.apply(
            principal(request),
            message_id,
            reason=asked.reason,
            instance_id=chosen,
            correlation_id=correlation_id(request._request),
        )

    return _done(request, message_id, act)


@documented(
    "Set a message aside",
    operation_id="ignoreCallback",
    tag="callbacks",
    takes=shapes.IgnoreRequest,
    answers={200: shapes.Callback},
    fails=(404, 409),
    parameters=[IDEMPOTENCY_KEY],
    examples={"From the test system": {"reason": "Sent from the test system"}},
)
@api_view(["POST"])
@idempotent
def ignore(request: Request, message_id: UUID) -> HttpResponse:
    """200 once nobody takes it by itself any more; it can still be applied."""
    asked = bodies.read(request._request, shapes.IgnoreRequest)

    def act() -> None:
        correlation = correlation_id(request._request)
        strays.ignore(principal(request), message_id, reason=asked.reason, correlation_id=correlation)

    return _done(request, message_id, act)


def _done(request: Request, message_id: UUID, act: Callable[[], None]) -> HttpResponse:
    """The message as it is after the act. Raises the problem when it is refused."""
    seen_by = viewer(request)
    try:
        act()
    except interventions.Forbidden as refusal:
        raise ProblemError(FORBIDDEN, str(refusal)) from None
    except interventions.Unknown as error:
        raise ProblemError(NOT_FOUND, str(error)) from None
    except interventions.ReasonMissing as error:
        raise invalid("reason", str(error)) from None
    except interventions.Impossible as error:
        raise ProblemError(IMPOSSIBLE, str(error)) from None
    row = callbacks.one(seen_by, message_id)
    assert row is not None, "it was there a moment ago"
    return answers.told(answers.callback(row))


def _identity(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text is not None else None
    except ValueError:
        raise invalid("instance", "must be the id of an instance") from None
