"""Says what is true outside: what each system is known to have done, may have done, or has corrected.

Read from recorded effects (outcomes, attempts that may have happened, corrections), never from where a step stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from console.presenters.names import amount_in, done_words, function_words, money, node_name, refused_words
from console.statuswords import capital
from workflows.core import events as e
from workflows.dsl.definition import Definition, Function, Kind, Node
from workflows.queries.steps import Step


@dataclass(frozen=True, slots=True)
class Chip:
    """One effect. `tone` is a mark of the console: ok, unknown, undo, person or failed."""

    step: str
    tone: str
    words: str
    #: why it is so, or what may be done to find out; empty where the words say everything
    note: str = ""
    #: the effect alone, without what became of it
    effect: str = ""


@dataclass(slots=True)
class _Effect:
    """What the record says of one step so far; `happened` is no, maybe, yes, refused, corrected or nothing."""

    happened: str = "no"
    #: empty, planned or stuck
    correction: str = ""
    irreversible: bool = False
    amount: float | None = None


def outside(definition: Definition, history: Iterable[e.Event], steps: Mapping[str, Step], currency: str) -> list[Chip]:
    """The chips in the order in which things happened. `steps` provide the amounts that outcomes name."""
    effects: dict[str, _Effect] = {}
    for event in history:
        if isinstance(event, e.CorrectionBegan):
            _planned(effects, event)
            continue
        node = definition.by_name.get(getattr(event, "step", ""))
        if node is not None and _acts_outside(node):
            _apply(effects, steps[node.name], event)
    chips = [_chip(definition.by_name[name], effect, currency) for name, effect in effects.items()]
    return [chip for chip in chips if chip is not None]


def _acts_outside(node: Node) -> bool:
    return node.kind is Kind.STEP or node.kind is Kind.CALLBACK


def _planned(effects: dict[str, _Effect], event: e.CorrectionBegan) -> None:
    for name in (*event.plan, *event.awaiting):
        effects.setdefault(name, _Effect()).correction = "planned"
    for name in event.irreversible:
        effects.setdefault(name, _Effect()).irreversible = True


def _apply(effects: dict[str, _Effect], step: Step, event: e.Event) -> None:
    """Take one event about one step into account."""
    name = step.name
    match event:
        case e.StepSucceeded():
            _set(effects, name, "yes", amount_in(step.output))
        case e.StepRefused():
            _set(effects, name, "refused")
        case e.AttemptFailed(direction="compensate") | e.AttemptLost(direction="compensate"):
            pass  # the effect is still there; its correction is tried again
        case e.AttemptFailed(may_have_happened=True, direction="forward") | e.AttemptLost(direction="forward"):
            _perhaps(effects, name)
        case e.PersonAsked(direction="compensate"):
            effects.setdefault(name, _Effect()).correction = "stuck"
        case e.PersonAsked(may_have_happened=True) | e.StepDropped(may_have_happened=True):
            _perhaps(effects, name)
        case e.NothingHadHappened():
            _set(effects, name, "no")
        case e.OutcomeAwaited(happened="no"):
            _set(effects, name, "no")
        case e.OutcomeAwaited(reversible=False):
            effects.setdefault(name, _Effect()).irreversible = True
        case e.LateEffectFound():
            _set(effects, name, "yes")
            effects[name].correction = "planned"
        case e.OutcomeAwaited() | e.CompensationScheduled() | e.RetryRequested(direction="compensate"):
            effects.setdefault(name, _Effect()).correction = "planned"
        case e.CompensationSucceeded():
            answer = step.compensation.output if step.compensation else None
            nothing = isinstance(answer, Mapping) and answer.get("done") is False
            _set(effects, name, "nothing" if nothing else "corrected")
        case _:
            pass


def _set(effects: dict[str, _Effect], name: str, happened: str, amount: float | None = None) -> None:
    effect = effects.setdefault(name, _Effect())
    effect.happened, effect.correction = happened, ""
    effect.amount = amount if amount is not None else effect.amount


def _perhaps(effects: dict[str, _Effect], name: str) -> None:
    effect = effects.setdefault(name, _Effect())
    if effect.happened not in ("yes", "corrected"):
        effect.happened = "maybe"


def _chip(node: Node, effect: _Effect, currency: str) -> Chip | None:
    done = done_words(node)
    if effect.amount is not None:
        done = f"{done} {money(effect.amount, currency)}"
    match effect.happened, effect.correction:
        case "yes", "stuck":
            return Chip(
                node.name, "person", _("%(done)s, not corrected yet") % {"done": done}, _("Correcting it failed.")
            )
        case "yes", "planned":
            return Chip(node.name, "undo", _("%(done)s, being corrected") % {"done": done}, _how(node), done)
        case "yes", _:
            note = _("This cannot be undone.") if effect.irreversible else ""
            return Chip(node.name, "ok", done, note, done)
        case "corrected", _:
            return Chip(node.name, "undo", _("%(done)s, then corrected") % {"done": done}, _how(node), done)
        case "nothing", _:
            return Chip(node.name, "ahead", _("%(step)s: nothing had happened") % {"step": capital(node_name(node))})
        case "refused", _:
            return Chip(node.name, "failed", refused_words(node))
        case "maybe", "planned":
            words = _("%(step)s unknown, being corrected") % {"step": capital(node_name(node))}
            return Chip(
                node.name, "unknown", words, _("Correcting it finds out, and does nothing if nothing happened."), words
            )
        case "maybe", _:
            return Chip(
                node.name,
                "unknown",
                _("%(step)s unknown (check)") % {"step": capital(node_name(node))},
                _certainty(node),
            )
        case _:
            return None


def _how(node: Node) -> str:
    return function_words(node.compensate.name) if isinstance(node.compensate, Function) else ""


def _certainty(node: Node) -> str:
    """How the doubt will be resolved."""
    repeats = node.calls.repeats if node.calls else "natural"
    if repeats == "by_key":
        return _("No answer came. The same key is sent again, so it happens at most once.")
    if repeats == "natural":
        return _("No answer came. Asking again changes nothing more.")
    return _("No answer came, and repeating it could do it twice.")
