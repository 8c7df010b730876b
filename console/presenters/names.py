"""Calls steps, answers and sums of money by the words people use for them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from console import timewords
from console.statuswords import activity, capital, words
from workflows.dsl.definition import Definition, Kind, Node

#: fields of an outcome that say how much money it was about, the most telling first
AMOUNTS = ("amount", "refunded", "charged", "total")
_SYMBOLS = {"GBP": "£", "EUR": "€", "USD": "$", "JPY": "¥", "CHF": "CHF\u00a0"}


def step_name(definition: Definition | None, name: str) -> str:
    """What a step is about: "stock reservation"; where several are about the same, what it does.

    Without code for the step its name in words has to do.
    """
    node = definition.by_name.get(name) if definition else None
    if definition is None or node is None:
        return words(name)
    alike = [other for other in definition.by_name.values() if node_name(other) == node_name(node)]
    return node_name(node) if len(alike) == 1 or node.function is None else words(node.function.name)


def node_name(node: Node) -> str:
    """What the step is about, in lower case unless it is an acronym."""
    if node.kind is Kind.PUBLISH and node.event is not None:
        return words(node.event.__name__)
    return activity(node.status.name) if node.status else words(node.name)


def done_words(node: Node) -> str:
    """What is true once the step has succeeded: "Payment charged", "Fraud check passed"."""
    if node.kind is Kind.PUBLISH and node.event is not None:
        return capital(words(node.event.__name__))
    if node.status is None:
        return capital(_("%(step)s done") % {"step": words(node.name)})
    if node.kind is Kind.STEP and node.status.done == f"{node.status.name}Passed":
        return capital(_("%(step)s done") % {"step": activity(node.status.name)})
    return capital(words(node.status.done))


def refused_words(node: Node) -> str:
    """What is true once the business has said no: "Payment declined"."""
    name = node.status.refused if node.status else f"{node.name}_refused"
    return capital(words(name))


def function_words(name: str) -> str:
    """A function as an imperative: "refund card"."""
    return words(name)


def amount_in(body: Any) -> float | None:
    """How much money an outcome says it was about, if it says so."""
    if not isinstance(body, Mapping):
        return None
    for field in AMOUNTS:
        value = body.get(field)
        if isinstance(value, int | float) and not isinstance(value, bool) and value:
            return float(value)
    return None


def currency_in(body: Any) -> str:
    """The currency of an input, as its code; empty if it names none or may not be seen."""
    found = body.get("currency") if isinstance(body, Mapping) else None
    return found if isinstance(found, str) and found.isalpha() and len(found) == 3 else ""


def took(length: timedelta) -> str:
    """How long something lasted."""
    return timewords.span(length) if length >= timedelta(seconds=1) else _("under 1 s")


def money(value: float, currency: str) -> str:
    """A sum as people write it: £412.50, or with its code, or bare where no currency is known."""
    figure = f"{abs(value):,.2f}"
    sign = "−" if value < 0 else ""
    if currency in _SYMBOLS:
        return f"{sign}{_SYMBOLS[currency]}{figure}"
    return f"{sign}{figure}\u00a0{currency}" if currency else f"{sign}{figure}"
