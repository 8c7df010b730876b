"""Tells the idempotency ledger: which key, whose it is, what it belongs to, and what its first outcome was."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from console.presenters.names import step_name
from console.presenters.record.asked import Asked, Select, directions, select
from console.statuswords import capital, words
from workflows.dsl.definition import Definition
from workflows.queries.outbound import LedgerRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One key."""

    key: str
    scope: str
    side: str
    what: str
    url: str
    #: what was asked under the key: a request, or a step
    asked: str
    tone: str
    state: str
    note: str
    attempts: int
    began_at: datetime | None
    ended_at: datetime | None
    result: str
    history_url: str
    seq: int


def lines(rows: Iterable[LedgerRow], definitions: Iterable[Definition]) -> list[Line]:
    """The keys in words."""
    known = {one.name: one for one in definitions}
    return [_line(row, known) for row in rows]


def _line(row: LedgerRow, known: Mapping[str, Definition]) -> Line:
    definition = known.get(row.workflow)
    url = reverse("instance-by-id", args=[row.instance_id]) if row.instance_id else ""
    tone, state = _state(row)
    noun = definition.noun if definition else row.workflow
    return Line(
        key=row.key,
        scope=row.scope,
        side=_("given to us") if row.direction == "inbound" else _("given by us"),
        what=f"{capital(noun)} {row.number}".strip(),
        url=url,
        asked=row.request or _deed(row, definition),
        tone=tone,
        state=state,
        note=row.error,
        attempts=row.attempts,
        began_at=row.began_at,
        ended_at=row.ended_at,
        result=json.dumps(row.result, indent=2, ensure_ascii=False) if row.result is not None else "",
        history_url=_history(row) if row.seq else "",
        seq=row.seq,
    )


def _history(row: LedgerRow) -> str:
    """The technical history with the event of the outcome on top."""
    page = reverse("instance", args=[row.workflow, row.number])
    return f"{page}?run={row.run}&tab=technical&before={row.seq + 1}#e{row.seq}"


def _deed(row: LedgerRow, definition: Definition | None) -> str:
    name = capital(step_name(definition, row.step))
    if row.operation:
        return _("%(step)s: %(operation)s") % {"step": name, "operation": words(row.operation)}
    if "/compensate" in row.key:
        return _("%(step)s: its correction") % {"step": name}
    return name


def _state(row: LedgerRow) -> tuple[str, str]:
    """The mark and the word of a state."""
    said = {
        "open": ("wait", _("no outcome yet")),
        "answered": ("past", _("answered %(status)s") % {"status": row.status}),
        "succeeded": ("past", _("done; the outcome is stored")),
        "refused": ("failed", _("refused by the business")),
        "needs_person": ("person", _("given up; needs a person")),
        "unknown": ("unknown", _("may have happened")),
        "dropped": ("skipped", _("given up; nothing depends on it")),
        "withdrawn": ("cancelled", _("withdrawn before it began")),
    }
    return said.get(row.state, ("wait", words(row.state)))


def selects(asked: Asked, definitions: Iterable[Definition]) -> dict[str, Select]:
    """The filters of the sentence."""
    systems = sorted({d.name for one in definitions for d in one.dependencies if d.adapter != "internal"})
    options = [*directions(), *((name, _("%(name)s received") % {"name": name}) for name in systems)]
    return {"scope": select(asked, "scope", _("Whose keys"), _("we gave or were given"), options)}
