"""What a step function receives beside its inputs: the attempt it is part of, and its way to the far side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Http(Protocol):
    """An HTTP client bound to the step's dependency: base address, time-out, idempotency key, correlation id.

    4xx answers that will not change raise PermanentFailure, throttling and 5xx TemporaryFailure, a call that broke
    after it was sent OutcomeUnknown. Answers are JSON objects.
    """

    def get(self, path: str, **params: Any) -> Any:
        """GET a JSON object; None when the far side says 404."""

    def post(self, path: str, body: Any) -> Any:
        """POST a JSON object with the call's idempotency key."""


class Call(Protocol):
    """The running attempt. `key` is the same for every attempt of one generation of the step."""

    key: str
    #: for a compensation, a check or an `otherwise`: the key of the forward step
    forward_key: str
    attempt: int
    deadline: datetime
    correlation_id: str
    instance_id: str
    workflow: str
    business_key: str
    #: why the instance is being corrected, for compensations and alerts; else empty
    reason: str

    @property
    def http(self) -> Http:
        """The client of the step's dependency."""

    def once(self, name: str, function: Callable[[], T]) -> T:
        """Run a sub-operation once per key: its first JSON result is stored and returned ever after."""


@dataclass(frozen=True)
class Pending:
    """Returned by `otherwise`: the far side has no answer yet; ask again after `after` (default: the wait's length)."""

    after: timedelta | None = None
