"""What the home page was read from, and the ways to count it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse

from breakers.queries import Move
from console.presenters.tones import noun
from workflows.dsl.definition import Definition
from workflows.queries.approvals import Waiting
from workflows.queries.board import Cause, Crew, Group, Traffic
from workflows.queries.dependencies import DependencyRow
from workflows.queries.governance import Pause
from workflows.queries.notes import Note
from workflows.queries.unserved import Unserved

#: the ways an instance can end
ENDINGS = ("completed", "compensated", "cancelled", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Everything the page is made of, as it was read."""

    now: datetime
    definitions: Sequence[Definition]
    groups: Sequence[Group]
    causes: Sequence[Cause]
    #: what people know about the causes, by the causes' keys
    notes: Mapping[str, Note]
    #: whether the person who looks may look after causes
    may_take: bool
    unmatched: int
    unmatched_since: datetime | None
    traffic: Sequence[Traffic]
    #: the systems and how their breakers stand, and since when and why calls do not pass, where they do not
    dependencies: Sequence[DependencyRow]
    outages: Mapping[str, Move]
    crew: Crew
    #: versions that live workers have no code for
    unserved: Sequence[Unserved]
    rates: dict[str, list[int]]
    decisions: Waiting
    #: workflows that take nothing in, by name
    pauses: Mapping[str, Pause]

    @property
    def nouns(self) -> dict[str, str]:
        return {one.name: one.noun for one in self.definitions}


def guarded(news: News) -> list[DependencyRow]:
    """Systems whose breaker is not simply closed, or that still hold something up; the most held up first."""
    found = [one for one in news.dependencies if one.breaker and (one.breaker.state != "closed" or one.held_up)]
    return sorted(found, key=lambda one: (-one.held_up, one.name))


def by_dependency(news: News) -> dict[str, list[Group]]:
    """What is tried again by itself, per system; where a breaker has opened, that is what people should know."""
    known = {one.name for one in guarded(news)}
    found: dict[str, list[Group]] = {}
    for group in news.groups:
        if group.kind == "held" and group.dependency and group.dependency not in known:
            found.setdefault(group.dependency, []).append(group)
    return found


def counted(found: Iterable[Group], news: News) -> str:
    every = list(found)
    return noun(sum(group.count for group in every), {group.workflow for group in every}, news.nouns)


def work_url(**filters: str) -> str:
    """The list of work with these filters."""
    return f"{reverse('work')}?{urlencode(filters)}" if filters else reverse("work")
