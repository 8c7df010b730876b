"""Says which effects a correction would reverse, and how."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from console.presenters.names import amount_in, done_words, function_words, money, node_name
from console.statuswords import capital
from workflows.dsl.definition import Function, Node
from workflows.queries.details import Detail


@dataclass(frozen=True, slots=True)
class Planned:
    """One effect that a correction would reverse, and how; `how` is empty where it cannot be undone."""

    what: str
    how: str = ""


def planned(detail: Detail, node: Node) -> Planned:
    """The effect of a step, and what reverses it."""
    how = function_words(node.compensate.name) if isinstance(node.compensate, Function) else ""
    return Planned(done(detail, node), how)


def done(detail: Detail, node: Node) -> str:
    """What is true outside because of a step, with its amount: "Payment charged £412.50"."""
    step = next(step for step in detail.steps if step.name == node.name)
    if step.unknown:
        return _("%(step)s, which may have happened") % {"step": capital(node_name(node))}
    amount = amount_in(step.output)
    currency = detail.input.get("currency", "") if isinstance(detail.input, dict) else ""
    return f"{done_words(node)} {money(amount, currency)}" if amount is not None else done_words(node)
