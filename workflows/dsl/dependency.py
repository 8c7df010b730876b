"""What a process knows about a system it calls: how long to wait, how often to try, what it owns, how it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from breakers.machine import Policy
from workflows.dsl.durations import minutes, seconds
from workflows.dsl.errors import DefinitionError

#: May the same call be sent again after an unknown outcome?
#: by_key: the far side answers a repeated idempotency key with the stored outcome;
#: natural: repeating changes nothing (a read, a "set to"); unsafe: a second call may act twice.
Repeats = Literal["by_key", "natural", "unsafe"]
Adapter = Literal["http", "acknowledged", "batch", "human", "internal"]


@dataclass(frozen=True, kw_only=True)
class Retry:
    """Exponential backoff: `first * factor ** (n - 1)` up to `cap`, spread by `jitter` (share of the pause).

    `attempts` counts the first one; after the last failed attempt the step is exhausted.
    """

    attempts: int = 6
    first: timedelta = seconds(1)
    factor: float = 2.0
    cap: timedelta = minutes(5)
    jitter: float = 0.2

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise DefinitionError("Retry(attempts=…) must be at least 1")
        if not 0 <= self.jitter <= 1:
            raise DefinitionError("Retry(jitter=…) must be between 0 and 1")


@dataclass(frozen=True)
class Dependency:
    """A system outside the process. Declared once, used by every step that calls it.

    `timeout` bounds one attempt. `repeats` is mandatory because nobody else can know it.
    `concurrency` caps simultaneous attempts of all workers (None: half of the pool's threads).
    `breaker` says when calls stop and how they come back (None: never; calls inside this process have none).
    `owns` names the records this system stays the source of truth for; `failure_modes` is read by operators.
    """

    name: str
    timeout: timedelta
    repeats: Repeats
    retry: Retry = Retry()
    pool: str = "default"
    concurrency: int | None = None
    breaker: Policy | None = Policy()
    owns: Sequence[str] = ()
    failure_modes: Sequence[str] = ()
    adapter: Adapter = "http"
    #: Base address; a name in capitals is read from the setting of that name.
    address: str = ""
    contact: str = ""

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise DefinitionError(f"Dependency name {self.name!r} must be a plain word")
        if self.timeout <= timedelta(0):
            raise DefinitionError(f"Dependency {self.name}: timeout must be longer than zero")
        if self.repeats not in ("by_key", "natural", "unsafe"):
            raise DefinitionError(f"Dependency {self.name}: repeats must be by_key, natural or unsafe")
        if self.concurrency is not None and self.concurrency < 1:
            raise DefinitionError(f"Dependency {self.name}: concurrency must be at least 1")
        if self.adapter == "internal":
            object.__setattr__(self, "breaker", None)
        object.__setattr__(self, "owns", tuple(self.owns))
        object.__setattr__(self, "failure_modes", tuple(self.failure_modes))


#: Work that happens inside this process and calls nobody.
INTERNAL = Dependency("internal", timeout=seconds(30), repeats="natural", adapter="internal")
