"""The few events of a history that people tell each other about, each in a short plain sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from console.statuswords import activity, capital, words
from workflows.dsl import Definition
from workflows.queries.history import HistoryEvent


@dataclass(frozen=True, slots=True)
class Milestone:
    """Something that happened, when, and who caused it (empty: the process itself)."""

    at: datetime
    text: str
    by: str
    seq: int


def milestones(history: Iterable[HistoryEvent], definition: Definition | None) -> Iterator[Milestone]:
    """The milestones among these events, in their order. Without a definition the names of steps have to do."""
    for event in history:
        text = _text(event, definition)
        if text:
            by = event.actor if event.actor_kind in ("user", "client", "policy") else ""
            yield Milestone(event.at, text, by, event.seq)


def _text(event: HistoryEvent, definition: Definition | None) -> str:
    data, step = event.data, event.step
    reason = {"reason": str(data.get("reason", "")), "what": _activity(step, definition)}
    match event.type:
        case "InstanceStarted":
            return _("Received")
        case "StepSucceeded":
            return _passed(step, definition)
        case "StepRefused":
            return capital(_("%(what)s: refused. %(reason)s") % reason)
        case "StepDropped":
            return capital(_("%(what)s given up: %(reason)s") % reason)
        case "PersonAsked":
            return capital(_("%(what)s needs a person: %(reason)s") % reason)
        case "EventPublished":
            return _("Announced: %(what)s") % {"what": words(str(data.get("event_type", "")))}
        case "TimerFired":
            return capital(_("%(what)s: the time came") % reason)
        case "DeadlineNear":
            return _("The deadline is near")
        case "DeadlinePassed":
            return _("The deadline has passed")
        case "RetryRequested":
            return capital(_("%(what)s: another attempt was asked for. %(reason)s") % reason)
        case "InstancePaused":
            return _("Paused. %(reason)s") % reason
        case "InstanceResumed":
            return _("Resumed. %(reason)s") % reason
        case "CorrectionBegan" if data.get("plan") or data.get("awaiting"):
            return _("Correction began: %(reason)s") % reason
        case "CompensationSucceeded":
            return capital(_("%(what)s was corrected") % {"what": words(step)})
        case "InstanceEnded":
            return _("Ended: %(what)s") % {"what": words(str(data.get("status", "")))}
    return ""


def _passed(step: str, definition: Definition | None) -> str:
    """The declared name of the success; steps without a status of their own are no milestones."""
    node = definition.by_name.get(step) if definition else None
    if definition is None:
        return capital(words(step))
    return capital(words(node.status.done)) if node is not None and node.status is not None else ""


def _activity(step: str, definition: Definition | None) -> str:
    node = definition.by_name.get(step) if definition else None
    return activity(node.status.pending) if node is not None and node.status is not None else words(step)
