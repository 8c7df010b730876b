"""Words and drawings of the live home: the state in a sentence, what needs a person, the stage board, the pulse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.presenters.sparkline import Sparkline, grouped, sparkline
from console.presenters.tones import noun
from console.statuswords import activity, capital, system, words
from workflows.dsl.definition import Definition
from workflows.queries.board import Cause, Crew, Group, Traffic

#: rows of *Needs a person*; more than these are behind a link
MOST_NEEDS = 6
#: a system is in trouble when at least this share of at least so many calls failed
BAD_SHARE, FEW_CALLS = 0.1, 5
#: share of a cell's bar each kind of work gets, in the order drawn
#: the ways an instance can end
ENDINGS = ("completed", "compensated", "cancelled", "failed")
KINDS = ("flow", "wait", "paused", "undo", "held", "person")


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Everything the page is made of, as it was read."""

    now: datetime
    definitions: Sequence[Definition]
    groups: Sequence[Group]
    causes: Sequence[Cause]
    unmatched: int
    unmatched_since: datetime | None
    traffic: Sequence[Traffic]
    crew: Crew
    rates: dict[str, list[int]]

    @property
    def nouns(self) -> dict[str, str]:
        return {one.name: one.noun for one in self.definitions}


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One cause that a person should know of. `url` is empty where there is nothing to open."""

    key: str
    tone: str
    words: SafeString
    note: str = ""
    since: datetime | None = None
    verb: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """A piece of a bar 100 wide."""

    kind: str
    x: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One stage of one workflow. `note` replaces the age of the oldest when something is the matter."""

    stage: str
    count: int
    oldest: datetime | None
    note: str
    tone: str
    shares: list[Share]
    said: str
    url: str


@dataclass(frozen=True, slots=True)
class Row:
    """One workflow of the stage board."""

    name: str
    url: str
    count: int
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class System:
    """A system the processes call: how it does, in words, with its calls per minute."""

    name: str
    words: str
    line: Sparkline | None


@dataclass(frozen=True, slots=True)
class Beat:
    """One number of the pulse strip; `bad` is a colour and `note` the word for it."""

    label: str
    value: str
    note: str = ""
    bad: bool = False
    line: Sparkline | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """The whole page."""

    sentence: SafeString
    needs: list[Need]
    more: int
    troubled: list[System]
    healthy: list[System]
    board: list[Row]
    beats: list[Beat]


def watch(news: News) -> Watch:
    """The page in words."""
    needs = _needs(news)
    troubled = [one for one in news.traffic if _troubled(one) or _held(news, one.dependency)]
    healthy = [one for one in news.traffic if one not in troubled]
    return Watch(
        sentence=_sentence(news, sum(1 for need in needs if need.tone == "person")),
        needs=needs[:MOST_NEEDS],
        more=max(0, len(needs) - MOST_NEEDS),
        troubled=[_system(one, _held(news, one.dependency), news) for one in troubled],
        healthy=[_system(one, [], news) for one in healthy],
        board=[_row(one, [g for g in news.groups if g.workflow == one.name]) for one in news.definitions],
        beats=_beats(news),
    )


# --- the sentence ---------------------------------------------------------------------------------------------------


def _sentence(news: News, causes: int) -> SafeString:
    told = [_about_people(causes)] if causes else []
    held = sorted(_by_dependency(news).items(), key=lambda pair: -sum(g.count for g in pair[1]))
    told += [_about_system(name, found, news) for name, found in held[:2]]
    moving = [group for group in news.groups if group.kind not in ("person", "held")]
    told.append(_about_rest(moving, news, alone=not told))
    return format_html_join(" ", "{}", ((one,) for one in told if one))


def _about_people(causes: int) -> SafeString:
    template = ngettext("<b>{n} cause</b> needs a person.", "<b>{n} causes</b> need a person.", causes)
    return format_html(template, n=causes)


def _about_system(name: str, found: Sequence[Group], news: News) -> SafeString:
    count = sum(group.count for group in found)
    template = ngettext(
        "<b>{system}</b> does not answer well: <b>{cases}</b> is tried again by itself.",
        "<b>{system}</b> does not answer well: <b>{cases}</b> are tried again by themselves.",
        count,
    )
    return format_html(template, system=capital(system(name)), cases=_counted(found, news))


def _about_rest(moving: Sequence[Group], news: News, *, alone: bool) -> SafeString:
    count = sum(group.count for group in moving)
    if not news.crew.workers and (count or news.crew.ready):
        return SafeString(_("Nothing moves, because no worker is alive."))
    if not count:
        return SafeString(_("Nothing is under way.") if alone else _("Nothing else is under way."))
    cases = _counted(moving, news)
    if alone:
        template = ngettext(
            "Everything flows: <b>{cases}</b> is under way.", "Everything flows: <b>{cases}</b> are under way.", count
        )
    else:
        template = ngettext("Everything else flows (<b>{cases}</b>).", "Everything else flows (<b>{cases}</b>).", count)
    return format_html(template, cases=cases)


def _counted(found: Iterable[Group], news: News) -> str:
    every = list(found)
    return noun(sum(group.count for group in every), {group.workflow for group in every}, news.nouns)


# --- what needs a person ----------------------------------------------------------------------------------------------


def _needs(news: News) -> list[Need]:
    """Money or goods wrong outside first, then deadlines, then stuck work, stray callbacks, and warnings last."""
    stuck = [_stuck(cause, news) for cause in news.causes if not cause.correcting]
    return [
        *_missing_crew(news),
        *(_stuck(cause, news) for cause in news.causes if cause.correcting),
        *_late(news),
        *stuck,
        *_stray(news),
        *(_trouble(name, found, news) for name, found in sorted(_by_dependency(news).items())),
    ]


def _missing_crew(news: News) -> list[Need]:
    found = []
    if not news.crew.workers:
        text = _("<b>No worker</b> is alive. What comes in is kept, but nothing moves until one is started.")
        found.append(Need(key="workers", tone="person", words=format_html(text)))
    if not news.crew.pumps:
        text = _("<b>No pump</b> is alive. Retries, deadlines and outgoing events wait until one is started.")
        found.append(Need(key="pumps", tone="person", words=format_html(text)))
    return found


def _stuck(cause: Cause, news: News) -> Need:
    definition = next((d for d in news.definitions if d.name == cause.workflow), None)
    cases = noun(cause.count, {cause.workflow}, news.nouns)
    declared = definition.sentences.get(cause.status, ("", ""))[0] if definition else ""
    what = declared or _("%(what)s cannot go on without a person") % {"what": activity(cause.status)}
    if cause.correcting:
        what = _("what was done cannot be corrected without a person (%(step)s)") % {"step": words(cause.step)}
    only = cause.count == 1
    where = f"{capital(definition.noun)} {cause.key}" if only and definition else cases
    url = reverse("instance", args=[cause.workflow, cause.key]) if only else work_url(
        workflow=cause.workflow, tab="person", status=cause.status
    )  # fmt: skip
    parts = [cause.reason, cause.owner]
    return Need(
        key=f"{cause.workflow}/{cause.status}/{cause.step}",
        tone="person",
        words=format_html("<b>{}</b>: {}", where, _lower(what)),
        note=" · ".join(part for part in parts if part),
        since=cause.oldest,
        verb=_("Look") if only else _("Show them"),
        url=url,
    )


def _late(news: News) -> list[Need]:
    found = []
    for definition in news.definitions:
        late = [group for group in news.groups if group.workflow == definition.name and group.late]
        count = sum(group.late for group in late)
        if count:
            template = ngettext(
                "<b>{cases}</b> is past its deadline.", "<b>{cases}</b> are past their deadline.", count
            )
            escalated = definition.deadline.escalate_to if definition.deadline else ""
            cases = noun(count, {definition.name}, news.nouns)
            found.append(
                Need(
                    key=f"late/{definition.name}",
                    tone="person",
                    words=format_html(template, cases=cases),
                    note=escalated or definition.owner,
                    verb=_("Show them"),
                    url=work_url(workflow=definition.name, tab="late"),
                )
            )
    return found


def _stray(news: News) -> list[Need]:
    if not news.unmatched:
        return []
    template = ngettext(
        "<b>{n} callback</b> came in that nobody waits for. It is kept.",
        "<b>{n} callbacks</b> came in that nobody waits for. They are kept.",
        news.unmatched,
    )
    return [
        Need(key="stray", tone="held", words=format_html(template, n=news.unmatched), since=news.unmatched_since),
    ]


def _trouble(name: str, found: Sequence[Group], news: News) -> Need:
    count = sum(group.count for group in found)
    template = ngettext(
        "<b>{system}</b> does not answer well. <b>{cases}</b> is tried again by itself.",
        "<b>{system}</b> does not answer well. <b>{cases}</b> are tried again by themselves.",
        count,
    )
    return Need(
        key=f"trouble/{name}",
        tone="held",
        words=format_html(template, system=capital(system(name)), cases=_counted(found, news)),
        since=min(group.oldest for group in found),
        verb=_("Show them"),
        url=work_url(tab="held", dependency=name),
    )


def _by_dependency(news: News) -> dict[str, list[Group]]:
    found: dict[str, list[Group]] = {}
    for group in news.groups:
        if group.kind == "held" and group.dependency:
            found.setdefault(group.dependency, []).append(group)
    return found


def _lower(text: str) -> str:
    """The text as the rest of a sentence: an acronym keeps its capitals."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


# --- systems ------------------------------------------------------------------------------------------------------------


def _troubled(one: Traffic) -> bool:
    return one.attempts >= FEW_CALLS and one.failure_share >= BAD_SHARE


def _held(news: News, dependency: str) -> list[Group]:
    return _by_dependency(news).get(dependency, [])


def _system(one: Traffic, held: Sequence[Group], news: News) -> System:
    calls = ngettext("%(n)s call in 15 min", "%(n)s calls in 15 min", one.attempts) % {"n": f"{one.attempts:,}"}
    parts = [calls if one.attempts else _("no calls in 15 min")]
    if one.failures:
        parts.append(_("%(percent)d %% failed") % {"percent": round(one.failure_share * 100)})
    if held:
        parts.append(_("%(cases)s tried again") % {"cases": _counted(held, news)})
    return System(capital(words(one.dependency)), " · ".join(parts), sparkline(one.minutes))


# --- the stage board ----------------------------------------------------------------------------------------------------


def _row(definition: Definition, found: Sequence[Group]) -> Row:
    declared = [stage.name for stage in definition.stages]
    former = sorted({group.stage for group in found} - set(declared))
    cells = [
        _cell(definition.name, stage, [group for group in found if group.stage == stage])
        for stage in [*declared, *former]
    ]
    plural = capital(f"{definition.noun}s")
    return Row(plural, work_url(workflow=definition.name), sum(group.count for group in found), cells)


def _cell(workflow: str, stage: str, found: Sequence[Group]) -> Cell:
    counts = {kind: sum(group.count for group in found if group.kind == kind) for kind in KINDS}
    total, late = sum(counts.values()), sum(group.late for group in found)
    note, tone = _matter(counts, late)
    said = ", ".join(f"{_kind_words()[kind]}: {count}" for kind, count in counts.items() if count)
    return Cell(
        stage=stage,
        count=total,
        oldest=min((group.oldest for group in found), default=None),
        note=note,
        tone=tone,
        shares=_shares(counts, total),
        said=said or _("nothing here"),
        url=work_url(workflow=workflow, stage=stage),
    )


def _matter(counts: dict[str, int], late: int) -> tuple[str, str]:
    """What is the matter in a stage, most pressing first, with its tone."""
    if counts["person"]:
        template = ngettext("%(n)s needs a person", "%(n)s need a person", counts["person"])
        return template % {"n": f"{counts['person']:,}"}, "person"
    if late:
        return _("%(n)s late") % {"n": f"{late:,}"}, "person"
    if counts["held"]:
        return _("%(n)s tried again") % {"n": f"{counts['held']:,}"}, "held"
    if counts["undo"]:
        return _("%(n)s being corrected") % {"n": f"{counts['undo']:,}"}, "undo"
    return "", ""


def _kind_words() -> dict[str, str]:
    return {
        "flow": _("moving"),
        "wait": _("waiting for an answer"),
        "paused": _("paused"),
        "undo": _("being corrected"),
        "held": _("tried again"),
        "person": _("needs a person"),
    }


def _shares(counts: dict[str, int], total: int) -> list[Share]:
    shares, x = [], 0.0
    for kind in KINDS:
        if counts[kind]:
            width = counts[kind] / total * 100
            shares.append(Share("wait" if kind == "paused" else kind, round(x, 2), round(width, 2)))
            x += width
    return shares


# --- the pulse ------------------------------------------------------------------------------------------------------------


def _beats(news: News) -> list[Beat]:
    started, ended = (
        news.rates["started"],
        [news.rates[name] for name in ENDINGS],
    )
    finished = [sum(one) for one in zip(*ended, strict=True)]
    unhappy, every = sum(ended[1]) + sum(ended[3]), sum(finished)
    crew = news.crew
    return [
        Beat(_("Started, last hour"), f"{sum(started):,}", line=sparkline(grouped(started, 5))),
        Beat(_("Ended, last hour"), f"{every:,}", line=sparkline(grouped(finished, 5))),
        Beat(
            _("of those corrected or refused"),
            f"{unhappy / every:.1%}" if every else "–",
            bad=every >= 20 and unhappy / every > 0.1,
        ),
        Beat(_("Workers"), f"{crew.workers}", note="" if crew.workers else _("none alive"), bad=not crew.workers),
        Beat(_("Pump"), _("alive") if crew.pumps else _("none alive"), bad=not crew.pumps),
        Beat(_("Ready for a worker"), f"{crew.ready:,}", since=crew.ready_since),
    ]


def work_url(**filters: str) -> str:
    """The list of work with these filters."""
    return f"{reverse('work')}?{urlencode(filters)}" if filters else reverse("work")
