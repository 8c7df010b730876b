"""The declared processes, and the way to start one."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from math import ceil
from typing import Any

from django.http import HttpResponse
from rest_framework.decorators import api_view
from rest_framework.request import Request

from console.api import answers, bodies, shapes, workflowshapes
from console.api.caller import principal, viewer
from console.api.documented import IDEMPOTENCY_KEY, documented
from console.api.idempotent import idempotent
from console.api.parameters import Parameters
from console.api.problems import FORBIDDEN, INTAKE_PAUSED, KEY_CONFLICT, NOT_FOUND, ProblemError, several
from console.api.views.instances import told_in_full
from console.correlation import correlation_id
from workflows import interventions
from workflows.engine import clock
from workflows.engine.intake import Conflict, InvalidInput
from workflows.queries import definitions, governance
from workflows.queries.definitions import Declared
from workflows.queries.governance import Decided, Pause
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
    answers={200: workflowshapes.WorkflowPage},
)
@api_view(["GET"])
def workflows(request: Request) -> HttpResponse:
    seen_by = viewer(request)
    Parameters(request, ())
    decided = governance.decided(seen_by, clock.now())
    results = [_told(declared, decided[declared.name]) for declared in definitions.newest(seen_by)]
    return answers.told(workflowshapes.WorkflowPage(results=results, next=None, previous=None))


@documented(
    "One process in its newest version",
    operation_id="getWorkflow",
    tag="workflows",
    answers={200: workflowshapes.WorkflowDefinition},
    fails=(404,),
)
@api_view(["GET"])
def workflow(request: Request, name: str) -> HttpResponse:
    return told(viewer(request), name)


@documented(
    "One version of a process",
    operation_id="getWorkflowVersion",
    tag="workflows",
    answers={200: workflowshapes.WorkflowDefinition},
    fails=(404,),
)
@api_view(["GET"])
def version(request: Request, name: str, number: int) -> HttpResponse:
    return told(viewer(request), name, number)


@documented(
    "Start an instance",
    operation_id="startInstance",
    tag="workflows",
    takes=shapes.StartRequest,
    answers={201: shapes.InstanceDetail, 200: shapes.InstanceDetail},
    fails=(404, 409, 503),
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
        raise ProblemError(INTAKE_PAUSED, str(error), retry_after=_seconds(error.until)) from None
    except InvalidInput as error:
        raise several([(_field(problem.field), problem.message) for problem in error.problems]) from None
    except Conflict as error:
        extra = {"instance_id": str(error.instance_id)} if error.instance_id else {}
        raise ProblemError(KEY_CONFLICT, _sentence(error), extra=extra) from None
    return told_in_full(request, _starter(request, name), started.id, status=201 if started.new else 200)


def _seconds(until: datetime | None) -> int | None:
    """How long it is until then, at least a second."""
    return max(1, ceil((until - clock.now()).total_seconds())) if until else None


def _starter(request: Request, name: str) -> Viewer:
    """Whoever may start sees what they started, also with a token that is good for nothing else."""
    return Viewer(frozenset({name}), interventions.viewer(principal(request)).unmasked)


def _field(name: str) -> str:
    """Where in the body the field is: `key` and `priority` stand beside the input."""
    return name if name in ("key", "priority", "input") else f"input.{name}"


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def told(seen_by: Viewer, name: str, version: int | None = None) -> HttpResponse:
    """A process, in its newest version unless one is named. Raises the problem if there is none for the viewer."""
    declared = definitions.one(seen_by, name, version)
    if declared is None:
        raise ProblemError(NOT_FOUND, "There is no such workflow, or not in this version.")
    return answers.told(_told(declared, governance.decided(seen_by, clock.now())[name]))


def _told(declared: Declared, decided: Decided) -> workflowshapes.WorkflowDefinition:
    pause = decided.pause
    return workflowshapes.WorkflowDefinition(
        **declared.described,
        versions=list(declared.versions),
        fingerprint=declared.fingerprint,
        rollout=workflowshapes.Rollout(**asdict(decided.share)),
        intake=workflowshapes.Intake(state="paused" if pause else "open", **_pause(pause)),
    )


def _pause(pause: Pause | None) -> dict[str, Any]:
    return asdict(pause) if pause else {"until": None, "by": "", "reason": "", "at": None}
