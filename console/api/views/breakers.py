"""Circuit breakers: how they stand, how they got there, and what may be done to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework.decorators import api_view
from rest_framework.request import Request

from breakers import policies
from breakers.machine import Policy, State
from breakers.queries import Move, Standing
from console.api import answers, bodies, breakershapes, shapes
from console.api.caller import principal, viewer
from console.api.documented import IDEMPOTENCY_KEY, documented
from console.api.idempotent import idempotent
from console.api.parameters import PAGING, Parameters, described, moment
from console.api.problems import FORBIDDEN, IMPOSSIBLE, NOT_FOUND, ProblemError, invalid
from console.correlation import correlation_id
from workflows import interventions
from workflows.engine import clock
from workflows.interventions import breaking
from workflows.queries import dependencies
from workflows.queries.dependencies import DependencyRow


@documented(
    "Circuit breakers by name",
    operation_id="listBreakers",
    tag="breakers",
    answers={200: breakershapes.BreakerPage},
    fails=(400, 422),
    parameters=[*described(state="One or several, separated by commas."), *PAGING],
)
@api_view(["GET"])
def listed(request: Request) -> HttpResponse:
    seen_by, now = viewer(request), clock.now()
    given = Parameters(request, ("state", "cursor", "page_size"))
    states = given.texts("state")
    for state in states:
        if state not in set(State):
            raise invalid("state", f"must be one of {', '.join(State)}")
    return answers.paged(
        request,
        breakershapes.BreakerPage,
        lambda: dependencies.page(seen_by, now, states=states, size=given.size(), cursor=given.text("cursor")),
        lambda row: breakershapes.Breaker(**_told(row)),
    )


@documented(
    "One circuit breaker: how it stands and what may be done",
    operation_id="getBreaker",
    tag="breakers",
    method="GET",
    answers={200: breakershapes.BreakerDetail},
    fails=(404,),
)
@documented(
    "Tune a circuit breaker",
    operation_id="tuneBreaker",
    tag="breakers",
    method="PATCH",
    takes=breakershapes.TuningRequest,
    answers={200: breakershapes.BreakerDetail},
    fails=(404, 409),
    parameters=[IDEMPOTENCY_KEY],
    examples={"Open sooner": {"failure_share": 0.3, "open_for": 30, "reason": "They asked us to be careful"}},
)
@api_view(["GET", "PATCH"])
@idempotent
def one(request: Request, name: str) -> HttpResponse:
    if request.method == "PATCH":
        asked = bodies.read(request._request, breakershapes.TuningRequest)
        changes = asked.changes()
        if not changes:
            raise invalid("policy", f"nothing is to be changed (there are {', '.join(policies.NAMES)})")
        _asked(lambda **who: breaking.tune(principal(request), name, changes, reason=asked.reason, **who), request)
    return _in_full(request, name)


@documented(
    "How a circuit breaker got where it is, newest first",
    operation_id="listBreakerTransitions",
    tag="breakers",
    answers={200: breakershapes.TransitionPage},
    fails=(400, 404, 422),
    parameters=PAGING,
)
@api_view(["GET"])
def moves(request: Request, name: str) -> HttpResponse:
    seen_by = viewer(request)
    given = Parameters(request, ("cursor", "page_size"))
    if not (dependencies.is_visible(seen_by, name) and dependencies.has_breaker(name)):
        raise _unknown()
    return answers.paged(
        request,
        breakershapes.TransitionPage,
        lambda: dependencies.transitions(name, size=given.size(), cursor=given.text("cursor")),
        _transition,
    )


@documented(
    "Reset, hold or release a circuit breaker",
    operation_id="actOnBreaker",
    tag="breakers",
    takes=breakershapes.BreakerRequest,
    answers={200: breakershapes.BreakerDetail},
    fails=(404, 409),
    parameters=[
        IDEMPOTENCY_KEY,
        OpenApiParameter("action", str, OpenApiParameter.PATH, enum=list(breaking.ACTIONS)),
    ],
    examples={"Maintenance": {"reason": "The provider is being updated", "until": "2026-01-31T12:00:00Z"}},
)
@api_view(["POST"])
@idempotent
def act(request: Request, name: str, action: str) -> HttpResponse:
    asked = bodies.read(request._request, breakershapes.BreakerRequest)
    until = moment("until", asked.until or "")
    _asked(
        lambda **who: breaking.act(principal(request), action, name, reason=asked.reason, until=until, **who), request
    )
    return _in_full(request, name)


def _asked(do: Callable[..., None], request: Request) -> None:
    """Do it. Raises the problem when it is refused."""
    try:
        do(correlation_id=correlation_id(request._request))
    except interventions.Forbidden as refusal:
        raise ProblemError(FORBIDDEN, str(refusal)) from None
    except interventions.Unknown as error:
        raise ProblemError(NOT_FOUND, str(error)) from None
    except interventions.ReasonMissing as error:
        raise invalid("reason", str(error)) from None
    except interventions.Odd as error:
        raise invalid(error.field, error.message) from None
    except interventions.Impossible as error:
        raise ProblemError(IMPOSSIBLE, str(error)) from None


def _in_full(request: Request, name: str) -> HttpResponse:
    row = dependencies.one(viewer(request), name, clock.now())
    if row is None or row.breaker is None:
        raise _unknown()
    verdicts = breaking.allowed_actions(principal(request), row.breaker.state)
    allowed = [shapes.AllowedAction(**asdict(one)) for one in verdicts]
    return answers.told(breakershapes.BreakerDetail(**_told(row), allowed_actions=allowed))


def _told(row: DependencyRow) -> dict[str, Any]:
    standing = row.breaker
    assert standing is not None, "only dependencies with a breaker are told"
    straight = (
        "name", "since", "failure_share", "slow_share", "calls", "consecutive", "refused", "refused_total",
        "next_probe_at", "last_error", "generation",
    )  # fmt: skip
    return {
        **{name: getattr(standing, name) for name in straight},
        "state": str(standing.state),
        "held_up": row.held_up,
        "probes_under_way": standing.probing,
        "override": _override(standing),
        "policy": _policy(standing.policy),
        "declared": _policy(standing.declared),
        "tuned": list(standing.tuned),
    }


def _override(standing: Standing) -> breakershapes.Override | None:
    hold = standing.hold
    return breakershapes.Override(by=hold.by, until=hold.until, reason=hold.reason) if hold else None


def _policy(policy: Policy) -> breakershapes.BreakerPolicy:
    return breakershapes.BreakerPolicy(**policies.dump(policy))


def _transition(move: Move) -> breakershapes.Transition:
    values = asdict(move)
    return breakershapes.Transition(**{name: values[name] for name in breakershapes.Transition.model_fields})


def _unknown() -> ProblemError:
    return ProblemError(NOT_FOUND, "There is no such breaker.")
