"""What the home page was read from, and the ways to count it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse

from console.presenters.tones import noun
from workflows.dsl.definition import Definition
from workflows.queries.board import Cause, Crew, Group, Traffic

#: the ways an instance can end
ENDINGS = ("completed", "compensated", "cancelled", "failed")


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


def by_dependency(news: News) -> dict[str, list[Group]]:
    found: dict[str, list[Group]] = {}
    for group in news.groups:
        if group.kind == "held" and group.dependency:
            found.setdefault(group.dependency, []).append(group)
    return found


def counted(found: Iterable[Group], news: News) -> str:
    every = list(found)
    return noun(sum(group.count for group in every), {group.workflow for group in every}, news.nouns)


def work_url(**filters: str) -> str:
    """The list of work with these filters."""
    return f"{reverse('work')}?{urlencode(filters)}" if filters else reverse("work")
