"""Draws a breaker as the switch it is: a line, a gap, or a dashed way with a pip per probe; a padlock where held."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from breakers.machine import State
from breakers.queries import Standing

#: pips that fit above the switch
MOST_PIPS = 5


@dataclass(frozen=True, slots=True)
class Pip:
    """One probe that may be made, at `x`; `done` once one succeeded."""

    x: int
    done: bool


@dataclass(frozen=True, slots=True)
class Switch:
    """The drawing, and the word that always stands beside it. Shape is closed, open, trying or none."""

    shape: str
    word: str
    tone: str
    locked: bool = False
    pips: tuple[Pip, ...] = ()


def switch(standing: Standing | None) -> Switch:
    """How this breaker is drawn; None is a system without one."""
    if standing is None:
        return Switch("none", _("No breaker"), "")
    match standing.state:
        case State.CLOSED:
            return Switch("closed", _("Closed"), "")
        case State.OPEN:
            return Switch("open", _("Open"), "held")
        case State.HALF_OPEN:
            return Switch("trying", _("Trying"), "held", pips=_pips(standing))
        case State.HELD_OPEN:
            return Switch("open", _("Held open"), "held", locked=True)
        case State.HELD_CLOSED:
            return Switch("closed", _("Held closed"), "held", locked=True)


def word(state: str) -> str:
    """The word for a state that was or became."""
    return {
        State.CLOSED: _("closed"),
        State.OPEN: _("open"),
        State.HALF_OPEN: _("trying"),
        State.HELD_OPEN: _("held open"),
        State.HELD_CLOSED: _("held closed"),
    }[State(state)]


def _pips(standing: Standing) -> tuple[Pip, ...]:
    count = min(standing.policy.probes, MOST_PIPS)
    first = 32 - (count - 1) * 3
    return tuple(Pip(first + 6 * place, place < standing.probed) for place in range(count))
