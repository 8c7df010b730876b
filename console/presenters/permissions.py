"""Says what somebody may do, area by area: everywhere, in some processes only, or why not and who may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from console.statuswords import capital
from workflows.interventions import CAPABILITIES, INSTALLATION, Principal, may

#: what belongs together, in the order of the app bar
AREAS: tuple[tuple[Promise, tuple[str, ...]], ...] = (
    (gettext_lazy("Work"), ("read", "payload", "start")),
    (gettext_lazy("Decisions"), ("approve",)),
    (
        gettext_lazy("Acting on work"),
        ("retry", "skip", "complete", "signal", "reassign", "pause", "cancel", "compensate"),
    ),
    (gettext_lazy("Repair"), ("repair",)),
    (gettext_lazy("Dependencies"), ("reset", "force", "tune")),
    (gettext_lazy("Processes"), ("intake", "rollout")),
    (gettext_lazy("Record"), ("audit", "subscribe")),
    (gettext_lazy("Administration"), ("govern", "faults")),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One right in one process."""

    tone: str
    word: str


@dataclass(frozen=True, slots=True)
class Right:
    """One capability: in words, the verdict for each column, and why it is refused where it is."""

    words: str
    cells: list[Cell]
    why: str


@dataclass(frozen=True, slots=True)
class Area:
    """Capabilities that belong together."""

    title: str
    rights: list[Right]


@dataclass(frozen=True, slots=True)
class Permissions:
    """Everything about one person's rights. A column per process only where they differ."""

    columns: list[str]
    areas: list[Area]


def permissions(principal: Principal, workflows: Sequence[str]) -> Permissions:
    """The rights of the principal in these workflows, which they may see."""
    named = list(workflows) if principal.scoped else []
    areas = [Area(str(title), [_right(principal, name, named) for name in names]) for title, names in AREAS]
    return Permissions([capital(name) for name in named] or [_("In all processes")], areas)


def _right(principal: Principal, capability: str, workflows: Sequence[str]) -> Right:
    """What concerns no process has the same answer in each column."""
    asked = [None] if capability in INSTALLATION or not workflows else list(workflows)
    verdicts = [may(principal, capability, workflow) for workflow in asked]
    cells = [Cell("ok", _("yes")) if verdict.allowed else Cell("cancelled", _("no")) for verdict in verdicts]
    why = next((verdict.reason for verdict in verdicts if not verdict.allowed), "")
    return Right(capital(_(CAPABILITIES[capability])), cells * (max(len(workflows), 1) // len(cells)), why)
