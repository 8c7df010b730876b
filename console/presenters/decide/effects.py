"""Says what Approve and Reject would lead to, by deciding both without saving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from approvals.queries import ApprovalRow
from approvals.rules import APPROVE, REJECT
from console.presenters.names import node_name
from console.presenters.plan import Planned, planned
from console.statuswords import words
from workflows.core import events as e
from workflows.core import facts
from workflows.core.decide import Decision, decide
from workflows.core.state import FINISHED, Direction
from workflows.dsl.definition import Definition, Node
from workflows.queries.details import Detail


@dataclass(frozen=True, slots=True)
class Leg:
    """A stage that is still ahead, and what happens in it."""

    stage: str
    steps: str


@dataclass(frozen=True, slots=True)
class Approving:
    """What follows an approval: `lead` in a sentence, then the way ahead."""

    lead: str
    legs: list[Leg]


@dataclass(frozen=True, slots=True)
class Rejecting:
    """What follows a rejection: `lead` in a sentence, what is reversed in which order, and what cannot be."""

    lead: str
    plan: list[Planned]
    lasting: list[Planned]


def approving(asked: ApprovalRow, detail: Detail, definition: Definition, now: datetime) -> Approving:
    """One more approval, given now."""
    after = _decided(asked, detail, definition, APPROVE, now)
    legs = _ahead(definition, after)
    missing = asked.quorum - asked.got - 1
    if missing > 0:
        lead = ngettext(
            "Your approval counts; %(n)d more person has to approve before it goes on.",
            "Your approval counts; %(n)d more people have to approve before it goes on.",
            missing,
        ) % {"n": missing}
    elif detail.state.paused:
        lead = _("It goes on as soon as it is resumed.")
    else:
        lead = _("It goes on at once:") if legs else _("It goes on at once.")
    return Approving(lead, legs)


def rejecting(asked: ApprovalRow, detail: Detail, definition: Definition, now: datetime) -> Rejecting:
    """A rejection, given now."""
    after = _decided(asked, detail, definition, REJECT, now)
    began = next((event for event in after.events if isinstance(event, e.CorrectionBegan)), None)
    steps = [*began.plan, *began.awaiting] if began else []
    plan = [planned(detail, definition.by_name[name]) for name in steps]
    lasting = [planned(detail, definition.by_name[name]) for name in (began.irreversible if began else ())]
    ending = definition.endings.compensated if plan else definition.endings.failed
    about = {"status": words(ending)}
    if plan:
        lead = _("It stops, these are corrected in this order, and it ends as “%(status)s”:") % about
    else:
        lead = _("It stops and ends as “%(status)s”. Nothing has been done yet that would have to be undone.") % about
    return Rejecting(lead, plan, lasting)


def _decided(asked: ApprovalRow, detail: Detail, definition: Definition, verdict: str, now: datetime) -> Decision:
    """What would follow if this vote decided now."""
    fact = facts.Voted(step=asked.item, person="", verdict=verdict, comment="", decides=True)
    running = {(step.name, Direction.FORWARD) for step in detail.steps if step.state == "running"}
    return decide(definition, detail.state, fact, now, in_flight=running)


def _ahead(definition: Definition, after: Decision) -> list[Leg]:
    """The stages that still have something to do, with what is known to happen in them."""
    state = after.state
    todo = [
        node
        for node in definition.nodes
        if (node.name not in state.steps or state.steps[node.name].phase not in FINISHED) and _applies(node, after)
    ]
    stages = dict.fromkeys(node.stage for node in todo)
    return [
        Leg(definition.stages[stage].name, _joined([node for node in todo if node.stage == stage])) for stage in stages
    ]


def _applies(node: Node, after: Decision) -> bool:
    """Whether the step is still possible: a rule that already reads everything it needs may have ruled it out."""
    if node.when is None:
        return True
    values = after.state.values
    return any(ref.source not in values for ref in node.when.refs()) or node.when.holds(values)


def _joined(nodes: Sequence[Node]) -> str:
    return ", ".join(dict.fromkeys(node_name(node) for node in nodes))
