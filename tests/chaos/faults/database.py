"""F08: PostgreSQL is restarted immediately, again and again."""

from __future__ import annotations

import signal
import threading

from tests.chaos import meters, signals
from tests.chaos.scene import Fault, Scene

#: work goes on within so many seconds after the last restart
DATABASE_BOUND = 15.0
#: seconds between two restarts, in any order
PAUSES = (5.0, 12.0, 20.0, 40.0)


def _restart(scene: Scene) -> None:
    for pause in (*scene.luck.sample(PAUSES, len(PAUSES)), 0.0):
        for postmaster in scene.installation.processes(*signals.DATABASE):
            if signals.send(postmaster.pid, signal.SIGQUIT):
                scene.struck("immediate restart")
                scene.say("PostgreSQL was stopped immediately")
        threading.Event().wait(pause)
    seconds = meters.until_work_goes_on(scene.installation, insist=True)
    scene.measure("after the last one, the first step succeeded", seconds, DATABASE_BOUND)


def _no_step_blamed(scene: Scene) -> None:
    for step, error, count in scene.installation.ask(_BLAMED):
        scene.broken(f"{count} attempts of {step} were counted as failed: {error}")


_BLAMED = """
SELECT step, data->>'error', count(*) FROM workflows_event
WHERE type = 'AttemptFailed' AND data->>'kind' IN ('OperationalError', 'InterfaceError', 'DatabaseError') GROUP BY 1, 2
"""

RESTARTED = Fault(
    name="F08",
    what="PostgreSQL restarted immediately, at intervals of 5 to 40 s",
    phases="all",
    bound=f"work within {DATABASE_BOUND:g} s of the last; no step is blamed",
    strike=_restart,
    needs=("immediate restart",),
    judge=_no_step_blamed,
    orders=150,
    seconds=110,
)
