"""Cancelling and correcting: what would be reversed, in which order, what would remain, and how it would end."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from console.presenters.acting.deeds import Deed
from console.presenters.plan import Planned, done, planned
from console.statuswords import words
from workflows.core import correct
from workflows.core.state import Phase
from workflows.core.turn import Turn
from workflows.dsl.definition import Definition, Irreversible, Kind
from workflows.queries.details import Detail

#: to be typed before an act that cannot be taken back
WORDS = {"cancel": "cancel", "compensate": "correct"}


def undoing(detail: Detail, definition: Definition, action: str, title: str, now: datetime) -> Deed:
    """The form that cancels, or corrects what was done."""
    plan = [
        planned(detail, definition.by_name[name])
        for name in correct.plan(Turn(definition, detail.state, now, frozenset(), 1))
    ]
    return Deed(
        action=action,
        title=title,
        icon="ban" if action == "cancel" else "rotate-ccw",
        name=action,
        does=_does(definition, action, nothing=not plan),
        keeps=_keeps(detail, definition, corrects=bool(plan)),
        plan=plan,
        lasting=_lasting(detail, definition),
        word=WORDS[action],
        bound=True,
    )


def _does(definition: Definition, action: str, *, nothing: bool) -> list[str]:
    ending = definition.endings.cancelled if action == "cancel" else definition.endings.compensated
    does = [_("It stops, and ends as “%(status)s”.") % {"status": words(ending)}]
    if nothing:
        does.append(_("Nothing has been done outside that would have to be corrected."))
    return does


def _keeps(detail: Detail, definition: Definition, *, corrects: bool) -> list[str]:
    keeps = []
    if any(step.state == "running" for step in detail.steps):
        keeps.append(_("The attempt that is running now is not interrupted; what it does is corrected afterwards."))
    if corrects:
        keeps.append(
            _("Each correction is an attempt of its own: it can take a while, and is tried again if it fails.")
        )
    asked = [step.name for step in detail.steps if step.state == "waiting" and step.kind == Kind.APPROVAL]
    for name in asked:
        team = {"team": words(definition.by_name[name].audience)}
        keeps.append(_("The question to the %(team)s is withdrawn.") % team)
    return keeps


def _lasting(detail: Detail, definition: Definition) -> list[Planned]:
    """What was done, or may have been, and cannot be undone."""
    return [
        Planned(done(detail, definition.by_name[name]))
        for name, step in detail.state.steps.items()
        if (step.phase is Phase.SUCCEEDED or step.unknown)
        and isinstance(definition.by_name[name].compensate, Irreversible)
    ]
