"""The form that tunes a breaker's rule: each part with its value, its unit, and what the dependency declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from breakers import policies
from breakers.machine import Policy
from breakers.queries import Standing

#: what each part is called, and its unit
LABELS: dict[str, tuple[Promise, Promise | str]] = {
    "consecutive": (gettext_lazy("Opens after failures in a row"), ""),
    "failure_share": (gettext_lazy("or at this share of failures"), "%"),
    "minimum_calls": (gettext_lazy("of at least so many calls"), ""),
    "window": (gettext_lazy("within"), gettext_lazy("s")),
    "open_for": (gettext_lazy("Stays open for"), gettext_lazy("s")),
    "open_cap": (gettext_lazy("at most, after failed tries"), gettext_lazy("s")),
    "probes": (gettext_lazy("Calls that try at a time"), ""),
    "successes": (gettext_lazy("Successes that close it"), ""),
    "drain_per_second": (gettext_lazy("What waits comes back at"), gettext_lazy("per s")),
    "slow_after": (gettext_lazy("A call is slow after"), gettext_lazy("s")),
}


class NotANumber(ValueError):
    """A field holds something else; `part` names it."""

    def __init__(self, part: str) -> None:
        super().__init__(_("%(label)s: please enter a number.") % {"label": LABELS[part][0]})
        self.part = part


@dataclass(frozen=True, slots=True)
class Part:
    """One field. `declared` is what it would be untuned; `error` says why it was refused."""

    name: str
    label: str
    unit: str
    value: str
    declared: str
    tuned: bool
    error: str = ""


@dataclass(frozen=True, slots=True)
class Tuning:
    """The form, or why it is not open to this person (`refusal`)."""

    parts: list[Part]
    refusal: str
    opened: bool = False
    typed: str = ""
    error: str = ""

    @property
    def tuned(self) -> int:
        """How many parts differ from what is declared."""
        return sum(part.tuned for part in self.parts)

    def answered(self, form: Mapping[str, str], part: str, error: str) -> Tuning:
        """The form as it was sent, open, with the reason why it was refused, at its field where one is to blame."""
        parts = [
            replace(one, value=form.get(one.name, ""), error=error if one.name == part else "") for one in self.parts
        ]
        general = "" if any(one.error for one in parts) else error
        return replace(self, parts=parts, opened=True, typed=form.get("reason", ""), error=general)


def tuning(standing: Standing, refusal: str) -> Tuning:
    """The form with the rule in force."""
    return Tuning([_part(name, standing) for name in policies.NAMES], refusal)


def wanted(form: Mapping[str, str], standing: Standing) -> dict[str, float | None]:
    """What a sent form changes: numbers that differ from the rule, and None for a tuned field that was emptied.

    Raises NotANumber.
    """
    changes: dict[str, float | None] = {}
    for name in policies.NAMES:
        text = form.get(name, "").strip().replace(",", ".")
        if not text:
            if name in standing.tuned:
                changes[name] = None
        elif text != _text(name, standing.policy):
            changes[name] = _number(name, text)
    return changes


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise NotANumber(name) from None
    return round(value / 100, 6) if name == "failure_share" else value


def _part(name: str, standing: Standing) -> Part:
    label, unit = LABELS[name]
    return Part(
        name, str(label), str(unit), _text(name, standing.policy), _text(name, standing.declared),
        name in standing.tuned,
    )  # fmt: skip


def _text(name: str, policy: Policy) -> str:
    value = policies.dump(policy)[name]
    return f"{value * 100:.6g}" if name == "failure_share" else f"{value:.10g}"
