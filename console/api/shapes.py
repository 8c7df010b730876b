"""The shapes of the API: what bodies may contain and what answers do. Unknown fields in a request are refused."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Asked(BaseModel):
    """A request body."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Told(BaseModel):
    """An answer."""

    model_config = ConfigDict(frozen=True)


Text = Annotated[str, Field(min_length=1, max_length=200)]
Reason = Annotated[str, Field(max_length=2000)]


# --- requests ---------------------------------------------------------------------------------------------------------


class StartRequest(Asked):
    """Start an instance."""

    key: Text = Field(description="The business key; equals the input's key field.")
    input: dict[str, Any] = Field(description="What the workflow's contract asks for.")
    priority: Literal["high", "normal", "low"] = "normal"
    restart: bool = Field(False, description="Open the next run of a key whose last run failed or was corrected.")


class ActionRequest(Asked):
    """Act on an instance."""

    reason: Reason = Field("", description="Why; 1 to 2,000 characters, kept in the record.")
    step: Text | None = Field(None, description="For retry, skip, complete and signal: this step.")
    data: dict[str, Any] | None = Field(
        None,
        description="For complete: the result's fields, or {evidence} for a correction made outside; for signal: the"
        " answer; for reassign: {owner}.",
    )
    revision: int | None = Field(None, ge=1, description="Refuse if the instance has moved since this revision.")


class CallbackRequest(Asked):
    """A message from outside."""

    type: Text
    key: Text = Field(description="The value that the waiting step matches by.")
    data: dict[str, Any]


class ApplyRequest(Asked):
    """Hand a message to an instance."""

    reason: Reason = Field("", description="Why; 1 to 2,000 characters, kept in the record.")
    instance: str | None = Field(
        None, description="Id of the instance; leave out for the only one that is proposed and would take it."
    )


class IgnoreRequest(Asked):
    """Set a message aside."""

    reason: Reason = Field("", description="Why; 1 to 2,000 characters, kept in the record.")


class SubscriptionRequest(Asked):
    """Receive published events over HTTP."""

    name: Text
    url: Annotated[str, Field(min_length=8, max_length=2000)]
    types: list[Text] = Field(default_factory=list, max_length=100, description="Event types; none means all.")


class ReplayRequest(Asked):
    """Send events again."""

    after: str | None = Field(None, description="Id of a published event; leave out for all that are kept.")
    reason: Reason = ""


# --- answers ----------------------------------------------------------------------------------------------------------


class FieldError(Told):
    """What is wrong with one field."""

    field: str
    message: str


class Problem(Told):
    """An error (RFC 9457). Further members may be present, such as `instance_id` on a conflict."""

    type: str
    title: str
    status: int
    detail: str
    correlation_id: str
    errors: list[FieldError] = Field(default_factory=list)


class Actor(Told):
    """Who did something. Kind is user, client, policy or system."""

    kind: str
    name: str


class WaitingOn(Told):
    """What an instance waits for: work, retry, breaker, callback, approval, timer, person or paused."""

    kind: str
    name: str
    since: datetime
    until: datetime | None


class NextAction(Told):
    """What happens next by itself: attempt, probe, ask, escalate, fire or outcome. Without a time: at once.

    A probe is made by the circuit breaker of the system that is waited for.
    """

    what: str
    at: datetime | None


class DeadlineState(Told):
    """When the whole instance should have ended. State is on_track, near or passed."""

    at: datetime
    state: str


class InstanceSummary(Told):
    """One instance as lists show it."""

    id: UUID
    workflow: str
    version: int
    key: str
    run: int
    generation: int
    priority: str
    initiator: str
    initiator_kind: str
    needs_person: bool
    correlation_id: str
    lifecycle: str
    stage: str
    status: str
    sentence: str
    customer_sentence: str
    since: datetime
    waiting_on: WaitingOn | None
    next: NextAction | None
    owner: str
    runbook: str
    dependency: str
    deadline: DeadlineState | None
    attributes: dict[str, Any]
    revision: int
    reason: str
    started_at: datetime
    updated_at: datetime
    ended_at: datetime | None


class StepCompensation(Told):
    """The correction of a step: awaiting, planned, ready, running, needs_person, done or dropped."""

    function: str
    state: str
    attempts: int
    last_error: str
    idempotency_key: str
    retry_at: datetime | None
    ended_at: datetime | None
    output: Any


class InstanceStep(Told):
    """One step. State is planned, ready, running, waiting, needs_person or how it ended.

    Inputs of more than 16 kB are folded to `{"folded": true, "bytes": …, "from": …}`.
    """

    name: str
    kind: str
    stage: str
    state: str
    status: str
    critical: bool
    dependency: str
    attempts: int
    max_attempts: int | None
    last_error: str
    error_kind: str
    idempotency_key: str
    scheduled_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    retry_at: datetime | None
    due_at: datetime | None
    rule: str
    unknown: bool
    corrected: bool
    irreversible: bool
    owner: str
    runbook: str
    input: dict[str, Any]
    output: Any
    compensation: StepCompensation | None


class AllowedAction(Told):
    """Whether the caller may do this now, or why not."""

    action: str
    allowed: bool
    reason: str


class ActionStep(Told):
    """A step that an action may mean, or why it may not."""

    step: str
    allowed: bool
    reason: str
    safety: str = Field(
        description="For a retry: safe, returns the stored outcome, unknown: check the provider first, or unsafe."
    )


class InstanceAction(AllowedAction):
    """Whether the caller may do this to the instance now, or why not."""

    safety: str = Field(description="For a retry: the worst verdict of its steps; empty for other actions.")
    steps: list[ActionStep] = Field(description="The steps it may mean, for actions that concern a step.")


class InstanceDetail(InstanceSummary):
    """One instance in full."""

    input: Any
    steps: list[InstanceStep]
    allowed_actions: list[InstanceAction]


class HistoryEvent(Told):
    """One event of an instance's append-only history."""

    seq: int
    at: datetime
    type: str
    actor: Actor
    step: str
    data: dict[str, Any]
    correlation_id: str
    generation: int


class Operation(Told):
    """An accepted act: accepted, running, then verified or failed. Evidence names the history seq that decided it."""

    id: UUID
    action: str
    instance: UUID
    actor: Actor
    reason: str
    state: str
    accepted_at: datetime
    accepted_seq: int
    decided_at: datetime | None
    evidence: dict[str, Any]
    error: str


class Callback(Told):
    """A message from outside: pending, applied, late, duplicate, conflicting, invalid or ignored."""

    id: UUID
    source: str
    webhook_id: str
    type: str
    key: str
    data: Any
    received_at: datetime
    state: str
    instance: UUID | None
    step: str
    note: str
    disposed_at: datetime | None
    correlation_id: str


class Proposal(Told):
    """An instance a message might be for. `how` is match, before, reference (by `field` of the body) or key.

    `step` waits for it now, if any does; `effect` is what handing it over would do: accepted, refused, invalid or
    nothing.
    """

    instance: UUID
    workflow: str
    key: str
    how: str
    field: str
    step: str
    effect: str
    reason: str


class CallbackWithProposals(Callback):
    """A message with the instances it might be for, the best proposal first; none once it was applied."""

    proposals: list[Proposal]


class CallbackReceipt(Told):
    """The message is stored; its state so far."""

    id: UUID
    state: str


class AuditEntry(Told):
    """Who did what; refused attempts have `allowed` false and say why."""

    id: int
    act_id: UUID
    at: datetime
    actor: Actor
    action: str
    workflow: str
    instance: UUID | None
    target: str
    allowed: bool
    refusal: str
    reason: str
    before: dict[str, Any]
    after: dict[str, Any]
    correlation_id: str
    through: str


class LedgerEntry(Told):
    """One idempotency key and its first outcome.

    Inbound: a request's, with the HTTP status of the stored answer; state is open or answered. Outbound: a step's, a
    correction's or a sub-operation's, with the stored result; state is open, succeeded, refused, needs_person, unknown,
    dropped or withdrawn.
    """

    direction: str
    scope: str
    key: str
    state: str
    request: str
    status: int | None
    workflow: str
    instance: UUID | None
    number: str
    run: int
    step: str
    operation: str
    attempts: int
    result: Any
    error: str
    began_at: datetime | None
    ended_at: datetime | None
    seq: int


class CloudEvent(Told):
    """A published milestone (CloudEvents 1.0)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    datacontenttype: str
    dataschema: str
    data: dict[str, Any]


class Subscription(Told):
    """A subscriber of published events, with its deliveries counted."""

    id: int
    name: str
    url: str
    types: list[str]
    active: bool
    created_at: datetime
    pending: int
    delivered: int
    dead: int


class NewSubscription(Subscription):
    """A new subscriber. The secret is told this once."""

    secret: str


class Replayed(Told):
    """How many events are sent again."""

    events: int


class InstancePage(Told):
    """Instances, newest first; `next` and `previous` are addresses."""

    results: list[InstanceSummary]
    next: str | None
    previous: str | None


class HistoryPage(Told):
    """Events in order; `next` and `previous` are addresses."""

    results: list[HistoryEvent]
    next: str | None
    previous: str | None


class OperationPage(Told):
    """Operations, newest first."""

    results: list[Operation]
    next: str | None
    previous: str | None


class FailurePart(Told):
    """What a cause does to one step of one process, or to the step's correction."""

    workflow: str
    step: str
    correcting: bool
    status: str
    count: int
    needs_person: int


class Failure(Told):
    """One cause of trouble, however many instances it touches.

    `cause` filters instances (`GET instances?cause=`). `kind` is failing, permanent, asked, unanswered, unknown, lost
    or other. Of `count`, `needs_person` need a person, `held_up` wait behind a circuit breaker, and the rest is tried
    again, the next at `next_at`. `state` is new, taken, waiting (for a fix) or done; `owner` is who took it, else who
    looks after the step. A cause with `count` 0 is only remembered.
    """

    cause: str
    title: str
    kind: str
    dependency: str
    count: int
    needs_person: int
    held_up: int
    first_seen: datetime | None
    last_seen: datetime | None
    next_at: datetime | None
    workflows: list[str]
    error: str
    owner: str
    runbook: str
    state: str
    note: str
    noted_by: str
    noted_at: datetime | None
    parts: list[FailurePart]


class FailurePage(Told):
    """Causes, the most pressing first."""

    results: list[Failure]
    next: str | None
    previous: str | None


class CallbackPage(Told):
    """Messages, newest first."""

    results: list[CallbackWithProposals]
    next: str | None
    previous: str | None


class AuditPage(Told):
    """Acts, newest first."""

    results: list[AuditEntry]
    next: str | None
    previous: str | None


class LedgerPage(Told):
    """Idempotency keys, newest first."""

    results: list[LedgerEntry]
    next: str | None
    previous: str | None


class EventPage(Told):
    """Published events in publishing order; follow `next` to get what comes."""

    results: list[CloudEvent]
    next: str | None
    previous: str | None


class SubscriptionPage(Told):
    """All subscribers by name."""

    results: list[Subscription]
    next: str | None
    previous: str | None
