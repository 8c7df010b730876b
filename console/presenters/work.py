"""Words of the list of work: what it is narrowed to, the tabs beside it, and one line per instance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from console.presenters.course import course
from console.presenters.tones import status_words, tone
from console.standings import definition_of
from console.statuswords import capital, system, words
from workflows.dsl.definition import Definition
from workflows.queries import trouble
from workflows.queries.instances import Filters, InstanceRow

#: name of the tab, its label, and what it narrows the list to
TABS = {
    "all": gettext_lazy("Everything"),
    "live": gettext_lazy("Under way"),
    "person": gettext_lazy("Needs a person"),
    "held": gettext_lazy("Tried again"),
    "undo": gettext_lazy("Being corrected"),
    "late": gettext_lazy("Past its deadline"),
    "ended": gettext_lazy("Ended"),
}
_NARROWS: dict[str, dict[str, object]] = {
    "all": {},
    "live": {"alive": True},
    "person": {"alive": True, "needs_person": True},
    "held": {"alive": True, "waiting_kind": ("retry", "breaker")},
    "undo": {"alive": True, "lifecycle": ("compensating",)},
    "late": {"overdue": True},
    "ended": {"alive": False},
}
#: query parameters that narrow, besides `tab` and `attr.NAME`; the last ones come from links and have no choice
CHOICES = ("workflow", "stage", "status", "dependency", "step", "cause", "held_up_by", "version")
LINKED = ("step", "cause", "held_up_by", "version")
#: counts end here
MOST = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for; everything unknown in it was dropped."""

    tab: str
    chosen: Mapping[str, str]
    q: str
    attributes: Mapping[str, str]
    cursor: str

    def filters(self) -> Filters:
        """The same as a query understands it."""
        values: dict[str, object] = {name: (value,) for name, value in self.chosen.items() if name != "version"}
        if "version" in self.chosen:
            values["version"] = int(self.chosen["version"])
        return Filters(q=self.q, attributes=self.attributes, **values, **_NARROWS[self.tab])  # type: ignore[arg-type]

    @property
    def linked(self) -> dict[str, str]:
        """What a link narrowed the list to, to be sent along by the form."""
        return {name: self.chosen[name] for name in LINKED if name in self.chosen}

    def url(self, **changes: str) -> str:
        """The address of this list with some things changed; an empty value drops one."""
        named = {"tab": "" if self.tab == "all" else self.tab, **self.chosen, "q": self.q}
        named |= {f"attr.{name}": value for name, value in self.attributes.items()}
        kept = {name: value for name, value in (named | changes).items() if value}
        return f"{reverse('work')}?{urlencode(kept)}" if kept else reverse("work")


@dataclass(frozen=True, slots=True)
class Tab:
    """One way to narrow the list; `count` is empty where counting would be dear."""

    label: str
    url: str
    here: bool
    count: str


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a filter."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """One filter of the sentence: `lead` stands before it, `none` is what it says when it narrows nothing."""

    name: str
    lead: str
    label: str
    none: str
    options: list[Option]
    groups: list[tuple[str, list[Option]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One instance in the list."""

    id: str
    key: str
    run: str
    url: str
    revision: int
    tone: str
    status: str
    detail: str
    stage: str
    course: SafeString
    since: datetime
    next: str
    next_at: datetime | None
    owner: str
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Term:
    """A filter that is not in the sentence, with the address of the list without it."""

    words: str
    without: str


def lines(rows: Iterable[InstanceRow]) -> list[Line]:
    """The rows in words."""
    return [_line(row) for row in rows]


def _line(row: InstanceRow) -> Line:
    definition, mark = definition_of(row.workflow, row.version), tone(row)
    declared = definition.sentences.get(row.status, ("", ""))[0] if definition else ""
    stages = tuple(stage.name for stage in definition.stages) if definition else ()
    noun = definition.noun if definition else row.workflow
    step_in = reverse("instance", args=[row.workflow, row.key])
    return Line(
        id=str(row.id),
        key=f"{capital(noun)} {row.key}",
        run=_("run %(n)d") % {"n": row.run} if row.run > 1 else "",
        url=f"{step_in}?run={row.run}" if row.run > 1 else step_in,
        revision=row.revision,
        tone=mark,
        status=status_words(row),
        detail=row.reason or declared,
        stage=row.stage,
        course=course(stages, row.stage, mark),
        since=row.since,
        next=_next(row),
        next_at=row.next_at if row.ended_at is None else None,
        owner=row.owner,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def _next(row: InstanceRow) -> str:
    """The next automatic action in a word or two; its time stands beside it."""
    if row.ended_at is not None:
        return ""
    if row.lifecycle == "paused":
        return _("paused")
    if row.waiting_kind == "person":
        return _("a person acts")
    names = {"ask": _("asks"), "escalate": _("calls a person"), "fire": _("goes on")}
    if row.waiting_kind == "breaker":
        return _("when %(system)s is back") % {"system": system(row.waiting_name)}
    if row.next_at is None:
        return ""
    return names.get(row.next_what, _("tries again"))


def tabs(asked: Asked, counts: Mapping[str, int]) -> list[Tab]:
    """The tabs with their counts, as far as they are known."""
    return [
        Tab(
            str(label),
            asked.url(tab="" if name == "all" else name),
            asked.tab == name,
            f"{counts[name]:,}" if name in counts else "",
        )
        for name, label in TABS.items()
    ]


def total(count: int) -> str:
    """How many match, honestly bounded."""
    if count > MOST:
        return _("more than %(n)s") % {"n": f"{MOST:,}"}
    return ngettext("%(n)s result", "%(n)s results", count) % {"n": f"{count:,}"}


def choices(asked: Asked, definitions: Sequence[Definition]) -> list[Choice]:
    """The filters of the sentence, in the order they are read."""
    chosen = asked.chosen
    meant = [one for one in definitions if one.name == chosen.get("workflow")] or list(definitions)
    nouns = [(one.name, f"{one.noun}s") for one in definitions]
    stages = [(one.noun, [(s.name, s.name) for s in one.stages]) for one in meant]
    statuses = [(one.noun, [(name, capital(words(name))) for name in one.statuses]) for one in meant]
    systems = sorted({d.name for one in meant for d in one.dependencies if d.adapter != "internal"})
    return [
        _choice("workflow", "", _("Process"), _("everything"), chosen, [("", nouns)]),
        _choice("stage", _("in"), _("Stage"), _("any stage"), chosen, stages),
        _choice("status", _("with"), _("Status"), _("any status"), chosen, statuses),
        _choice("dependency", _("at"), _("System"), _("any system"), chosen, [("", [(s, words(s)) for s in systems])]),
    ]


def _choice(
    name: str,
    lead: str,
    label: str,
    none: str,
    chosen: Mapping[str, str],
    groups: Sequence[tuple[str, Sequence[tuple[str, str]]]],
) -> Choice:
    found = [(title, [Option(v, text, chosen.get(name) == v) for v, text in options]) for title, options in groups]
    if len(found) == 1:
        return Choice(name, lead, label, none, found[0][1], [])
    return Choice(name, lead, label, none, [], [(capital(f"{title}s"), options) for title, options in found])


def terms(asked: Asked) -> list[Term]:
    """The filters that a link or an attribute brought along, each with the way to drop it."""
    linked = [Term(_linked(name, value), asked.url(**{name: ""})) for name, value in asked.linked.items()]
    return linked + [
        Term(_("%(name)s is %(value)s") % {"name": words(name), "value": value}, asked.url(**{f"attr.{name}": ""}))
        for name, value in asked.attributes.items()
    ]


def _linked(name: str, value: str) -> str:
    if name == "held_up_by":
        return _("held up by %(system)s") % {"system": system(value)}
    if name == "step":
        return _("step: %(step)s") % {"step": words(value)}
    if name == "version":
        return _("version %(n)s") % {"n": value}
    cause = trouble.parse(value)
    if cause is None:
        return _("cause: unknown")
    about = {"system": words(cause.dependency), "step": words(cause.step)}
    return _("cause: %(system)s fails") % about if cause.whole else _("cause: %(step)s in trouble") % about
