"""Looking after a cause of trouble: who has it, what is known about it, and whether it is mended.

    new ──take──► taken ──mark──► waiting (for a fix) ──mark──► done
     ▲              │                    │                       │
     └────mark──────┴────────────────────┴───────────────────────┘

Taking moves any state to taken, also from somebody else if one says from whom. Giving back (`new`) leaves nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction

from workflows import audit
from workflows.audit import Act
from workflows.engine import clock, news
from workflows.interventions.authority import Principal, may_somewhere, viewer
from workflows.interventions.errors import Forbidden, Impossible, InterventionError, ReasonMissing, Stale, Unknown
from workflows.models import FailureNote
from workflows.queries import notes, trouble
from workflows.queries.trouble import Cause

STATES = ("new", "taken", "waiting", "done")
#: characters of a note
LONGEST = 4000

Change = Callable[[FailureNote], None]


@dataclass(frozen=True)
class _Asked:
    principal: Principal
    action: str
    key: str
    reason: str
    correlation_id: str


def take(
    principal: Principal, key: str, *, instead_of: str = "", reason: str = "", correlation_id: str = ""
) -> FailureNote:
    """Look after a cause. `instead_of` is who has it now; somebody else than that is left undisturbed.

    Raises Unknown, Forbidden, Stale (somebody else took it meanwhile) or Impossible (one has it already). Every
    refusal is recorded in the audit.
    """

    def change(row: FailureNote) -> None:
        holder = row.owner if row.state in ("taken", "waiting") else ""
        if holder == principal.name:
            raise Impossible("You have it already.")
        if holder != instead_of:
            raise Stale(f"{holder} has it now; look again." if holder else "Nobody has it any more; look again.")
        row.owner, row.state = principal.name, "taken"

    return _change(_Asked(principal, "take", key, reason, correlation_id), change)


def note(principal: Principal, key: str, text: str, *, correlation_id: str = "") -> FailureNote:
    """Write down what is known about a cause, in place of what was; an empty text removes it.

    Raises as `take` does, and ReasonMissing for a text that is too long.
    """
    text = text.replace("\x00", "").strip()

    def change(row: FailureNote) -> None:
        if len(text) > LONGEST:
            raise ReasonMissing(f"A note may have up to {LONGEST:,} characters.")
        if row.note == text:
            raise Impossible("The note says that already.")
        row.note = text

    return _change(_Asked(principal, "note", key, "", correlation_id), change)


def mark(principal: Principal, key: str, state: str, *, reason: str = "", correlation_id: str = "") -> FailureNote:
    """Say how a cause stands: `waiting` (for a fix), `done`, or `new` (give it back). Raises as `take` does."""

    def change(row: FailureNote) -> None:
        if state not in ("new", "waiting", "done"):
            raise Unknown(f"There is no state {state!r}; there are new, waiting and done.")
        if row.state == state:
            raise Impossible("It is marked so already.")
        row.state = state
        row.owner = "" if state == "new" else row.owner or principal.name

    return _change(_Asked(principal, "mark", key, reason, correlation_id), change)


def _change(asked: _Asked, change: Change) -> FailureNote:
    who, cause = asked.principal, trouble.parse(asked.key)
    act = Act(who.kind, who.name, asked.action, who.through, asked.correlation_id, asked.reason.strip())
    workflow = cause.workflow if cause and not cause.whole else ""
    try:
        with transaction.atomic():
            if cause is None or not notes.known(viewer(who), cause):
                raise Unknown("There is no such cause of trouble (any more).")
            _allowed(asked, cause)
            row = _locked(asked.key)
            before = _words(row)
            change(row)
            row.by, row.at = who.name, clock.read()
            row.save()
            audit.record(
                act, allowed=True, workflow=workflow, target=asked.key, before=before, after=_words(row)
            )  # fmt: skip
            transaction.on_commit(news.board, robust=True)
            return row
    except InterventionError as refusal:
        audit.record(act, allowed=False, refusal=str(refusal), workflow=workflow, target=asked.key[:1000])
        raise


def _allowed(asked: _Asked, cause: Cause) -> None:
    """A system is looked after by whoever may repair any of the processes that call it."""
    if len(asked.reason) > 2000:
        raise ReasonMissing("A reason may have up to 2,000 characters.")
    verdict = may_somewhere(asked.principal, asked.action)
    if not verdict.allowed:
        raise Forbidden(verdict.reason)
    sees = viewer(asked.principal, asked.action).sees
    if sees is not None and not sees & notes.touches(cause):
        raise Forbidden("You may look after causes of trouble, but not in this process.")


def _locked(key: str) -> FailureNote:
    """The row of a cause, made if it is the first time anybody says something about it."""
    FailureNote.objects.bulk_create([FailureNote(cause=key, at=clock.read())], ignore_conflicts=True)
    return FailureNote.objects.select_for_update().get(cause=key)


def _words(row: FailureNote) -> dict[str, object]:
    return {"state": row.state, "owner": row.owner, "note": row.note}
