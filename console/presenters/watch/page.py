"""The live home as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.safestring import SafeString

from console.presenters.watch.needs import Need, needs
from console.presenters.watch.news import News, guarded
from console.presenters.watch.pauses import Paused, pauses
from console.presenters.watch.pulse import Beat, beats
from console.presenters.watch.sentence import sentence
from console.presenters.watch.stages import Row, row
from console.presenters.watch.systems import System, held, system_words, troubled
from workflows.queries.approvals import Waiting

#: rows of *Needs a person*; more than these are behind a link
MOST_NEEDS = 6


@dataclass(frozen=True, slots=True)
class Watch:
    """The whole page."""

    sentence: SafeString
    pauses: list[Paused]
    needs: list[Need]
    more: int
    troubled: list[System]
    healthy: list[System]
    decisions: Waiting
    board: list[Row]
    beats: list[Beat]


def watch(news: News) -> Watch:
    """The page in words."""
    every, rows = needs(news), {row.name: row for row in news.dependencies}
    watched = {row.name for row in guarded(news)}
    bad = [one for one in news.traffic if one.dependency in watched or troubled(one) or held(news, one.dependency)]
    return Watch(
        pauses=pauses(news),
        sentence=sentence(news, sum(1 for need in every if need.tone == "person")),
        needs=every[:MOST_NEEDS],
        more=max(0, len(every) - MOST_NEEDS),
        troubled=[
            system_words(one, rows.get(one.dependency), held(news, one.dependency), news)
            for one in sorted(bad, key=lambda one: one.dependency not in watched)
        ],
        healthy=[system_words(one, rows.get(one.dependency), [], news) for one in news.traffic if one not in bad],
        decisions=news.decisions,
        board=[row(one, [group for group in news.groups if group.workflow == one.name]) for one in news.definitions],
        beats=beats(news),
    )
