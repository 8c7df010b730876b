"""Steps that kill their worker, return too much, never end, or cannot be corrected."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Annotated

from django.conf import settings
from pydantic import Field

from workflows.dsl import (
    Contract,
    Dependency,
    PermanentFailure,
    Refused,
    Retry,
    Workflow,
    given,
    query,
    seconds,
    stage,
    step,
)

#: more than any result may be
BULK = 50_000_000

poison = Dependency(
    "poison",
    timeout=seconds(10),
    repeats="by_key",
    adapter="internal",
    retry=Retry(attempts=3, first=seconds(0.2), factor=2, cap=seconds(1)),
    breaker=None,
)


class Dose(Contract):
    """What an instance is about."""

    dose_id: Annotated[str, Field(min_length=1, max_length=40)]


class Swollen(Contract):
    """Far too much."""

    text: str


class Taken(Contract):
    """Something was done."""

    how: str


def kill(dose: Dose) -> Taken:
    """Takes its whole process with it, every time."""
    os.kill(os.getpid(), signal.SIGKILL)
    return Taken(how="never")


def swell(dose: Dose) -> Swollen:
    """Returns more than anybody should store."""
    return Swollen(text="x" * BULK)


def sink(dose: Dose) -> Taken:
    """Calls itself until the interpreter has had enough."""
    return sink(dose)


def take(dose: Dose) -> Taken:
    """Something that can be undone, later."""
    return Taken(how="gladly")


def refuse(dose: Dose) -> Taken:
    """Says no, so that what was done is corrected."""
    raise Refused("NoMore", "no more of this")


def fail_to_undo(taken: Taken | None) -> None:
    """Cannot be undone until somebody has mended it."""
    if not mended():
        raise PermanentFailure("it is stuck")


def die_undoing(taken: Taken | None) -> None:
    """The same, but whoever tries dies of it."""
    if not mended():
        os.kill(os.getpid(), signal.SIGKILL)


def mended() -> bool:
    """Whether somebody has put things right: a file in the data directory says so."""
    return (Path(settings.DATA_DIR) / "mended").exists()


class DeadlyFlow(Workflow):
    """One step that kills whoever makes it."""

    name, version = "deadly", 1
    noun, owner = "dose", "poison-team"

    dose = given(Dose, key="dose_id")

    with stage("Killing"):
        killed = query(kill, calls=poison, status="Killing")


class SwollenFlow(Workflow):
    """One step with 50 MB of result."""

    name, version = "swollen", 1
    noun, owner = "dose", "poison-team"

    dose = given(Dose, key="dose_id")

    with stage("Swelling"):
        swollen = query(swell, calls=poison, status="Swelling")


class BottomlessFlow(Workflow):
    """One step that never comes back by itself."""

    name, version = "bottomless", 1
    noun, owner = "dose", "poison-team"

    dose = given(Dose, key="dose_id")

    with stage("Sinking"):
        sunk = query(sink, calls=poison, status="Sinking")


class StuckFlow(Workflow):
    """Refused after a step whose compensation fails."""

    name, version = "stuck", 1
    noun, owner = "dose", "poison-team"

    dose = given(Dose, key="dose_id")

    with stage("Taking"):
        taken = step(take, calls=poison, compensate=fail_to_undo, status="Taking", owner="menders")
        refused = query(refuse, calls=poison, after=taken, status="Refusing")


class DyingFlow(Workflow):
    """Refused after a step whose compensation kills its worker."""

    name, version = "dying", 1
    noun, owner = "dose", "poison-team"

    dose = given(Dose, key="dose_id")

    with stage("Taking"):
        taken = step(take, calls=poison, compensate=die_undoing, status="Taking", owner="menders")
        refused = query(refuse, calls=poison, after=taken, status="Refusing")
