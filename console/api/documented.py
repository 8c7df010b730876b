"""Describes an address for the schema: what it takes, what it answers, and how it can fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from pydantic import BaseModel

from console.api import shapes
from console.api.problems import CONTENT_TYPE, TYPES

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="The same key and body get the first answer again."
)
CORRELATION_ID = OpenApiParameter(
    "X-Correlation-ID", str, OpenApiParameter.HEADER, description="1 to 128 visible ASCII characters; made if absent."
)


class BearerTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Says in the schema how tokens are sent."""

    target_class = "console.api.caller.BearerToken"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "A token made by `manage.py token USER`."}


def documented(
    summary: str,
    *,
    tag: str,
    answers: dict[int, type[BaseModel]],
    fails: tuple[int, ...] = (),
    takes: type[BaseModel] | None = None,
    parameters: list[OpenApiParameter] | None = None,
    examples: dict[str, Any] | None = None,
    operation_id: str,
    open_to_all: bool = False,
    method: str = "",
) -> Callable[..., Any]:
    """The schema of one address and method. `examples` are request bodies by name.

    A view of several methods is documented once per `method`.
    """
    problems = {*fails, *(() if open_to_all else (401, 403)), *((400, 413, 415, 422) if takes else ())}
    responses: dict[Any, Any] = {status: OpenApiResponse(shape) for status, shape in answers.items()}
    responses |= {(status, CONTENT_TYPE): OpenApiResponse(shapes.Problem, _titles(status)) for status in problems}
    decorate: Callable[..., Any] = extend_schema(
        methods=[method] if method else None,
        operation_id=operation_id,
        summary=summary,
        tags=[tag],
        request={"application/json": takes} if takes else None,
        responses=responses,
        parameters=[*(parameters or []), CORRELATION_ID],
        examples=[
            OpenApiExample(name, value=value, request_only=True, media_type="application/json")
            for name, value in (examples or {}).items()
        ],
    )
    return decorate


def _titles(status: int) -> str:
    return "; ".join(kind.title for kind in TYPES.values() if kind.status == status)
