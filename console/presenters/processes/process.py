"""What the page of one process was read from, and the ways to count it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from urllib.parse import urlencode

from django.urls import reverse

from console.statuswords import capital
from workflows.dsl.definition import Definition
from workflows.queries.governance import Decided, Share
from workflows.queries.processes import Comparison, Here


@dataclass(frozen=True, kw_only=True)
class Process:
    """Everything the page is made of, as it was read. `versions` are those installed here, oldest first."""

    now: datetime
    versions: Sequence[Definition]
    decided: Decided
    here: Sequence[Here]
    comparison: Comparison
    #: the version that is drawn; another one than the stable if somebody asked for it
    drawn: Definition

    @property
    def newest(self) -> Definition:
        return self.versions[-1]

    @property
    def name(self) -> str:
        return self.newest.name

    @property
    def nouns(self) -> str:
        """What is processed, several of them: "orders"."""
        return f"{self.newest.noun}s"

    @property
    def title(self) -> str:
        return capital(self.nouns)

    @cached_property
    def numbers(self) -> list[int]:
        """The versions that are installed, and those that are still under way without being so."""
        return sorted({one.version for one in self.versions} | {one.version for one in self.here})

    @property
    def stable(self) -> int:
        """The version new instances take by default: without its code it is the newest, whatever was decided."""
        return stable(self.decided.share, [one.version for one in self.versions])

    def count(self, fits: Callable[[Here], bool] = lambda one: True) -> int:
        return sum(one.count for one in self.here if fits(one))

    def person(self, fits: Callable[[Here], bool] = lambda one: True) -> int:
        return sum(one.person for one in self.here if fits(one))


def stable(share: Share, installed: Iterable[int]) -> int:
    """The version new instances take by default, as the engine picks it."""
    found = list(installed)
    return share.stable if share.stable in found else max(found)


def work_url(workflow: str, **filters: object) -> str:
    """The list of what is under way in this process, narrowed."""
    named = {"workflow": workflow, "tab": "live", **filters}
    return f"{reverse('work')}?{urlencode({name: str(value) for name, value in named.items() if value})}"
