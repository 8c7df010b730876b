"""Says in words why something is asked: each comparison of the rule with the value it found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from console.presenters.bodies import plain
from console.presenters.rules import condition, name
from workflows.dsl.definition import Definition
from workflows.dsl.rules import All, AnyOf, Compare, Not, Rule
from workflows.queries.approvals import Asked
from workflows.queries.redaction import MASK

Values = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Reason:
    """One comparison: "Total is 1,500.00: more than 1,000". `holds` says whether it speaks for asking."""

    words: str
    holds: bool


def reasons(asked: Asked) -> list[Reason]:
    """Everything the rule looks at, what speaks for asking first. Empty when it is always asked."""
    definition, node = asked.definition, asked.node
    if definition is None or node is None or node.when is None:
        return []
    return sorted(_of(definition, node.when, asked.values), key=lambda reason: not reason.holds)


def _of(definition: Definition, rule: Rule, values: Values) -> list[Reason]:
    match rule:
        case Compare():
            return [_compared(definition, rule, values)]
        case All(parts) | AnyOf(parts):
            return [reason for part in parts for reason in _of(definition, part, values)]
        case Not(part):
            return [Reason(reason.words, not reason.holds) for reason in _of(definition, part, values)]


def _compared(definition: Definition, rule: Compare, values: Values) -> Reason:
    """One comparison. A masked value says nothing about the outcome, so it is told as what was looked at."""
    what, found = name(definition, rule.left), rule.left.value(values)
    if found == MASK:
        return Reason(_("%(what)s, which you may not see") % {"what": what}, True)
    holds = rule.holds(values)
    about = {"what": what, "value": plain(found), "rule": condition(definition, rule)}
    return Reason(
        (_("%(what)s is %(value)s: %(rule)s") if holds else _("%(what)s is %(value)s: not %(rule)s")) % about, holds
    )
