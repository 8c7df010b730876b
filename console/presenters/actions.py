"""Says what a person may do to an instance, what each act will do, what keeps running, and why some are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.translation import gettext as _

from console.presenters.names import amount_in as amount_of
from console.presenters.names import done_words, function_words, money, node_name
from console.statuswords import capital, words
from workflows.core import correct
from workflows.core.people import retryable
from workflows.core.state import Direction, Phase, State
from workflows.core.turn import Turn
from workflows.dsl.definition import Definition, Function, Irreversible, Node
from workflows.dsl.dependency import INTERNAL
from workflows.interventions import AllowedAction
from workflows.queries.details import Detail

#: what has to be typed before an act that cannot be taken back
WORD = "cancel"


@dataclass(frozen=True, slots=True)
class Planned:
    """One effect that a correction would reverse, and how; `how` is empty where it cannot be undone."""

    what: str
    how: str = ""


@dataclass(frozen=True, slots=True)
class Deed:
    """One act as a form, or as a refusal. What was typed and why it failed come back with it."""

    action: str
    title: str
    icon: str
    button: str
    does: list[str]
    keeps: list[str]
    plan: list[Planned]
    lasting: list[Planned]
    #: to be typed as confirmation; empty for none
    word: str = ""
    recommended: bool = False
    #: the revision the person has seen; 0 where it does not matter
    revision: int = 0
    opened: bool = False
    typed: str = ""
    error: str = ""

    @property
    def grave(self) -> bool:
        return bool(self.word)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Acts that are not possible for one and the same reason."""

    titles: list[str]
    why: str


@dataclass(frozen=True, slots=True)
class Deeds:
    """What a person may do here: at most one recommended act, the others, and what is refused."""

    recommended: Deed | None
    others: list[Deed]
    refusals: list[Refusal]

    def answered(self, action: str, typed: str, error: str) -> Deeds:
        """The same with one form open again, as it was sent, with the reason why it was not done."""

        def reopen(deed: Deed) -> Deed:
            return replace(deed, opened=True, typed=typed, error=error) if deed.action == action else deed

        return replace(
            self,
            recommended=reopen(self.recommended) if self.recommended else None,
            others=[reopen(deed) for deed in self.others],
        )

    def offers(self, action: str) -> bool:
        """Whether the act is among the possible ones."""
        return any(deed.action == action for deed in (self.recommended, *self.others) if deed)


def deeds(detail: Detail, verdicts: Sequence[AllowedAction], now: datetime) -> Deeds:
    """Everything about acting on this instance, from the verdicts on each action."""
    paused = detail.state.paused
    shown = [v for v in verdicts if v.action != ("pause" if paused else "resume")]
    possible = [_deed(detail, detail.definition, v.action, now) for v in shown if v.allowed and detail.definition]
    best = _best(detail)
    main = next((replace(deed, recommended=True) for deed in possible if deed.action == best), None)
    others = [deed for deed in possible if deed.action != best]
    return Deeds(main, others, _refusals(detail, [v for v in shown if not v.allowed]))


def _best(detail: Detail) -> str:
    """What somebody who knows would do first; empty when it goes on by itself."""
    if detail.state.paused:
        return "resume"
    return "retry" if detail.row.needs_person else ""


def _refusals(detail: Detail, refused: Sequence[AllowedAction]) -> list[Refusal]:
    grouped: dict[str, list[str]] = {}
    for verdict in refused:
        why = verdict.reason.replace(detail.row.status, words(detail.row.status))
        grouped.setdefault(why, []).append(_title(detail, verdict.action))
    return [Refusal(titles, why) for why, titles in grouped.items()]


def _noun(detail: Detail) -> str:
    return detail.definition.noun if detail.definition else _("instance")


def _title(detail: Detail, action: str) -> str:
    match action:
        case "retry":
            return _("Try again now")
        case "pause":
            return _("Pause")
        case "resume":
            return _("Resume")
        case "cancel":
            return _("Cancel this %(noun)s") % {"noun": _noun(detail)}
        case "compensate":
            return _("Correct what was done")
    return capital(words(action))


def _deed(detail: Detail, definition: Definition, action: str, now: datetime) -> Deed:
    title = _title(detail, action)
    match action:
        case "retry":
            does = _retry_does(definition, detail.state)
            keeps = [_("Everything else stays as it is. Earlier attempts remain in the history.")]
            return Deed(action, title, "refresh-cw", title, does, keeps, [], [], revision=detail.row.revision)
        case "pause":
            does = [_("No further step begins until somebody resumes it.")]
            keeps = [
                _("An attempt that is under way finishes, and its result is kept."),
                _("Answers that come in are stored and taken into account later. The deadline runs on."),
            ]
            return Deed(action, title, "pause", title, does, keeps, [], [])
        case "resume":
            does = [_("It goes on where it stopped, with the answers and times that came meanwhile.")]
            return Deed(action, title, "play", title, does, [], [], [])
    return _undoing(detail, definition, action, title, now)


def _undoing(detail: Detail, definition: Definition, action: str, title: str, now: datetime) -> Deed:
    """Cancel and compensate: what would be corrected, in which order, and what would remain."""
    plan = [
        _planned(detail, definition.by_name[name])
        for name in correct.plan(Turn(definition, detail.state, now, frozenset(), 1))
    ]
    lasting = [
        Planned(_done(detail, definition.by_name[name]))
        for name, step in detail.state.steps.items()
        if step.phase is Phase.SUCCEEDED and isinstance(definition.by_name[name].compensate, Irreversible)
    ]
    ending = definition.endings.cancelled if action == "cancel" else definition.endings.compensated
    does = [_("It stops, and ends as “%(status)s”.") % {"status": words(ending)}]
    if not plan:
        does.append(_("Nothing has been done outside that would have to be corrected."))
    keeps = []
    if any(step.state == "running" for step in detail.steps):
        keeps.append(_("The attempt that is running now is not interrupted; what it does is corrected afterwards."))
    if plan:
        keeps.append(
            _("Each correction is an attempt of its own: it can take a while, and is tried again if it fails.")
        )
    word = WORD if action == "cancel" else ""
    icon = "ban" if action == "cancel" else "rotate-ccw"
    return Deed(action, title, icon, title, does, keeps, plan, lasting, word, revision=detail.row.revision)


def _planned(detail: Detail, node: Node) -> Planned:
    how = function_words(node.compensate.name) if isinstance(node.compensate, Function) else ""
    return Planned(_done(detail, node), how)


def _done(detail: Detail, node: Node) -> str:
    step = next(step for step in detail.steps if step.name == node.name)
    if step.unknown:
        return _("%(step)s, which may have happened") % {"step": capital(node_name(node))}
    amount = amount_of(step.output)
    currency = detail.input.get("currency", "") if isinstance(detail.input, dict) else ""
    return f"{done_words(node)} {money(amount, currency)}" if amount is not None else done_words(node)


def _retry_does(definition: Definition, state: State) -> list[str]:
    found = []
    for name, direction in retryable(state):
        node = definition.by_name[name]
        calls = node.calls or INTERNAL
        about = {"step": capital(node_name(node)), "n": calls.retry.attempts}
        if direction is Direction.COMPENSATE:
            found.append(_("The correction of “%(step)s” is tried again at once, up to %(n)d times.") % about)
        elif direction is Direction.ASK:
            found.append(_("%(step)s: they are asked again, and then waited for again.") % about)
        else:
            found.append(_("%(step)s is tried again at once, up to %(n)d times.") % about)
        found.append(_safety(state, node, direction))
    return found


def _safety(state: State, node: Node, direction: Direction) -> str:
    """Whether trying again can do harm."""
    repeats = (node.calls or INTERNAL).repeats
    step = state.steps.get(node.name)
    unknown = direction is Direction.FORWARD and step is not None and step.unknown
    if direction in (Direction.ASK, Direction.CHECK):
        return _("Safe: asking changes nothing.")
    if repeats == "natural":
        return _("Safe: doing it twice is the same as doing it once.")
    if repeats == "by_key" and unknown:
        return _("Safe: it may have happened already; then the stored outcome comes back, because the key is the same.")
    if repeats == "by_key":
        return _("Safe: the same key is sent as before, so it happens at most once.")
    if unknown:
        return _("Not safe: it may have happened already and would happen again. Look there first.")
    return _("It had not happened, so it is done for the first time.")
