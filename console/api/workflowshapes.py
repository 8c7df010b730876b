"""The shapes of processes in the API: definitions, the versions new instances take, and whether any are taken in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from console.api.shapes import Asked, Reason, Told


class RolloutRequest(Asked):
    """Choose the version that new instances take."""

    stable: int = Field(ge=1, description="The version for everybody else.")
    candidate: int | None = Field(None, ge=1, description="Another version that takes a share of the keys.")
    percent: int = Field(0, ge=0, le=100, description="The candidate's share.")
    reason: Reason = Field("", description="Why; 1 to 2,000 characters, kept in the record.")


class IntakeRequest(Asked):
    """Stop or resume taking in new instances."""

    reason: Reason = Field("", description="Why; 1 to 2,000 characters, kept in the record.")
    until: str | None = Field(
        None, description="For a pause: when it ends by itself, at most 7 days ahead; an hour from now if left out."
    )


class Rollout(Told):
    """The versions new instances take. Without a decision (`by` is empty) it is the newest for all of them."""

    stable: int
    candidate: int | None
    percent: int
    by: str
    reason: str
    at: datetime | None


class Intake(Told):
    """Whether new instances are taken in: open, or paused until a time by somebody for a reason."""

    state: str
    until: datetime | None
    by: str
    reason: str
    at: datetime | None


class WorkflowDefinition(Told):
    """A process: stages, steps, edges, statuses, dependencies, contracts."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str
    version: int
    versions: list[int]
    title: str
    noun: str
    owner: str
    runbook: str
    fingerprint: str
    stages: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    edges: list[dict[str, Any]]
    statuses: list[str]
    dependencies: list[dict[str, Any]]
    rollout: Rollout
    intake: Intake


class WorkflowPage(Told):
    """All processes by name."""

    results: list[WorkflowDefinition]
    next: str | None
    previous: str | None
