"""What came of an accepted act."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from rest_framework.decorators import api_view
from rest_framework.request import Request

from console.api import answers, shapes
from console.api.caller import viewer
from console.api.documented import documented
from console.api.parameters import PAGING, Parameters, described
from console.api.problems import NOT_FOUND, ProblemError
from workflows.queries import operations


@documented(
    "Accepted acts, newest first",
    operation_id="listOperations",
    tag="operations",
    answers={200: shapes.OperationPage},
    fails=(400, 422),
    parameters=[*described(instance="Of this instance.", state="One or several.", actor="By this actor."), *PAGING],
)
@api_view(["GET"])
def listed(request: Request) -> HttpResponse:
    seen_by = viewer(request)
    given = Parameters(request, ("instance", "state", "actor", "cursor", "page_size"))
    return answers.paged(
        request,
        shapes.OperationPage,
        lambda: operations.page(
            seen_by,
            instance_id=given.identity("instance"),
            state=given.texts("state"),
            actor=given.text("actor"),
            size=given.size(),
            cursor=given.text("cursor"),
        ),
        answers.operation,
    )


@documented(
    "One act: accepted, running, verified or failed",
    operation_id="getOperation",
    tag="operations",
    answers={200: shapes.Operation},
    fails=(404,),
)
@api_view(["GET"])
def one(request: Request, operation_id: UUID) -> HttpResponse:
    row = operations.one(viewer(request), operation_id)
    if row is None:
        raise ProblemError(NOT_FOUND, "There is no such operation.")
    return answers.told(answers.operation(row))
