"""Business statuses: the declared names of everything an instance can be, as people say it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from workflows.dsl.errors import DefinitionError

_CAMEL = re.compile(r"[A-Z][A-Za-z0-9]*")

RECEIVED = "Received"
COMPENSATING = "CompensationInProgress"
HUMAN = "PendingHumanDecision"


@dataclass(frozen=True)
class Status:
    """The names one step gives an instance; each has a default made from `name` and can be replaced."""

    name: str
    pending: str = ""
    waiting: str = ""
    retrying: str = ""
    unavailable: str = ""
    failed: str = ""
    done: str = ""
    refused: str = ""

    def __post_init__(self) -> None:
        defaults = {
            "pending": "Pending",
            "waiting": "Pending",
            "retrying": "Retrying",
            "unavailable": "Unavailable",
            "failed": "Failed",
            "done": "Passed",
            "refused": "Refused",
        }
        for field, suffix in defaults.items():
            object.__setattr__(self, field, getattr(self, field) or f"{self.name}{suffix}")
        for value in self.names():
            if not _CAMEL.fullmatch(value):
                raise DefinitionError(f"status {value!r} must be CamelCase, for example FraudCheckPending")
        if not self.unavailable.endswith("Unavailable"):
            raise DefinitionError(f"status {self.unavailable!r} must end in Unavailable")

    def names(self) -> tuple[str, ...]:
        """Every status this step can give, without repetitions, in the order of a step's life."""
        every = (self.pending, self.waiting, self.retrying, self.unavailable, self.failed, self.done, self.refused)
        return tuple(dict.fromkeys(every))


@dataclass(frozen=True, kw_only=True)
class Endings:
    """The status an instance ends in, for each way to end."""

    completed: str = "Completed"
    compensated: str = "Corrected"
    cancelled: str = "Cancelled"
    failed: str = "Failed"

    def names(self) -> tuple[str, ...]:
        """The four ending statuses."""
        return (self.completed, self.compensated, self.cancelled, self.failed)
