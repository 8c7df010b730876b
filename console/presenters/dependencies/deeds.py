"""Says what a person may do to a breaker, what each act will do, what keeps running, and why some are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from django.utils.translation import gettext as _

from breakers.machine import State
from breakers.queries import Standing
from console.presenters.acting.deeds import Refusal
from console.presenters.dependencies import telling
from workflows.interventions import AllowedAction

#: how long a hold may last, in minutes; the one that is chosen unless somebody chooses
LASTS, USUALLY = (15, 30, 60, 240, 1440, 10_080), 60


@dataclass(frozen=True, slots=True)
class Last:
    """One length a hold may have."""

    minutes: int
    words: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Deed:
    """One act as a form. What was typed and why it failed come back with it."""

    action: str
    title: str
    icon: str
    does: list[str]
    keeps: list[str]
    #: lengths a hold may have; empty for other acts
    lasts: list[Last]
    opened: bool = False
    typed: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Deeds:
    """What a person may do to this breaker, and what is refused."""

    possible: list[Deed]
    refusals: list[Refusal]

    def answered(self, action: str, typed: str, minutes: int, error: str) -> Deeds:
        """The same with one form open again, as it was sent, with the reason why it was not done."""

        def reopen(deed: Deed) -> Deed:
            if deed.action != action:
                return deed
            return replace(
                deed, opened=True, typed=typed, error=error, lasts=_lasts(minutes) if deed.lasts else []
            )  # fmt: skip

        return replace(self, possible=[reopen(deed) for deed in self.possible])

    def offers(self, action: str) -> bool:
        """Whether the act is among the possible ones."""
        return any(deed.action == action for deed in self.possible)


def deeds(standing: Standing, verdicts: Sequence[AllowedAction]) -> Deeds:
    """Every act with its form or its refusal; tuning has a form of its own."""
    shown = [verdict for verdict in verdicts if verdict.action != "tune"]
    grouped: dict[str, list[str]] = {}
    for verdict in shown:
        if not verdict.allowed:
            grouped.setdefault(verdict.reason, []).append(_title(verdict.action))
    return Deeds(
        [_deed(standing, verdict.action) for verdict in shown if verdict.allowed],
        [Refusal(titles, why) for why, titles in grouped.items()],
    )


def _title(action: str) -> str:
    return {
        "reset": _("Let it try now"),
        "hold-open": _("Hold it open"),
        "hold-closed": _("Hold it closed"),
        "release": _("Release it"),
    }[action]


def _deed(standing: Standing, action: str) -> Deed:
    does, keeps = _consequences(standing, action)
    icon = {"reset": "refresh-cw", "hold-open": "lock", "hold-closed": "lock", "release": "play"}[action]
    lasts = _lasts(USUALLY) if action.startswith("hold") else []
    return Deed(action, _title(action), icon, does, keeps, lasts)


def _consequences(standing: Standing, action: str) -> tuple[list[str], list[str]]:
    """What the act does, and what keeps running."""
    policy = standing.policy
    numbers = {
        "probes": policy.probes,
        "successes": policy.successes,
        "pace": f"{policy.drain_per_second:g}",
        "pause": telling.span(policy.open_for),
    }
    probing = _(
        "Up to %(probes)d calls at a time find out whether it is back. When %(successes)d have succeeded it closes, "
        "and what waits comes back, at most %(pace)s per second."
    )
    match action:
        case "reset":
            return [probing % numbers], [_("If one of them fails it opens again for %(pause)s.") % numbers]
        case "hold-open":
            return [
                _("No call is made until the hold ends. What needs one waits as unavailable, and no attempt is used."),
            ], [_("Calls that are under way finish. When the hold ends a few calls try first.")]
        case "hold-closed":
            return [
                _("Every call is made, however many fail, and each failure uses an attempt."),
                _("What waits comes back, at most %(pace)s per second.") % numbers,
            ], [_("Calls are counted. When the hold ends it goes by its rule again, with nothing counted before.")]
    if standing.state is State.HELD_OPEN:
        return [_("The hold ends now. %(what)s") % {"what": probing % numbers}], []
    return [_("The hold ends now. It goes by its rule again, with nothing counted before.")], []


def _lasts(chosen: int) -> list[Last]:
    return [Last(minutes, _span(minutes), minutes == chosen) for minutes in LASTS]


def _span(minutes: int) -> str:
    days = minutes // 1440
    return _("%(n)d d") % {"n": days} if days else telling.span(timedelta(minutes=minutes))
