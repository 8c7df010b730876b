"""Gathers everything the page of one instance shows, in the words of the people who read it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from breakers.queries import Standing, news_id
from console.presenters import acting, asked, milestones, outside, steps, technical, track
from console.presenters.acting import Deeds
from console.presenters.arrivals import Arrival, Arrivals
from console.presenters.bodies import Field, fields
from console.presenters.dependencies.switch import Switch, switch
from console.presenters.graph import Drawing, drawing
from console.presenters.milestones import Entry, Milestone
from console.presenters.names import currency_in, took
from console.presenters.outside import Chip
from console.presenters.steps import StepCard
from console.presenters.technical import Pages
from console.presenters.track import Leg
from console.sentences import Sentence, sentence
from console.standings import NOTHING, standing
from console.statuswords import capital, words
from workflows.core.events import PersonAsked, from_data
from workflows.interventions import AllowedAction
from workflows.queries.details import Detail
from workflows.queries.instances import PRIORITIES, InstanceRow
from workflows.queries.keys import Run
from workflows.queries.operations import OperationRow
from workflows.queries.surroundings import Around

#: milestones on the first screen
LATEST = 6
TABS = ("milestones", "steps", "graph", "data", "technical")


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab; `url` is relative to the page."""

    name: str
    label: str
    url: str
    here: bool


@dataclass(frozen=True, slots=True)
class Attribute:
    """One value instances can be found by, and the list of those that share it."""

    label: str
    text: str
    hidden: bool
    same_url: str


@dataclass(frozen=True, slots=True)
class Barrier:
    """The breaker that holds an instance up."""

    switch: Switch
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the address asks for: the run, the tab, everything or the beginning, and below which history seq."""

    #: 0: the latest run
    run: int = 0
    tab: str = "milestones"
    everything: bool = False
    before: int = 0

    def url(self, **changes: object) -> str:
        """The address of the same page with some wishes changed; wishes at their default are left out."""
        wish = replace(self, **{"everything": False, "before": 0, **changes})  # type: ignore[arg-type]
        parts = {"run": wish.run, "tab": wish.tab, "all": int(wish.everything), "before": wish.before}
        default = {"run": 0, "tab": "milestones", "all": 0, "before": 0}
        return "?" + urlencode({name: value for name, value in parts.items() if value != default[name]})


@dataclass(frozen=True, slots=True, kw_only=True)
class InstancePage:
    """The first screen and the open tab. What belongs to other tabs is empty."""

    detail: Detail
    title: str
    noun: str
    sentence: Sentence
    tone: str
    word: str
    due: str
    chips: list[Chip]
    legs: list[Leg]
    tabs: list[Tab]
    wish: Wish
    present: list[StepCard]
    #: the breaker that holds it up, drawn, with the page of its system; None if none does
    barrier: Barrier | None
    #: ids of the news that concern this page: the instance, the breaker, and what is asked for and not decided
    live: str
    #: no live worker has the code for its version
    without_code: bool
    #: what was found out for the person who has to act
    evidence: list[Field]
    #: effects that were corrected, and those that stay, for an ended instance
    corrected: list[Chip]
    lasting: list[Chip]
    took: str
    same_cause: int
    deeds: Deeds
    acts: list[asked.Act]
    runs: list[Run]
    facts: list[tuple[str, str]]
    milestones: list[Milestone]
    more_milestones: int
    cards: list[StepCard]
    graph: Drawing | None
    input: list[Field]
    attributes: list[Attribute]
    history: Pages | None
    arrivals: list[Arrival]

    @property
    def row(self) -> InstanceRow:
        """The instance's present values."""
        return self.detail.row

    @property
    def tab(self) -> str:
        """The open tab."""
        return self.wish.tab

    @property
    def data_url(self) -> str:
        """The tab with the input."""
        return self.wish.url(tab="data")

    @property
    def same_url(self) -> str:
        """The list of instances in the same trouble."""
        return "/work/?" + urlencode({"workflow": self.row.workflow, "status": self.row.status})

    @property
    def all_url(self) -> str:
        """The open tab with everything it can show."""
        return self.wish.url(everything=True)

    @property
    def older_url(self) -> str:
        """The page of the history below this one; empty at its beginning."""
        return self.wish.url(before=self.history.older) if self.history and self.history.older else ""

    @property
    def newer_url(self) -> str:
        """The page of the history above this one; empty at its end."""
        if not self.history or not self.history.newer:
            return ""
        return self.wish.url(before=max(self.history.newer, 0))


def page(
    detail: Detail,
    *,
    runs: list[Run],
    verdicts: Sequence[AllowedAction],
    operations: Sequence[OperationRow],
    same_cause: int,
    arrivals: Arrivals | None,
    around: Around = NOTHING,
    wish: Wish,
    now: datetime,
) -> InstancePage:
    """The page as of `now`."""
    row, definition, breaker = detail.row, detail.definition, around.breaker
    entries: list[Entry] = [(event, from_data(event.type, event.schema, event.data)) for event in detail.events]
    cards = steps.cards(detail, everything=wish.everything)
    told = milestones.milestones(entries, definition)
    shown = told if wish.tab == "milestones" and wish.everything else told[:LATEST]
    noun = definition.noun if definition else row.workflow
    tone, word = state_words(row)
    chips: list[Chip] = []
    if definition:
        by_name = {step.name: step for step in detail.steps}
        chips = outside.outside(definition, [event for _seq, event in entries], by_name, currency_in(detail.input))
    return InstancePage(
        detail=detail,
        title=capital(f"{words(noun)} {row.key}"),
        noun=noun,
        sentence=sentence(standing(row, around, error=_error(detail)), now),
        tone=tone,
        word=word,
        due=_due(row, now),
        chips=chips,
        legs=track.track(row, definition, entries, turned_back=_turned_back(detail)) if definition else [],
        tabs=[Tab(name, _tab_label(name), wish.url(tab=name), name == wish.tab) for name in TABS],
        wish=wish,
        present=_present(row, cards),
        barrier=Barrier(switch(breaker), reverse("dependency", args=[breaker.name])) if breaker else None,
        live=_live(row, breaker, operations),
        without_code=around.without_code,
        evidence=_evidence(row, entries),
        took=took(row.ended_at - row.started_at) if row.ended_at else "",
        corrected=[chip for chip in chips if chip.tone == "undo"] if row.ended_at else [],
        lasting=_lasting(detail, chips),
        same_cause=same_cause,
        deeds=acting.deeds(detail, verdicts, now),
        acts=[asked.act(operation, noun) for operation in operations],
        runs=runs,
        facts=_facts(row),
        milestones=shown,
        more_milestones=len(told) - len(shown),
        cards=cards if wish.tab in ("steps", "graph") else [],
        graph=drawing(definition, cards) if definition and wish.tab == "graph" else None,
        input=fields(detail.input, everything=wish.everything) if wish.tab == "data" else [],
        attributes=_attributes(row) if wish.tab == "data" else [],
        history=technical.pages(entries, definition, wish.before) if wish.tab == "technical" else None,
        arrivals=arrivals.told() if arrivals else [],
    )


def _turned_back(detail: Detail) -> bool:
    return detail.state.correction is not None


def _error(detail: Detail) -> str:
    """What the present step, or its correction, was answered last."""
    step = detail.present
    if step is None:
        return ""
    return step.compensation.last_error if step.compensation and _turned_back(detail) else step.last_error


def state_words(row: InstanceRow) -> tuple[str, str]:
    """Mark and business status of an instance."""
    endings = {"completed": "ok", "compensated": "undo", "cancelled": "cancelled", "failed": "failed"}
    if row.lifecycle in endings:
        tone = endings[row.lifecycle]
    elif row.needs_person:
        tone = "person"
    elif row.lifecycle == "paused":
        tone = "paused"
    elif row.lifecycle == "compensating":
        tone = "undo"
    elif row.waiting_kind in ("retry", "breaker"):
        tone = "held"
    else:
        tone = "wait" if row.lifecycle == "waiting" else "flow"
    return tone, capital(words(row.status))


def _due(row: InstanceRow, now: datetime) -> str:
    """How the deadline stands: empty, kept, missed, ahead, near or passed."""
    if row.deadline_at is None:
        return ""
    if row.ended_at is not None:
        return "kept" if row.ended_at <= row.deadline_at else "missed"
    if row.deadline_at <= now:
        return "passed"
    return "near" if row.deadline_state == "near" else "ahead"


def _present(row: InstanceRow, cards: list[StepCard]) -> list[StepCard]:
    """What is going on now: the step the status is about first, then the others that are under way."""
    if row.ended_at is not None:
        return []
    under_way = [card for card in cards if card.name == row.step or _under_way(card)]
    return sorted(under_way, key=lambda card: card.name != row.step)


def _evidence(row: InstanceRow, entries: Sequence[Entry]) -> list[Field]:
    """What the last request for a person brought along."""
    if not row.needs_person:
        return []
    asked = [event for _source, event in entries if isinstance(event, PersonAsked) and event.step == row.step]
    return fields(dict(asked[-1].evidence)) if asked else []


def _under_way(card: StepCard) -> bool:
    if card.correction is not None:
        return card.correction.tone in ("here", "held", "person", "wait")
    return not card.over and card.tone != "ahead"


def _lasting(detail: Detail, chips: list[Chip]) -> list[Chip]:
    """What stays as it was done although the instance was corrected; telling people about it does not count."""
    if detail.row.lifecycle not in ("compensated", "cancelled", "failed") or detail.definition is None:
        return []
    alerts = {node.name for node in detail.definition.alerts}
    return [chip for chip in chips if chip.tone in ("ok", "unknown", "person") and chip.step not in alerts]


def _tab_label(name: str) -> str:
    match name:
        case "milestones":
            return _("Milestones")
        case "steps":
            return _("Steps")
        case "graph":
            return _("Graph")
        case "data":
            return _("Data")
    return _("Technical")


def _attributes(row: InstanceRow) -> list[Attribute]:
    shown = zip(row.attributes, fields(dict(row.attributes)), strict=True)
    return [Attribute(field.label, field.text, field.hidden, _same_value(row, name)) for name, field in shown]


def _same_value(row: InstanceRow, name: str) -> str:
    value = row.attributes[name]
    text = value if isinstance(value, str) else json.dumps(value)
    return "/work/?" + urlencode({"workflow": row.workflow, f"attr.{name}": text})


def _live(row: InstanceRow, breaker: Standing | None, operations: Sequence[OperationRow]) -> str:
    undecided = [operation.id for operation in operations if operation.decided_at is None]
    return " ".join(str(about) for about in (row.id, *([news_id(breaker.name)] if breaker else ()), *undecided))


def _facts(row: InstanceRow) -> list[tuple[str, str]]:
    """What programs and colleagues ask for: version, run, who started it."""
    who = _("taken in automatically") if row.initiator_kind == "system" else row.initiator
    facts = [(_("Version"), str(row.version)), (_("Started by"), who)]
    if row.run > 1:
        facts.insert(1, (_("Run"), str(row.run)))
    if row.generation > 1:
        facts.append((_("Taken up again"), _("%(n)d times") % {"n": row.generation - 1}))
    if row.priority != 1:
        facts.append((_("Priority"), PRIORITIES[row.priority]))
    return facts
