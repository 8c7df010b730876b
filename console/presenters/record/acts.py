"""Tells the audit line by line: who did what on what, why or why not, and what was other afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from console.presenters.bodies import plain
from console.presenters.record.asked import KINDS, OUTCOMES, Asked, Select, select
from console.presenters.technical import Difference
from console.statuswords import capital, words
from workflows.dsl.definition import Definition
from workflows.queries.record import AuditRow, Lately

#: what people and policies do, as one names it; others are called by their own name
DEEDS = {
    "start": gettext_lazy("Start"),
    "retry": gettext_lazy("Another attempt"),
    "pause": gettext_lazy("Pause"),
    "resume": gettext_lazy("Resumption"),
    "cancel": gettext_lazy("Cancellation"),
    "compensate": gettext_lazy("Correction of what was done"),
    "skip": gettext_lazy("Step skipped"),
    "complete": gettext_lazy("Result entered by hand"),
    "signal": gettext_lazy("Answer handed over"),
    "rewind": gettext_lazy("Return to an earlier step"),
    "migrate": gettext_lazy("Move to another version"),
    "reassign": gettext_lazy("Given to another owner"),
    "approve": gettext_lazy("Approval"),
    "reject": gettext_lazy("Rejection"),
    "send-back": gettext_lazy("Sent back"),
    "reset": gettext_lazy("Circuit breaker reset"),
    "hold-open": gettext_lazy("Circuit breaker held open"),
    "hold-closed": gettext_lazy("Circuit breaker held closed"),
    "release": gettext_lazy("Circuit breaker released"),
    "tune": gettext_lazy("Circuit breaker tuned"),
    "rollout": gettext_lazy("Version for new instances"),
    "intake": gettext_lazy("Intake paused or resumed"),
    "govern": gettext_lazy("People and roles"),
    "take": gettext_lazy("Cause of trouble taken on"),
    "note": gettext_lazy("Note on a cause of trouble"),
    "mark": gettext_lazy("Cause of trouble marked"),
    "apply": gettext_lazy("Callback applied"),
    "ignore": gettext_lazy("Callback set aside"),
    "subscribe": gettext_lazy("New subscriber"),
    "replay": gettext_lazy("Events sent again"),
    "issue-token": gettext_lazy("API token issued"),
    "revoke-token": gettext_lazy("API token revoked"),
    "faults": gettext_lazy("Fault dials turned"),
    "export": gettext_lazy("Record exported"),
}
_KINDS = {
    "user": gettext_lazy("person"),
    "client": gettext_lazy("program"),
    "policy": gettext_lazy("policy"),
    "system": gettext_lazy("system"),
}
_THROUGH = {
    "page": gettext_lazy("on a page"),
    "api": gettext_lazy("through the API"),
    "command": gettext_lazy("by a command"),
    "engine": gettext_lazy("by itself"),
}
_NAMES = {
    "needs_person": gettext_lazy("Needs a person"),
    "host": gettext_lazy("Sends to"),
    "types": gettext_lazy("Types of event"),
    "expires_at": gettext_lazy("Expires"),
    "revoked_at": gettext_lazy("Revoked"),
    "replayed_after": gettext_lazy("From event"),
    "form": gettext_lazy("As"),
}
#: numbers for programs that say nothing to people
_HIDDEN = frozenset({"revision", "seq", "token"})
#: what people look for first; the database keeps no order
_FIRST = ("status", "lifecycle", "stage", "needs_person", "owner")
#: "placed_at: Field required; …"
_FIELDS = re.compile(r"[\w.]+: ")
#: values that are names of states
_STATES = frozenset({"lifecycle", "status", "state"})
#: characters of a reason in the list; the rest is one click away
SHORT = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One act, or one attempt."""

    id: int
    at: datetime
    who: str
    kind: str
    who_url: str
    deed: str
    refused: bool
    what: str
    url: str
    through: str
    #: as much of the reason as a list shows, and all of it if that is more
    reason: str
    whole_reason: str
    refusal: str
    changed: list[Difference]
    #: what an accepted start began as: the same for hundreds of them, so one has to ask for it
    recorded: list[Difference]
    act_id: str
    act_url: str
    correlation_id: str
    correlation_url: str


def lines(rows: Iterable[AuditRow], definitions: Iterable[Definition], asked: Asked) -> list[Line]:
    """The rows in words."""
    nouns = {one.name: one.noun for one in definitions}
    alone = Asked("audit", {}, "", (), asked.audit)
    return [_line(row, nouns, alone) for row in rows]


def _line(row: AuditRow, nouns: Mapping[str, str], alone: Asked) -> Line:
    reason, act_id = row.reason.strip(), str(row.act_id)
    changed, began = differences(row.before, row.after), row.action == "start"
    return Line(
        id=row.id,
        at=row.at,
        who=row.actor or _("nobody"),
        kind=str(_KINDS.get(row.actor_kind, row.actor_kind)),
        who_url=alone.url(actor=row.actor, kind=row.actor_kind),
        deed=deed(row.action),
        refused=not row.allowed,
        what=_what(row, nouns),
        url=reverse("instance-by-id", args=[row.instance_id]) if row.instance_id else "",
        through=str(_THROUGH.get(row.through, row.through)),
        reason=reason if len(reason) <= SHORT else f"{reason[:SHORT].rstrip()}…",
        whole_reason=reason if len(reason) > SHORT else "",
        refusal=_sentence(row.refusal),
        changed=[] if began else changed,
        recorded=changed if began else [],
        act_id=act_id,
        act_url=alone.url(act=act_id),
        correlation_id=row.correlation_id,
        correlation_url=alone.url(correlation=row.correlation_id) if row.correlation_id else "",
    )


def deed(action: str) -> str:
    """What was done or tried."""
    return str(DEEDS.get(action) or capital(words(action.replace("-", " "))))


def _what(row: AuditRow, nouns: Mapping[str, str]) -> str:
    if not row.workflow:
        return row.target or (str(row.instance_id) if row.instance_id else "")
    return f"{capital(nouns.get(row.workflow, row.workflow))} {row.target or row.instance_id or ''}".strip()


def _sentence(text: str) -> str:
    """As it was recorded, as a sentence; a list of fields stays one."""
    if _FIELDS.match(text):
        return text
    said = capital(text)
    return f"{said}." if said and said[-1] not in ".!?…" else said


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """What is other afterwards, in words; what was recorded only once stands alone."""
    known = [name for name in _FIRST if name in before or name in after]
    names = [name for name in dict.fromkeys([*known, *before, *after]) if name not in _HIDDEN]
    pairs = [(name, _value(name, before), _value(name, after)) for name in names]
    return [Difference(_label(name), old, new) for name, old, new in pairs if old != new]


def _label(name: str) -> str:
    return str(_NAMES.get(name) or capital(words(name)))


def _value(name: str, values: Mapping[str, Any]) -> str:
    if name not in values:
        return ""
    value = values[name]
    if isinstance(value, list):
        return ", ".join(plain(one) for one in value) or _("none")
    if name in _STATES and isinstance(value, str):
        return words(value)
    return plain(value) or "–"


def selects(asked: Asked, definitions: Iterable[Definition], lately: Lately) -> dict[str, Select]:
    """The filters of the sentence."""
    actions = {name: deed(name) for name in (*DEEDS, *lately.actions)}
    nouns = [(one.name, f"{one.noun}s") for one in definitions]
    by_words = sorted(actions.items(), key=lambda pair: pair[1])
    return {
        "allowed": select(asked, "allowed", _("Outcome"), _("everything"), [(k, str(v)) for k, v in OUTCOMES.items()]),
        "kind": select(asked, "kind", _("Kind of actor"), _("anybody"), [(k, str(v)) for k, v in KINDS.items()]),
        "action": select(asked, "action", _("Action"), _("any action"), by_words),
        "workflow": select(asked, "workflow", _("Process"), _("anything"), nouns),
    }


def total(count: int, most: int) -> str:
    """How many entries there are, honestly bounded."""
    if count > most:
        return _("more than %(n)s entries") % {"n": f"{most:,}"}
    return ngettext("%(n)s entry", "%(n)s entries", count) % {"n": f"{count:,}"}
