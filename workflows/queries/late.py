"""What attempts reported after they had lost their lease."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from workflows.models import LateResult
from workflows.queries.visibility import Viewer, through_instance


@dataclass(frozen=True, slots=True)
class Late:
    """One late report. `outcome` is succeeded, failed or refused; `disposition` used or ignored."""

    at: datetime
    step: str
    direction: str
    token: int
    outcome: str
    disposition: str


def results(viewer: Viewer, instance_id: UUID, *, most: int = 50) -> list[Late]:
    """The newest late reports about one instance, newest first."""
    found = through_instance(viewer, LateResult.objects.filter(instance_id=instance_id)).order_by("-id")[:most]
    return [Late(*values) for values in found.values_list("at", "step", "direction", "token", "outcome", "disposition")]
