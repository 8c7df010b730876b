"""The declared processes, and the way to start one."""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.decorators import api_view
from rest_framework.request import Request

from console.api import answers, bodies, shapes
from console.api.caller import principal, viewer
from console.api.documented import IDEMPOTENCY_KEY, documented
from console.api.idempotent import idempotent
from console.api.parameters import Parameters
from console.api.problems import FORBIDDEN, INTAKE_PAUSED, KEY_CONFLICT, NOT_FOUND, ProblemError, several
from console.api.views.instances import told_in_full
from console.correlation import correlation_id
from workflows import interventions
from workflows.engine.intake import Conflict, InvalidInput
from workflows.queries import definitions
from workflows.queries.definitions import Declared
from workflows.queries.visibility import Viewer
from workflows.registry import UnknownWorkflow

EXAMPLE = {
    "key": "536365",
    "input": {
        "order_id": "536365",
        "placed_at": "2010-12-01T08:26:00Z",
        "customer_id": "17850",
        "country": "United Kingdom",
        "currency": "GBP",
        "cancellation": False,
        "total": 15.3,
        "lines": [{"sku": "85123A", "description": "WHITE HANGING HEART", "quantity": 6, "unit_price": 2.55}],
    },
}


@documented(
    "All processes, newest version each",
    operation_id="listWorkflows",
    tag="workflows",
    answers={200: shapes.WorkflowPage},
)
@api_view(["GET"])
def workflows(request: Request) -> HttpResponse:
    seen_by = viewer(request)
    Parameters(request, ())
    results = [_told(declared) for declared in definitions.newest(seen_by)]
    return answers.told(shapes.WorkflowPage(results=results, next=None, previous=None))


@documented(
    "One process in its newest version",
    operation_id="getWorkflow",
    tag="workflows",
    answers={200: shapes.WorkflowDefinition},
    fails=(404,),
)
@api_view(["GET"])
def workflow(request: Request, name: str) -> HttpResponse:
    return _one(definitions.one(viewer(request), name))


@documented(
    "One version of a process",
    operation_id="getWorkflowVersion",
    tag="workflows",
    answers={200: shapes.WorkflowDefinition},
    fails=(404,),
)
@api_view(["GET"])
def version(request: Request, name: str, number: int) -> HttpResponse:
    return _one(definitions.one(viewer(request), name, number))


@documented(
    "Start an instance",
    operation_id="startInstance",
    tag="workflows",
    takes=shapes.StartRequest,
    answers={201: shapes.InstanceDetail, 200: shapes.InstanceDetail},
    fails=(404, 409),
    parameters=[IDEMPOTENCY_KEY],
    examples={"An order": EXAMPLE},
)
@api_view(["POST"])
@idempotent
def start(request: Request, name: str) -> HttpResponse:
    """201 with the new instance; 200 with the existing one for the same key and input; 409 for another input."""
    asked = bodies.read(request._request, shapes.StartRequest)
    try:
        started = interventions.start(
            principal(request),
            name,
            asked.input,
            correlation_id=correlation_id(request._request),
            key=asked.key,
            priority=asked.priority,
            restart=asked.restart,
        )
    except interventions.Forbidden as refusal:
        raise ProblemError(FORBIDDEN, str(refusal)) from None
    except UnknownWorkflow as error:
        raise ProblemError(NOT_FOUND, _sentence(error)) from None
    except interventions.IntakePaused as error:
        raise ProblemError(INTAKE_PAUSED, str(error)) from None
    except InvalidInput as error:
        raise several([(_field(problem.field), problem.message) for problem in error.problems]) from None
    except Conflict as error:
        extra = {"instance_id": str(error.instance_id)} if error.instance_id else {}
        raise ProblemError(KEY_CONFLICT, _sentence(error), extra=extra) from None
    return told_in_full(request, _starter(request, name), started.id, status=201 if started.new else 200)


def _starter(request: Request, name: str) -> Viewer:
    """Whoever may start sees what they started, also with a token that is good for nothing else."""
    return Viewer(frozenset({name}), interventions.viewer(principal(request)).unmasked)


def _field(name: str) -> str:
    """Where in the body the field is: `key` and `priority` stand beside the input."""
    return name if name in ("key", "priority", "input") else f"input.{name}"


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def _one(declared: Declared | None) -> HttpResponse:
    if declared is None:
        raise ProblemError(NOT_FOUND, "There is no such workflow, or not in this version.")
    return answers.told(_told(declared))


def _told(declared: Declared) -> shapes.WorkflowDefinition:
    beside = {"versions": list(declared.versions), "fingerprint": declared.fingerprint}
    return shapes.WorkflowDefinition(**declared.described, **beside)
