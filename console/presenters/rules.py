"""Says the rules of a definition in words: what they look at, and what they ask of it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from console.presenters.bodies import plain
from console.presenters.names import step_name
from console.statuswords import capital, words
from workflows.dsl.definition import Definition
from workflows.dsl.rules import All, AnyOf, Compare, Not, Ref, Rule


def rule_words(definition: Definition, rule: Rule) -> str:
    """A whole rule: "total is more than 1,000 or fraud check: score is at least 0.60"."""
    match rule:
        case Compare():
            about = {"what": _read(definition, rule.left), "rule": condition(definition, rule)}
            return _("%(what)s is %(rule)s") % about
        case All(parts):
            return _(" and ").join(_bracketed(definition, part) for part in parts)
        case AnyOf(parts):
            return _(" or ").join(_bracketed(definition, part) for part in parts)
        case Not(part):
            return _("not: %(rule)s") % {"rule": _bracketed(definition, part)}


def _bracketed(definition: Definition, part: Rule) -> str:
    text = rule_words(definition, part)
    return f"({text})" if isinstance(part, All | AnyOf) else text


def condition(definition: Definition, rule: Compare) -> str:
    """What a comparison asks for: "at least 0.60"."""
    limit = _limit(definition, rule.right)
    match rule.operator:
        case ">=":
            return _("at least %(limit)s") % {"limit": limit}
        case ">":
            return _("more than %(limit)s") % {"limit": limit}
        case "<=":
            return _("at most %(limit)s") % {"limit": limit}
        case "<":
            return _("less than %(limit)s") % {"limit": limit}
        case "==":
            return _("the same as %(limit)s") % {"limit": limit}
        case "!=":
            return _("other than %(limit)s") % {"limit": limit}
        case "in":
            return _("one of %(limit)s") % {"limit": limit}


def _limit(definition: Definition, right: Any) -> str:
    if isinstance(right, Ref):
        return name(definition, right)
    if isinstance(right, tuple):
        return ", ".join(plain(one) for one in right)
    return f"{right:,}" if isinstance(right, int) and not isinstance(right, bool) else plain(right)


def name(definition: Definition, ref: Ref) -> str:
    """What a reference reads, to begin a sentence: "Total" of what came in, "Fraud check: score" of a step."""
    return capital(_read(definition, ref))


def _read(definition: Definition, ref: Ref) -> str:
    field = " ".join(words(part) for part in ref.path)
    if ref.source == definition.given:
        return field
    return _("%(step)s: %(field)s") % {"step": step_name(definition, ref.source), "field": field}
