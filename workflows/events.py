"""The envelope in which milestones leave: CloudEvents 1.0 as JSON, the same for every subscriber and for the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One published milestone. `subject` is the business key of the instance it happened to."""

    id: UUID
    workflow: str
    type: str
    schema_version: int
    subject: str
    at: datetime
    data: Mapping[str, Any]
    correlation_id: str = ""
    traceparent: str = ""

    def cloud_event(self) -> dict[str, Any]:
        """CloudEvents 1.0 JSON. Attributes that are empty are left out, as the specification asks."""
        event = {
            "specversion": "1.0",
            "id": str(self.id),
            "source": f"/workflows/{self.workflow}",
            "type": self.type,
            "subject": self.subject,
            "time": self.at.isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "dataschema": f"/schemas/{self.type}/{self.schema_version}",
            "correlationid": self.correlation_id,
            "traceparent": self.traceparent,
            "data": dict(self.data),
        }
        return {name: value for name, value in event.items() if value != ""}
