"""What needs a person, one line per cause, the most pressing first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.presenters.dependencies.telling import warning
from console.presenters.names import step_name
from console.presenters.repair.tabs import Asked, cause_url
from console.presenters.tones import noun
from console.presenters.watch.news import News, by_dependency, counted, guarded, work_url
from console.statuswords import activity, capital, system
from workflows.queries import trouble
from workflows.queries.board import Cause, Group
from workflows.queries.dependencies import DependencyRow
from workflows.queries.trouble import outage
from workflows.queries.unserved import Unserved


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One cause that a person should know of. `url` is empty where there is nothing to open.

    `holder` is who looks after it; `cause` is sent to take it, and empty where nobody can or somebody has.
    """

    key: str
    tone: str
    words: SafeString
    note: str = ""
    since: datetime | None = None
    verb: str = ""
    url: str = ""
    holder: str = ""
    cause: str = ""


def needs(news: News) -> list[Need]:
    """Money or goods wrong outside first, then deadlines, then stuck work, stray callbacks, and warnings last."""
    stuck = [_stuck(cause, news) for cause in news.causes if not cause.correcting]
    return [
        *_missing_crew(news),
        *(_without_code(one, news) for one in news.unserved),
        *(_stuck(cause, news) for cause in news.causes if cause.correcting),
        *_late(news),
        *_due(news),
        *stuck,
        *_stray(news),
        *(_guarded(row, news) for row in guarded(news) if row.breaker and row.breaker.state != "closed"),
        *(_trouble(name, found, news) for name, found in sorted(by_dependency(news).items())),
    ]


def _missing_crew(news: News) -> list[Need]:
    found = []
    if not news.crew.workers:
        text = _("{missing} is alive. What comes in is kept, but nothing moves until one is started.")
        found.append(Need(key="workers", tone="person", words=format_html(text, missing=_bold(_("No worker")))))
    if not news.crew.pumps:
        text = _("{missing} is alive. Retries, deadlines and outgoing events wait until one is started.")
        found.append(Need(key="pumps", tone="person", words=format_html(text, missing=_bold(_("No pump")))))
    return found


def _without_code(one: Unserved, news: News) -> Need:
    template = ngettext(
        "<b>{cases}</b> stands still: no worker has the code for version {version}.",
        "<b>{cases}</b> stand still: no worker has the code for version {version}.",
        one.count,
    )
    return Need(
        key=f"version/{one.workflow}/{one.version}",
        tone="person",
        words=format_html(template, cases=noun(one.count, {one.workflow}, news.nouns), version=one.version),
        note=_("Start a worker that has it."),
        since=one.oldest,
        verb=_("Show them"),
        url=work_url(workflow=one.workflow, version=str(one.version), tab="live"),
    )


def _bold(text: str) -> SafeString:
    return format_html("<b>{}</b>", text)


def _stuck(cause: Cause, news: News) -> Need:
    definition = next((d for d in news.definitions if d.name == cause.workflow), None)
    cases = noun(cause.count, {cause.workflow}, news.nouns)
    declared = definition.sentences.get(cause.status, ("", ""))[0] if definition else ""
    what = declared or _("%(what)s cannot go on without a person") % {"what": activity(cause.status)}
    if cause.correcting:
        what = _("what was done cannot be corrected without a person (%(step)s)") % {
            "step": step_name(definition, cause.step)
        }
    only = cause.count == 1
    where = f"{capital(definition.noun)} {cause.key}" if only and definition else cases
    one = reverse("instance", args=[cause.workflow, cause.key])
    parts = [cause.reason, cause.owner]
    return Need(
        key=f"{cause.workflow}/{cause.status}/{cause.step}/{cause.kind}",
        tone="person",
        words=format_html("<b>{}</b>: {}", where, _lower(what)),
        note=" · ".join(part for part in parts if part),
        since=cause.oldest,
        verb=_("Look") if only else _("Show them"),
        url=one if only else cause_url(cause.trouble.key),
        **_who(cause.trouble, news),
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


def _due(news: News) -> list[Need]:
    if not news.decisions.soon:
        return []
    template = ngettext(
        "<b>{n} decision</b> is due soon; without one the declared default follows.",
        "<b>{n} decisions</b> are due soon; without one the declared default follows.",
        news.decisions.soon,
    )
    words = format_html(template, n=news.decisions.soon)
    return [Need(key="decisions", tone="wait", words=words, verb=_("Show them"), url=f"{reverse('decide')}?tab=all")]


def _stray(news: News) -> list[Need]:
    if not news.unmatched:
        return []
    template = ngettext(
        "<b>{n} callback</b> came in that nobody waits for. It is kept.",
        "<b>{n} callbacks</b> came in that nobody waits for. They are kept.",
        news.unmatched,
    )
    return [
        Need(
            key="stray",
            tone="held",
            words=format_html(template, n=news.unmatched),
            since=news.unmatched_since,
            verb=_("Look"),
            url=Asked("callbacks", {"state": "pending"}).url(),
        )
    ]


def _guarded(row: DependencyRow, news: News) -> Need:
    """A breaker that keeps calls away, tries, or is held; what waits for it goes on by itself."""
    began = news.outages.get(row.name)
    assert row.breaker is not None, "only systems with a breaker are guarded"
    return Need(
        key=f"breaker/{row.name}",
        tone="held",
        words=warning(row, began.cause if began else "", news.nouns),
        since=began.at if began else row.breaker.since,
        verb=_("Look"),
        url=reverse("dependency", args=[row.name]),
        **_who(trouble.outage(row.name), news),
    )


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
        words=format_html(template, system=capital(system(name)), cases=counted(found, news)),
        since=min(group.oldest for group in found),
        verb=_("Show them"),
        url=cause_url(outage(name).key),
        **_who(outage(name), news),
    )


def _who(cause: trouble.Cause, news: News) -> dict[str, str]:
    """Who has the cause, or what is sent to take it."""
    note = news.notes.get(cause.key)
    holder = note.holder if note else ""
    return {"holder": holder, "cause": cause.key if news.may_take and not holder else ""}


def _lower(text: str) -> str:
    """The text as the rest of a sentence: an acronym keeps its capitals."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]
