"""Trying again: which steps, and for each whether it can do harm, in words one can act on."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.presenters.acting.deeds import Deed, Option, Verdict
from console.presenters.names import node_name
from console.statuswords import capital, system
from workflows.core.people import retryable
from workflows.core.safety import Safety
from workflows.core.state import Direction
from workflows.dsl.definition import Definition, Kind, Node
from workflows.dsl.dependency import INTERNAL
from workflows.interventions import StepChoice
from workflows.queries.details import Detail

#: to be typed before something is repeated that may happen twice
WORD = "repeat"
_TONES = {Safety.SAFE: "ok", Safety.STORED: "ok", Safety.CHECK: "unknown", Safety.UNSAFE: "person"}


def retrying(detail: Detail, definition: Definition, title: str, steps: Sequence[StepChoice]) -> Deed:
    """The form that tries again, with a verdict for each step it may mean."""
    ways = dict(retryable(definition, detail.state))
    verdicts, does = [], []
    for choice in steps:
        node, way = definition.by_name[choice.step], ways[choice.step]
        does.append(_does(node, way))
        verdicts.append(_verdict(node, way, Safety(choice.safety)))
    several = len(steps) > 1
    return Deed(
        action="retry",
        title=title,
        icon="refresh-cw",
        name="retry",
        does=does,
        keeps=[_("Everything else stays as it is. Earlier attempts remain in the history.")],
        verdicts=verdicts,
        step="" if several else steps[0].step if steps else "",
        options=_options(definition, steps) if several else [],
        hint=_hint([Safety(choice.safety) for choice in steps]),
        word=WORD if any(choice.safety == Safety.UNSAFE for choice in steps) else "",
        bound=True,
    )


def _options(definition: Definition, steps: Sequence[StepChoice]) -> list[Option]:
    every = Option("", _("All of them"), chosen=True)
    return [every, *(Option(one.step, _("Only %(step)s") % {"step": _name(definition, one)}) for one in steps)]


def _name(definition: Definition, choice: StepChoice) -> str:
    return node_name(definition.by_name[choice.step])


def _does(node: Node, way: Direction) -> str:
    retry = (node.calls or INTERNAL).retry
    about = {"step": capital(node_name(node)), "n": retry.attempts}
    match way:
        case Direction.COMPENSATE:
            return _("The correction of “%(step)s” is tried again at once, up to %(n)d times.") % about
        case Direction.ASK if node.otherwise is None:
            return _("%(step)s: it is waited for once more.") % about
        case Direction.ASK:
            return _("%(step)s: they are asked again, and then waited for again.") % about
        case Direction.CHECK:
            return _("%(step)s: whether it happened is looked up at once, up to %(n)d times.") % about
    return _("%(step)s is tried again at once, up to %(n)d times.") % about


def _verdict(node: Node, way: Direction, safety: Safety) -> Verdict:
    said = {"step": capital(node_name(node)), "verdict": verdict_words(safety)}
    words = (
        _("The correction of “%(step)s”: %(verdict)s.") if way is Direction.COMPENSATE else _("%(step)s: %(verdict)s.")
    )
    return Verdict(_TONES[safety], words % said, _means(node, way, safety))


def verdict_words(safety: Safety) -> str:
    """The verdict as people say it."""
    match safety:
        case Safety.SAFE:
            return _("safe")
        case Safety.STORED:
            return _("returns the stored outcome")
        case Safety.CHECK:
            return _("unknown, check the provider first")
    return _("unsafe")


def _means(node: Node, way: Direction, safety: Safety) -> str:
    there = {"system": system(node.calls.name if node.calls else node.name)}
    match safety:
        case Safety.STORED:
            said = _(
                "It may have happened already. The same key is sent again, and %(system)s answers it with what it did"
                " then: it happens at most once."
            )
        case Safety.CHECK:
            said = _(
                "It may have happened already and must not happen twice. Trying again first looks whether it did. If"
                " you have looked at %(system)s yourself, enter the result instead."
            )
        case Safety.UNSAFE:
            said = _(
                "It may have happened already and would happen again, and nothing here can look. Look at %(system)s;"
                " if it happened, enter the result instead."
            )
        case _:
            return _means_safe(node, way)
    return said % there


def _means_safe(node: Node, way: Direction) -> str:
    if way is Direction.ASK or node.kind is Kind.QUERY:
        return _("Asking changes nothing.")
    repeats = (node.calls or INTERNAL).repeats
    if repeats == "natural":
        return _("Doing it twice is the same as doing it once.")
    if repeats == "by_key":
        return _("Nothing has happened yet, and the same key is sent as before, so it happens at most once.")
    return _("It certainly has not happened, so it is done for the first time.")


def _hint(found: Sequence[Safety]) -> str:
    """What the reason should say where nobody can be sure."""
    unsure = sum(one in (Safety.CHECK, Safety.UNSAFE) for one in found)
    if not unsure:
        return ""
    return ngettext(
        "Say what you found out about it at the provider, and why it is right to try again.",
        "Say what you found out about them at the provider, and why it is right to try again.",
        unsure,
    )
