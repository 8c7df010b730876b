"""Messages from outside: taken in signed and stored, and the inbox they end up in."""

from __future__ import annotations

import json

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.request import Request

from console.api import answers, bodies, shapes
from console.api.caller import viewer
from console.api.documented import documented
from console.api.parameters import PAGING, Parameters, described
from console.api.problems import UNAUTHENTICATED, ProblemError
from console.api.signatures import HEADERS, verified_id
from console.correlation import correlation_id
from workflows.engine import inbox
from workflows.queries import callbacks


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
    return answers.paged(
        request,
        shapes.CallbackPage,
        lambda: callbacks.page(
            seen_by,
            state=given.texts("state"),
            source=given.text("source"),
            kind=given.text("type"),
            key=given.text("key"),
            instance_id=given.identity("instance"),
            size=given.size(),
            cursor=given.text("cursor"),
        ),
        answers.callback,
    )
