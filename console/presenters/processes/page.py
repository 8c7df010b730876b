"""The page of one process as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.urls import reverse
from django.utils.safestring import SafeString

from console.presenters.processes import telling, versions
from console.presenters.processes.deeds import Deeds, deeds
from console.presenters.processes.diagram import Diagram, diagram
from console.presenters.processes.process import Process
from console.presenters.processes.statuses import StatusLine, statuses
from console.presenters.processes.versions import Differing, VersionCard
from console.statuswords import capital, words
from workflows.interventions import AllowedAction
from workflows.queries.governance import Pause, Share


@dataclass(frozen=True, slots=True)
class System:
    """One dependency the process calls."""

    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessPage:
    """The whole page. Statuses nobody has now are kept apart, because there are many."""

    name: str
    title: str
    about: str
    lead: SafeString
    pause: Pause | None
    owner: str
    runbook: str
    systems: list[System]
    drawn: int
    diagram: Diagram
    statuses: list[StatusLine]
    others: list[StatusLine]
    versions: list[VersionCard]
    whole: bool
    most: int
    differing: list[Differing]
    chosen: Share
    deeds: Deeds
    #: what changes tint the first line for
    revision: str

    def answered(self, deeds: Deeds) -> ProcessPage:
        """The same page with other forms."""
        return replace(self, deeds=deeds)


def page(process: Process, verdicts: Sequence[AllowedAction], *, most: int) -> ProcessPage:
    """The page in words. `most` is how many instances were compared at most."""
    drawn, every, pause = process.drawn, statuses(process), process.decided.pause
    called = {one.name for version in process.versions for one in version.dependencies if one.adapter != "internal"}
    return ProcessPage(
        name=process.name,
        title=process.title,
        about=process.newest.title,
        lead=telling.lead(process),
        pause=pause,
        owner=process.newest.owner,
        runbook=process.newest.runbook,
        systems=[System(capital(words(name)), reverse("dependency", args=[name])) for name in sorted(called)],
        drawn=drawn.version,
        diagram=diagram(process),
        statuses=[line for line in every if line.count],
        others=[line for line in every if not line.count],
        versions=versions.cards(process),
        whole=process.comparison.whole,
        most=most,
        differing=versions.differing(process.versions),
        chosen=process.decided.share,
        deeds=deeds(process, verdicts),
        revision=f"{process.decided.share.at} {pause.at if pause else ''}",
    )
