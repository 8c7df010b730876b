"""Tells what people asked for and what came of it: accepted, running, verified by the history, or not done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from console.statuswords import capital, words
from workflows.queries.operations import OperationRow


@dataclass(frozen=True, slots=True)
class Act:
    """One accepted operation and what came of it."""

    id: UUID
    tone: str
    title: str
    word: str
    who: str
    reason: str
    note: str
    at: datetime
    #: history seq that decided it, 0 before
    seq: int


def act(operation: OperationRow, noun: str) -> Act:
    """The operation in words."""
    tones = {"accepted": "wait", "running": "here", "verified": "ok", "failed": "failed"}
    evidence = dict(operation.evidence)
    return Act(
        id=operation.id,
        tone=tones.get(operation.state, "wait"),
        title=_act_title(operation.action, noun),
        word=_act_word(operation.action, operation.state),
        who=operation.actor,
        reason=operation.reason,
        note=operation.error or _evidence_words(evidence.get("status")),
        at=operation.decided_at or operation.accepted_at,
        seq=int(evidence.get("seq", 0)),
    )


def _evidence_words(status: object) -> str:
    return _("After that it was: %(status)s.") % {"status": words(str(status))} if status else ""


def _act_title(action: str, noun: str) -> str:
    match action:
        case "retry":
            return _("Another attempt")
        case "skip":
            return _("Passing over")
        case "complete":
            return _("Entered by hand")
        case "signal":
            return _("Answer handed over")
        case "reassign":
            return _("New owner")
        case "pause":
            return _("Pause")
        case "resume":
            return _("Resumption")
        case "cancel":
            return _("Cancellation of this %(noun)s") % {"noun": noun}
        case "compensate":
            return _("Correction of what was done")
        case "apply":
            return _("Hand-over of an answer")
    return capital(words(action))


def _act_word(action: str, state: str) -> str:
    match state:
        case "accepted":
            return _("accepted; nothing has moved yet")
        case "running":
            return _("running")
        case "verified":
            return _("verified")
    return _("failed again") if action == "retry" else _("did not work")
