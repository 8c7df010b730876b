"""Acts on one step: passing over it, entering its result, saying that a correction was done outside, answering."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from console.presenters.acting.deeds import Deed, Option
from console.presenters.acting.naming import in_words
from console.presenters.entries import Entry, entries
from console.presenters.names import node_name
from console.presenters.plan import done
from console.statuswords import capital, system, words
from workflows.core import facts
from workflows.core.decide import decide
from workflows.core.face import face
from workflows.core.facts import NotNow
from workflows.dsl.definition import Definition, Kind, Node
from workflows.interventions import StepChoice
from workflows.queries.details import Detail

#: to be typed before a step is passed over, or an effect left as it is
WORD = "skip"
EVIDENCE = "evidence"


def skipping(detail: Detail, definition: Definition, steps: Sequence[StepChoice], now: datetime) -> Deed:
    """The form that passes over a step; while something is being corrected, it leaves an effect as it is."""
    correcting = detail.state.correction is not None
    tell = _leave if correcting else _pass_over
    told = {one.step: tell(detail, definition, definition.by_name[one.step], now) for one in steps if one.allowed}
    several = len(told) > 1
    options = [Option(step, _called(definition, step), " ".join(does)) for step, does in told.items()]
    return Deed(
        action="skip",
        title=_("Leave it as it is") if correcting else _("Pass over a step"),
        icon="arrow-right",
        name="skip",
        does=[_("Only the step that you choose:")] if several else next(iter(told.values())),
        keeps=_skip_keeps(correcting=correcting),
        cannot=[in_words(definition, one.reason) for one in steps if not one.allowed],
        step="" if several else next(iter(told)),
        options=options if several else [],
        word=WORD,
        bound=True,
    )


def _pass_over(detail: Detail, definition: Definition, node: Node, now: datetime) -> list[str]:
    about = {"step": capital(node_name(node)), "noun": definition.noun}
    does = [_("“%(step)s” is passed over, and the process goes on without it.") % about]
    if detail.state.steps[node.name].unknown:
        does.append(
            _("It may have happened all the same; if this %(noun)s is cancelled later, that is corrected.") % about
        )
    return [*does, *_afterwards(detail, definition, node.name, now)]


def _leave(detail: Detail, definition: Definition, node: Node, now: datetime) -> list[str]:
    does = [_("“%(effect)s” stays as it is outside, and nobody corrects it.") % {"effect": done(detail, node)}]
    return [*does, *_afterwards(detail, definition, node.name, now)]


def _afterwards(detail: Detail, definition: Definition, step: str, now: datetime) -> list[str]:
    """Where it would stand, found out by deciding without saving."""
    try:
        after = decide(definition, detail.state, facts.Skip(reason="-", step=step), now).state
    except NotNow:
        return []
    status = words(face(definition, after).status)
    if after.ended is not None:
        return [_("After that it ends as “%(status)s”.") % {"status": status}]
    return [_("After that it is at “%(status)s”.") % {"status": status}]


def _skip_keeps(*, correcting: bool) -> list[str]:
    if correcting:
        return [_("The other corrections go on. What was left is named in the reason of the ending.")]
    return [_("Steps of other branches go on.")]


def completing(detail: Detail, definition: Definition, node: Node) -> Deed:
    """The form that takes a person's word for the result of a step, or for a correction that was made outside."""
    if detail.state.correction is not None:
        return _done_outside(detail, node)
    about = {"step": capital(node_name(node)), "noun": definition.noun}
    fields = entries(node.output) if node.output is not None else []
    does = [
        _("What you enter counts as the result of “%(step)s”. Nothing is sent anywhere.") % about
        if fields
        else _("“%(step)s” counts as done. Nothing is sent anywhere.") % about
    ]
    return Deed(
        action="complete",
        title=_("Enter the result of “%(step)s”") % about if fields else _("Say that “%(step)s” is done") % about,
        icon="check",
        name=f"complete-{node.name}",
        does=does,
        keeps=[_("If this %(noun)s is cancelled later, it is corrected like every other result.") % about]
        if node.compensable
        else [_("Everything else stays as it is.")],
        step=node.name,
        entries=fields,
        bound=True,
    )


def _done_outside(detail: Detail, node: Node) -> Deed:
    effect = done(detail, node)
    return Deed(
        action="complete",
        title=_("It was corrected outside"),
        icon="check",
        name=f"complete-{node.name}",
        does=[_("“%(effect)s” counts as corrected by hand. Nothing is sent anywhere.") % {"effect": effect}],
        keeps=[_("The corrections that are left go on.")],
        step=node.name,
        entries=[
            Entry(
                name=EVIDENCE,
                label=_("Evidence"),
                kind="area",
                hint=_("How one can see that it was done: a number, a document, a name."),
            )
        ],
        bound=True,
    )


def signalling(detail: Detail, node: Node) -> Deed:
    """The form that hands an answer to a step that waits for a message."""
    assert node.output is not None, "a callback has an answer"
    whom = system(node.calls.name) if node.calls else _("the sender")
    about = {"step": capital(node_name(node)), "system": whom}
    return Deed(
        action="signal",
        title=_("Hand over the answer to “%(step)s”") % about,
        icon="inbox",
        name=f"signal-{node.name}",
        does=[
            _("What you enter is stored as a message in your name and decides “%(step)s”, also if it is a refusal.")
            % about
        ],
        keeps=[
            _("If %(system)s answers later all the same, that message is kept beside yours and changes nothing.")
            % about
        ],
        step=node.name,
        entries=entries(node.output),
        bound=True,
    )


def answered_by_message(definition: Definition, step: str) -> bool:
    """Whether the step waits for a message, so that a result is better handed over as one."""
    return definition.by_name[step].kind is Kind.CALLBACK


def _called(definition: Definition, step: str) -> str:
    return capital(node_name(definition.by_name[step]))
