"""Processes that take nothing in: said above everything else, because nothing new arrives and nobody may notice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.safestring import SafeString

from console.presenters.processes.telling import paused
from console.presenters.watch.news import News

#: characters of a reason that are shown: the notice is one line, so that the first screen keeps its place
LONGEST = 80


@dataclass(frozen=True, slots=True)
class Paused:
    """One pause. `until` is None where somebody has to end it; the words say the same."""

    key: str
    words: SafeString
    until: datetime | None
    url: str


def pauses(news: News) -> list[Paused]:
    """Every pause in force of a process that is installed, in the order of the board."""
    return [
        Paused(
            key=f"paused/{one.name}",
            words=paused(f"{one.noun}s", pause, news.now, longest=LONGEST),
            until=pause.until,
            url=reverse("process", args=[one.name]),
        )
        for one in news.definitions
        if (pause := news.pauses.get(one.name)) is not None
    ]
