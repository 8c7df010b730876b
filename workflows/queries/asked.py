"""Why a person was asked: the newest request of each instance, with what was found out for whoever answers it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from workflows.models import Event
from workflows.queries.details import definition_of
from workflows.queries.history import HistoryEvent, redacted
from workflows.queries.instances import InstanceRow
from workflows.queries.visibility import Viewer


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One `PersonAsked`. `code` says what kind of help is needed, `evidence` what was found out."""

    at: datetime
    step: str
    code: str
    reason: str
    correcting: bool
    #: what was tried may have had its effect
    unsure: bool
    evidence: Mapping[str, Any]


_COLUMNS = tuple(one.name for one in fields(HistoryEvent))


def requests(viewer: Viewer, rows: Collection[InstanceRow]) -> dict[UUID, Request]:
    """What was asked about the present step of each of these instances. One query, none without rows."""
    by_id = {row.id: row for row in rows}
    if not by_id:
        return {}
    asked = Event.objects.filter(instance_id__in=list(by_id), type="PersonAsked").order_by("instance_id", "seq")
    found: dict[UUID, Request] = {}
    for values in asked.values("instance_id", *_COLUMNS):
        row = by_id[values.pop("instance_id")]
        event = HistoryEvent(**values)
        if event.step == row.step:
            found[row.id] = _request(row, event, viewer)
    return found


def _request(row: InstanceRow, event: HistoryEvent, viewer: Viewer) -> Request:
    seen = event if viewer.may_unmask(row.workflow) else redacted(event, definition_of(row))
    data, evidence = seen.data, seen.data.get("evidence")
    return Request(
        at=seen.at,
        step=seen.step,
        code=str(data.get("code", "")),
        reason=str(data.get("reason", "")),
        correcting=data.get("direction") == "compensate",
        unsure=bool(data.get("may_have_happened")),
        evidence=evidence if isinstance(evidence, Mapping) else {},
    )
