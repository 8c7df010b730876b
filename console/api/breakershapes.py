"""The shapes of circuit breakers in the API: what may be asked of them and how they are told."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from console.api.shapes import AllowedAction, Asked, Reason, Told

Seconds = Annotated[float | None, Field(description="Seconds; null takes it back to what is declared.")]
Count = Annotated[int | None, Field(description="A count; null takes it back to what is declared.")]
Number = Annotated[float | None, Field(description="A number; null takes it back to what is declared.")]


class BreakerRequest(Asked):
    """Act on a breaker."""

    reason: Reason = Field("", description="Why; 1 to 2,000 characters, kept in the record.")
    until: str | None = Field(
        None, description="For holds: when it ends by itself, at most 7 days ahead; an hour from now if left out."
    )


class TuningParts(Asked):
    """Parts of a breaker's rule that are to be changed."""

    consecutive: Count = None
    failure_share: Number = None
    minimum_calls: Count = None
    window: Seconds = None
    open_for: Seconds = None
    open_cap: Seconds = None
    probes: Count = None
    successes: Count = None
    drain_per_second: Number = None
    slow_after: Seconds = None


class TuningRequest(TuningParts):
    """Tune a breaker: parts of its rule, directly or under `policy`, as a breaker tells it."""

    reason: Reason = Field("", description="Why; 1 to 2,000 characters, kept in the record.")
    policy: TuningParts | None = None

    def changes(self) -> dict[str, float | int | None]:
        """What was asked for; None where a part goes back to what is declared."""
        given = {part: getattr(self, part) for part in self.model_fields_set - {"reason", "policy"}}
        below = self.policy
        return {**({part: getattr(below, part) for part in below.model_fields_set} if below else {}), **given}


class BreakerPolicy(Told):
    """When a breaker opens and how it comes back. Lengths of time are seconds."""

    consecutive: int = Field(description="It opens after so many technical failures in a row,")
    failure_share: float = Field(description="or when at least this share")
    minimum_calls: int = Field(description="of at least so many calls")
    window: float = Field(description="within this time failed.")
    open_for: float = Field(description="It stays open for so long, twice as long after every failed probe,")
    open_cap: float = Field(description="but no longer than this.")
    probes: int = Field(description="Then so many calls at a time may try;")
    successes: int = Field(description="so many successful ones close it.")
    drain_per_second: float = Field(description="What was held up comes back at this pace.")
    slow_after: float = Field(description="A call that takes longer counts as slow.")


class Override(Told):
    """Somebody holds the breaker where it is; it ends by itself."""

    by: str
    until: datetime
    reason: str


class Breaker(Told):
    """The circuit breaker of one dependency. Shares are 0 to 1 of `calls`, within the policy's window."""

    name: str
    state: Literal["closed", "open", "half_open", "held_open", "held_closed", "disabled", "observing"]
    since: datetime
    failure_share: float
    slow_share: float
    calls: int
    consecutive: int = Field(description="Technical failures since the last success.")
    refused: int = Field(description="Calls that were not made since it opened.")
    refused_total: int = Field(description="Calls that were ever refused.")
    held_up: int = Field(description="Instances whose work waits for it, counted up to 10,000.")
    next_probe_at: datetime | None
    probes_under_way: int
    override: Override | None
    last_error: str = Field(description="What the dependency last answered instead of doing its work.")
    policy: BreakerPolicy
    declared: BreakerPolicy
    tuned: list[str] = Field(description="Parts of the policy that differ from what is declared.")
    generation: int = Field(description="Grows by one with every transition.")


class BreakerDetail(Breaker):
    """One breaker and what the caller may do."""

    allowed_actions: list[AllowedAction]


class Transition(Told):
    """One change of a breaker's state. Actor and reason are empty for what it did by itself."""

    generation: int
    at: datetime
    was: str
    became: str
    cause: str
    actor: str
    reason: str


class BreakerPage(Told):
    """Breakers by name."""

    results: list[Breaker]
    next: str | None
    previous: str | None


class TransitionPage(Told):
    """Transitions, newest first."""

    results: list[Transition]
    next: str | None
    previous: str | None
