"""What is wrong now, one row per cause, with what people know about it."""

from __future__ import annotations

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework.decorators import api_view
from rest_framework.request import Request

from console.api import answers, shapes
from console.api.caller import viewer
from console.api.documented import documented
from console.api.parameters import Parameters, described
from console.api.problems import invalid
from workflows.engine import clock
from workflows.queries import failures, trouble


@documented(
    "Causes of trouble, the most pressing first",
    operation_id="listFailures",
    tag="failures",
    answers={200: shapes.FailurePage},
    fails=(422,),
    parameters=[
        *described(cause="Only this cause."),
        OpenApiParameter("done", bool, description="True: also those marked done that nothing hangs on."),
    ],
)
@api_view(["GET"])
def listed(request: Request) -> HttpResponse:
    """All of them on one page: there are as many causes as things that can break, not as many as instances."""
    seen_by = viewer(request)
    given = Parameters(request, ("cause", "done"))
    only = trouble.parse(given.text("cause"))
    if given.text("cause") and only is None:
        raise invalid("cause", "must be a cause as this list tells it")
    found = failures.failures(seen_by, clock.now(), only=only, done=bool(given.truth("done")))
    results = [answers.failure(one) for one in found]
    return answers.told(shapes.FailurePage(results=results, next=None, previous=None))
