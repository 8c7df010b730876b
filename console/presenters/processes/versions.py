"""The versions side by side: what each is for new instances, how it does, and what it does otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from django.urls import reverse
from django.utils.translation import gettext as _

from console.presenters.names import step_name
from console.presenters.processes import telling
from console.presenters.processes.process import Process, work_url
from console.statuswords import capital, words
from workflows.dsl.compare import Changed, differences
from workflows.dsl.definition import Definition
from workflows.dsl.describe import fingerprint
from workflows.queries.processes import Outcome


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a version, with its share of those that started."""

    label: str
    value: str
    share: str = ""
    kind: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a bar 100 wide."""

    kind: str
    x: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionCard:
    """One version. Without its code here only what is under way in it is known."""

    number: int
    role: str
    installed: bool
    drawn: bool
    url: str
    live: str
    live_url: str
    fingerprint: str
    figures: list[Figure]
    bar: list[Piece]


@dataclass(frozen=True, slots=True)
class Difference:
    """A step that differs, and each part of it: label, before and after."""

    title: str
    word: str
    tone: str
    parts: list[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Differing:
    """In what one version differs from the one before it."""

    earlier: int
    later: int
    steps: list[Difference]
    beside: str

    @property
    def any(self) -> bool:
        return bool(self.steps or self.beside)


def cards(process: Process) -> list[VersionCard]:
    """A card for each version, the newest first."""
    return [_card(process, number) for number in reversed(process.numbers)]


def _card(process: Process, number: int) -> VersionCard:
    installed = {one.version: one for one in process.versions}
    definition, live = installed.get(number), process.count(lambda one: one.version == number)
    outcome = process.comparison.outcomes.get(number)
    return VersionCard(
        number=number,
        role=telling.role(process.decided.share, number, sorted(installed)),
        installed=definition is not None,
        drawn=number == process.drawn.version,
        url=f"{reverse('process', args=[process.name])}?version={number}",
        live=f"{live:,}",
        live_url=work_url(process.name, version=number) if live else "",
        fingerprint=fingerprint(definition) if definition else "",
        figures=_figures(definition, outcome) if outcome else [],
        bar=_bar(outcome) if outcome else [],
    )


def _figures(definition: Definition | None, outcome: Outcome) -> list[Figure]:
    """What became of those that started: the ways to end by their business words, as far as the code is there."""
    endings = definition.endings if definition else None
    counted = [
        (capital(words(endings.completed)) if endings else _("Ended well"), outcome.completed, "flow"),
        (_("Under way"), outcome.live - outcome.person, "wait"),
        (_("Need a person"), outcome.person, "person"),
        (capital(words(endings.compensated)) if endings else _("Corrected"), outcome.compensated, "undo"),
        (capital(words(endings.failed)) if endings else _("Refused"), outcome.failed, "held"),
        (capital(words(endings.cancelled)) if endings else _("Cancelled"), outcome.cancelled, "held"),
    ]
    figures = [Figure(label, f"{n:,}", _share(n, outcome.started), kind) for label, n, kind in counted]
    return [Figure(_("Started"), f"{outcome.started:,}"), *figures]


def _share(count: int, started: int) -> str:
    if not count:
        return ""
    share = count / started * 100
    return f"{share:.1f} %" if share < 10 and share != int(share) else f"{share:.0f} %"


def _bar(outcome: Outcome) -> list[Piece]:
    """The same as a bar 100 wide, in the order of the figures."""
    parts = (
        ("flow", outcome.completed), ("wait", outcome.live - outcome.person), ("person", outcome.person),
        ("undo", outcome.compensated), ("held", outcome.failed + outcome.cancelled),
    )  # fmt: skip
    pieces, x = list[Piece](), 0.0
    for kind, count in parts:
        width = count / outcome.started * 100
        if count:
            pieces.append(Piece(kind, round(x, 2), round(width, 2)))
        x += width
    return pieces


def differing(versions: Sequence[Definition]) -> list[Differing]:
    """Each version beside the one before it, the newest first."""
    return [_differing(earlier, later) for earlier, later in reversed(list(pairwise(versions)))]


def _differing(earlier: Definition, later: Definition) -> Differing:
    found = differences(earlier, later)
    steps = [
        *(Difference(_title(later, name), _added(later, name), "here", []) for name in found.added),
        *(Difference(_title(earlier, name), _("removed"), "cancelled", []) for name in found.removed),
        *(
            Difference(_title(later, one.step), _("changed"), "flow", _parts(earlier, later, one))
            for one in found.changed
        ),
    ]
    return Differing(earlier.version, later.version, steps, ", ".join(_label(name) for name in found.beside))


def _added(later: Definition, name: str) -> str:
    return _("added in %(stage)s") % {"stage": later.stages[later.by_name[name].stage].name}


def _title(definition: Definition, name: str) -> str:
    return capital(step_name(definition, name))


def _parts(earlier: Definition, later: Definition, changed: Changed) -> list[tuple[str, str, str]]:
    return [
        (
            _label(part.name),
            _steps(earlier, part.before) if part.name == "after" else part.before,
            _steps(later, part.after) if part.name == "after" else part.after,
        )
        for part in changed.parts
    ]


def _steps(definition: Definition, names: str) -> str:
    return ", ".join(step_name(definition, name) for name in names.split(", ") if name)


def _label(name: str) -> str:
    """What a part of a definition is called."""
    known = {
        "after": _("waits for"),
        "when": _("only when"),
        "calls": _("system"),
        "compensate": _("corrected by"),
        "parameters": _("reads"),
        "within": _("in time"),
        "given": _("input"),
        "diverts": _("what goes to other processes"),
        "dependencies": _("how its systems are called"),
    }
    return known.get(name) or words(name)
