"""Which forms are offered on the page of an instance, which is recommended, and what is refused for which reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from console.presenters import entries
from console.presenters.acting import retrying, single, undoing
from console.presenters.acting.deeds import Deed, Deeds, Refusal, Sent
from console.presenters.acting.naming import in_words
from console.presenters.entries import Entry
from console.statuswords import capital, words
from workflows.core.safety import Safety
from workflows.dsl.definition import Definition
from workflows.interventions import AllowedAction
from workflows.queries.details import Detail

OWNER = "owner"


def deeds(detail: Detail, verdicts: Sequence[AllowedAction], now: datetime) -> Deeds:
    """Everything about acting on this instance, from the verdicts on each action."""
    shown = [verdict for verdict in verdicts if verdict.action != ("pause" if detail.state.paused else "resume")]
    possible = list(_named(_possible(detail, shown, now)))
    best = _best(detail, shown)
    main = next((replace(deed, recommended=True) for deed in possible if deed.action == best), None)
    others = [deed for deed in possible if main is None or deed.name != main.name]
    return Deeds(main, others, _refusals(detail, [verdict for verdict in shown if not verdict.allowed]))


def confirmation(deed_sent: Sent, verdicts: Sequence[AllowedAction]) -> str:
    """The word that has to be typed for what was sent; empty for none, and where it is refused anyway."""
    verdict = next((one for one in verdicts if one.action == deed_sent.action), None)
    if verdict is None or not verdict.allowed:
        return ""
    if verdict.action == "retry":
        harm = {one.step: one.safety for one in verdict.steps}
        unsafe = harm.get(deed_sent.step, verdict.safety) == Safety.UNSAFE
        return retrying.WORD if unsafe else ""
    return {**undoing.WORDS, "skip": single.WORD}.get(verdict.action, "")


def data(detail: Detail, action: str, step: str, typed: Mapping[str, str]) -> dict[str, Any]:
    """What was entered, as the act takes it. Raises Mistyped."""
    if action == "reassign":
        return {OWNER: typed.get(OWNER, "")}
    if action not in ("complete", "signal") or detail.definition is None:
        return {}
    if action == "complete" and detail.state.correction is not None:
        return {single.EVIDENCE: typed.get(single.EVIDENCE, "")}
    node = detail.definition.by_name.get(step)
    return entries.data(node.output, typed) if node is not None and node.output is not None else {}


def field_of(problem: str) -> tuple[str, str]:
    """The field of the form that a problem is about, and where inside: `data.lines.0.sku` is in `data.lines`."""
    if problem in (f"data.{OWNER}", f"data.{single.EVIDENCE}"):
        return problem.removeprefix("data."), ""
    name, _dot, inside = problem.removeprefix(entries.PREFIX).partition(".")
    return (entries.PREFIX + name if problem.startswith(entries.PREFIX) else name), inside


def _possible(detail: Detail, shown: Sequence[AllowedAction], now: datetime) -> Iterator[Deed]:
    definition = detail.definition
    if definition is None:
        return
    may_signal = any(verdict.action == "signal" and verdict.allowed for verdict in shown)
    for verdict in shown:
        if verdict.allowed:
            yield from _forms(detail, definition, verdict, now, may_signal=may_signal)


def _forms(
    detail: Detail, definition: Definition, verdict: AllowedAction, now: datetime, *, may_signal: bool
) -> Iterator[Deed]:
    """The forms of one act: one, or one per step where each step asks for something else."""
    title, open_ones = _title(detail, verdict.action), [one.step for one in verdict.steps if one.allowed]
    match verdict.action:
        case "retry":
            yield retrying.retrying(detail, definition, title, verdict.steps)
        case "skip":
            yield single.skipping(detail, definition, verdict.steps, now)
        case "complete":
            for step in open_ones:
                if not (may_signal and single.answered_by_message(definition, step)):
                    yield single.completing(detail, definition, definition.by_name[step])
        case "signal":
            for step in open_ones:
                yield single.signalling(detail, definition.by_name[step])
        case "reassign":
            yield _reassigning(detail, definition, title)
        case "pause" | "resume":
            yield _stopping(verdict.action, title)
        case "cancel" | "compensate":
            yield undoing.undoing(detail, definition, verdict.action, title, now)


def _named(found: Iterator[Deed]) -> Iterator[Deed]:
    """The first form of an act goes by the act's name, further ones by that of their step as well."""
    known: set[str] = set()
    for deed in found:
        yield replace(deed, name=deed.action) if deed.action not in known else deed
        known.add(deed.action)


def _best(detail: Detail, shown: Sequence[AllowedAction]) -> str:
    """What somebody who knows would do first; empty when it goes on by itself."""
    if detail.state.paused:
        return "resume"
    if not detail.row.needs_person:
        return ""
    unsafe = any(verdict.action == "retry" and verdict.safety == Safety.UNSAFE for verdict in shown)
    return "complete" if unsafe else "retry"


def _refusals(detail: Detail, refused: Sequence[AllowedAction]) -> list[Refusal]:
    grouped: dict[str, list[str]] = {}
    for verdict in refused:
        why = verdict.reason.replace(detail.row.status, words(detail.row.status))
        grouped.setdefault(in_words(detail.definition, why), []).append(_title(detail, verdict.action))
    return [Refusal(titles, why) for why, titles in grouped.items()]


def _noun(detail: Detail) -> str:
    return detail.definition.noun if detail.definition else _("instance")


def _title(detail: Detail, action: str) -> str:
    correcting = detail.state.correction is not None
    match action:
        case "retry":
            return _("Try again now")
        case "skip":
            return _("Leave it as it is") if correcting else _("Pass over a step")
        case "complete":
            return _("Say that it was corrected outside") if correcting else _("Enter a result")
        case "signal":
            return _("Hand over an answer")
        case "reassign":
            return _("Give to another owner")
        case "pause":
            return _("Pause")
        case "resume":
            return _("Resume")
        case "cancel":
            return _("Cancel this %(noun)s") % {"noun": _noun(detail)}
        case "compensate":
            return _("Correct what was done")
    return capital(words(action))


def _stopping(action: str, title: str) -> Deed:
    if action == "resume":
        does = [_("It goes on where it stopped, with the answers and times that came meanwhile.")]
        return Deed(action=action, title=title, icon="play", name=action, does=does)
    return Deed(
        action=action,
        title=title,
        icon="pause",
        name=action,
        does=[_("No further step begins until somebody resumes it.")],
        keeps=[
            _("An attempt that is under way finishes, and its result is kept."),
            _("Answers that come in are stored and taken into account later. The deadline runs on."),
        ],
    )


def _reassigning(detail: Detail, definition: Definition, title: str) -> Deed:
    about = {"noun": definition.noun, "owner": detail.row.owner}
    known = {definition.owner_of(node) for node in definition.by_name.values()} | {definition.owner}
    owner = Entry(
        name=OWNER,
        label=_("New owner"),
        hint=_("A team or a person."),
        known=sorted(known - {detail.row.owner}),
    )
    return Deed(
        action="reassign",
        title=title,
        icon="user",
        name="reassign",
        does=[
            _("%(owner)s looks after this %(noun)s now; pages and lists will name the new owner.") % about,
        ],
        keeps=[_("The work itself goes on as it is.")],
        entries=[owner],
    )
