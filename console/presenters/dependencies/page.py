"""The page of one system: its card, what may be done to its breaker, its rule, and how the breaker got there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from breakers.machine import State
from breakers.queries import Move
from console.presenters.dependencies import cards, switch
from console.presenters.dependencies.cards import Card
from console.presenters.dependencies.deeds import Deeds, deeds
from console.presenters.dependencies.tuning import Tuning, tuning
from workflows.interventions import AllowedAction
from workflows.queries.board import Traffic
from workflows.queries.dependencies import DependencyRow

_TONES = {State.CLOSED: "ok", State.OPEN: "held", State.HALF_OPEN: "wait"}


@dataclass(frozen=True, slots=True)
class Happened:
    """One transition in words."""

    id: int
    at: datetime
    tone: str
    words: str
    why: str
    who: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyPage:
    """The whole page. Without a breaker there is nothing to do and nothing happened."""

    card: Card
    last_error: str
    deeds: Deeds | None
    tuning: Tuning | None
    history: list[Happened]
    older: str


def page(
    row: DependencyRow,
    moves: Sequence[Move],
    older: str,
    calls: Traffic | None,
    verdicts: Sequence[AllowedAction],
    nouns: Mapping[str, str],
    outage: Move | None,
) -> DependencyPage:
    """The page in words. `older` is the address of what happened before `moves`."""
    breaker = row.breaker
    refusal = next((verdict.reason for verdict in verdicts if verdict.action == "tune" and not verdict.allowed), "")
    return DependencyPage(
        card=cards.card(row, outage, calls, nouns),
        last_error=breaker.last_error if breaker and breaker.state is not State.CLOSED else "",
        deeds=deeds(breaker, verdicts) if breaker else None,
        tuning=tuning(breaker, refusal) if breaker else None,
        history=[_happened(move) for move in moves],
        older=older,
    )


def _happened(move: Move) -> Happened:
    state = State(move.became)
    words = {
        State.CLOSED: _("Closed"),
        State.OPEN: _("Opened"),
        State.HALF_OPEN: _("Tries again"),
        State.HELD_OPEN: _("Held open"),
        State.HELD_CLOSED: _("Held closed"),
    }[state]
    who = _("by %(who)s") % {"who": move.actor} if move.actor else ""
    why = f"“{move.reason}”" if move.reason else move.cause
    before = _("was %(state)s") % {"state": switch.word(move.was)}
    return Happened(move.id, move.at, _TONES.get(state, "paused"), words, f"{why} · {before}", who)
