"""The pulse strip: a few numbers that say whether everything beats."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from console.presenters.sparkline import Sparkline, grouped, sparkline
from console.presenters.watch.news import ENDINGS, News


@dataclass(frozen=True, slots=True)
class Beat:
    """One number of the pulse strip; `bad` is a colour and `note` the word for it."""

    label: str
    value: str
    note: str = ""
    bad: bool = False
    line: Sparkline | None = None
    since: datetime | None = None


def beats(news: News) -> list[Beat]:
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
