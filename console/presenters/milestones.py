"""Picks from a history what matters to the business, newest first; repeated failures of a step become one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.presenters.names import step_name
from console.presenters.telling import actor_words, tell
from console.statuswords import capital
from workflows.core import events as e
from workflows.dsl.definition import Definition
from workflows.queries.history import HistoryEvent

#: one event as it is stored and as the core reads it
Entry = tuple[HistoryEvent, e.Event]

_BUSINESS = (
    e.InstanceStarted, e.StepSucceeded, e.StepSkipped, e.StepRefused, e.StepDropped, e.PersonAsked, e.EventPublished,
    e.AskScheduled, e.NothingHadHappened, e.TimerFired, e.DeadlineNear, e.DeadlinePassed, e.RetryRequested,
    e.InstancePaused, e.InstanceResumed, e.GenerationOpened, e.CorrectionBegan, e.CompensationSucceeded,
    e.InstanceEnded, e.LateEffectFound, e.StepParked, e.FallbackScheduled, e.ApprovalOpened, e.VoteCast,
    e.StepPassedOver, e.CorrectionWaived, e.Reassigned,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Milestone:
    """One line of the business story. `seq` is its (last) event in the history."""

    seq: int
    at: datetime
    tone: str
    words: str
    note: str = ""
    who: str = ""


#: these name their actor in their own words, as answers by message do
_NAMED = (e.InstanceStarted, e.InstancePaused, e.InstanceResumed)


def milestones(entries: Sequence[Entry], definition: Definition | None) -> list[Milestone]:
    """All milestones, newest first."""
    lines: list[list[Entry]] = []
    failing: dict[str, list[Entry]] = {}
    for entry in entries:
        source, event = entry
        if isinstance(event, e.AttemptFailed | e.AttemptLost):
            if source.step not in failing:
                failing[source.step] = []
                lines.append(failing[source.step])
            failing[source.step].append(entry)
        elif isinstance(event, _BUSINESS) and not _empty(event):
            failures = failing.pop(source.step, [])
            if isinstance(event, e.PersonAsked) and failures:
                lines = [line for line in lines if line is not failures]
                lines.append([*failures, entry])  # asking for a person tells them too
            else:
                lines.append([entry])
    lines.sort(key=lambda line: line[-1][0].seq, reverse=True)
    return [_milestone(line, definition) for line in lines]


def _empty(event: e.Event) -> bool:
    """A correction of nothing: the end says the same."""
    return isinstance(event, e.CorrectionBegan) and not event.plan and not event.awaiting


def _after(attempts: int) -> str:
    return _("(after %(n)d attempts)") % {"n": attempts}


def _milestone(line: list[Entry], definition: Definition | None) -> Milestone:
    source, event = line[-1]
    told = tell(event, definition, source)
    if isinstance(event, e.AttemptFailed | e.AttemptLost):
        name = capital(step_name(definition, source.step))
        template = ngettext("%(step)s: an attempt failed", "%(step)s: %(n)d attempts failed", len(line))
        return Milestone(source.seq, source.at, told.tone, template % {"step": name, "n": len(line)}, told.note)
    named = isinstance(event, _NAMED) or bool(getattr(event, "message", ""))
    note = told.note
    if isinstance(event, e.PersonAsked) and len(line) > 2:
        note = f"{note} {_after(len(line) - 1)}"
    who = "" if named else actor_words(source)
    return Milestone(source.seq, source.at, told.tone, told.words, note, who)
