"""Tells what came in from outside for an instance, and what became of it: taken, doubled, early, late, refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from console.presenters.names import step_name
from console.statuswords import capital
from workflows.dsl.definition import Definition
from workflows.queries.callbacks import CallbackRow
from workflows.queries.late import Late


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message or late result."""

    at: datetime
    tone: str
    words: str
    note: str
    #: the sender's id of a message, or the lease token of an attempt
    id: str


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Everything that arrived, as it is stored."""

    messages: list[CallbackRow]
    late: list[Late]
    definition: Definition | None

    def told(self) -> list[Arrival]:
        """All of it in words, newest first."""
        told = [_message(row) for row in self.messages] + [_late(row, self.definition) for row in self.late]
        return sorted(told, key=lambda arrival: arrival.at, reverse=True)


def _message(row: CallbackRow) -> Arrival:
    about = {"type": row.type, "source": row.source}
    said = {
        "applied": ("ok", _("%(type)s from %(source)s was taken into account")),
        "pending": ("wait", _("%(type)s from %(source)s waits until somebody asks for it")),
        "late": ("skipped", _("%(type)s from %(source)s came too late and changed nothing")),
        "duplicate": ("skipped", _("%(type)s from %(source)s said the same again and changed nothing")),
        "conflicting": ("person", _("%(type)s from %(source)s contradicts an earlier one and changed nothing")),
        "invalid": ("failed", _("%(type)s from %(source)s could not be read")),
        "ignored": ("skipped", _("%(type)s from %(source)s was set aside by a person")),
    }
    tone, words = said.get(row.state, ("wait", "%(type)s"))
    return Arrival(row.received_at, tone, words % about, row.note, row.webhook_id)


def _late(row: Late, definition: Definition | None) -> Arrival:
    about = {"step": capital(step_name(definition, row.step))}
    used = row.disposition == "used"
    words = (
        _("%(step)s: a result came after the attempt had been given up, and was used")
        if used
        else _("%(step)s: a result came after the attempt had been given up, and changed nothing")
    )
    token = _("lease token %(n)s") % {"n": row.token}
    return Arrival(row.at, "unknown" if used else "skipped", words % about, row.outcome, token)
