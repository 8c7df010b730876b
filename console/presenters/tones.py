"""Which mark an instance wears in lists: the shape, and the word that always stands beside it."""

from __future__ import annotations

from django.utils.translation import gettext as _

from console.statuswords import capital, words
from workflows.queries.instances import InstanceRow

_ENDED = {"completed": "ok", "compensated": "undo", "cancelled": "cancelled", "failed": "failed"}


def tone(row: InstanceRow) -> str:
    """ok, flow, wait, held, person, undo, paused, cancelled or failed."""
    if row.ended_at is not None:
        return _ENDED[row.lifecycle]
    if row.needs_person:
        return "person"
    if row.lifecycle in ("paused", "compensating"):
        return {"paused": "paused", "compensating": "undo"}[row.lifecycle]
    if row.waiting_kind in ("retry", "breaker"):
        return "held"
    return "wait" if row.lifecycle == "waiting" else "flow"


def status_words(row: InstanceRow) -> str:
    """The business status in words; a paused instance says so first."""
    said = capital(words(row.status))
    return _("Paused: %(status)s") % {"status": said} if row.lifecycle == "paused" else said


def noun(count: int, workflows: set[str], nouns: dict[str, str]) -> str:
    """What is counted: "1 order", "1,482 orders", and "12 cases" where several processes are meant."""
    if len(workflows) != 1:
        return _("%(n)s case") % {"n": count} if count == 1 else _("%(n)s cases") % {"n": f"{count:,}"}
    name = nouns.get(next(iter(workflows)), _("case"))
    return f"{count} {name}" if count == 1 else f"{count:,} {name}s"
