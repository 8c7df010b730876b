"""F20: compensations fail, or kill whoever makes them; what is left is owned, and goes on when it is mended."""

from __future__ import annotations

import threading
import time

from tests.chaos import people
from tests.chaos.faults.poison import APP, start
from tests.chaos.records import plain
from tests.chaos.scene import Fault, Scene
from tests.demo.order_classes import Ending

#: how many of each are started
DOSES = {"stuck": 3, "dying": 1}
#: until a compensation that kills its worker was given to a person (seconds): four losses of a lease each, and some
PATIENCE = 180.0


def _correct(scene: Scene) -> None:
    """The ERP refuses many orders, payments fail while they are corrected; some compensations cannot work at all."""
    keys = {start(scene, workflow, number) for workflow, count in DOSES.items() for number in range(count)}
    scene.notes["keys"] = keys
    scene.askable |= {(key, "taken") for key in keys}
    scene.expected |= {key: Ending("compensated", "Corrected") for key in keys}
    scene.pause(scene.seconds)


def _mend(scene: Scene) -> None:
    """Each has a person named with its owner; once it is mended, that person tries again."""
    keys: set[str] = scene.notes["keys"]
    until, pause = time.monotonic() + PATIENCE, threading.Event()
    while len(named := _named(scene, keys)) < len(keys) and time.monotonic() < until:
        pause.wait(0.5)
    for key in keys - named.keys():
        scene.broken(f"the compensation of {key} failed and no person was named")
    for key, owner in named.items():
        if owner != "menders":
            scene.broken(f"{key} belongs to {owner or 'nobody'}, not to the owner of its step")
    scene.struck("compensation given to a person", len(named))
    (scene.installation.data_dir / "mended").touch()
    accepted = people.try_again(scene.installation, keys)
    if accepted != len(named):
        scene.broken(f"{accepted} of {len(named)} retries were accepted")


def _named(scene: Scene, keys: set[str]) -> dict[str, str]:
    query = "SELECT key, owner FROM workflows_instance WHERE needs_person AND lifecycle = 'compensating'"
    return {key: owner for key, owner in scene.installation.ask(query) if key in keys}


def _counted(scene: Scene) -> None:
    for count, kind in scene.installation.ask(_FAILED):
        scene.struck(f"compensation failed ({kind})", count)


_FAILED = """
SELECT count(*), data->>'kind' FROM workflows_event
WHERE type = 'AttemptFailed' AND data->>'direction' = 'compensate' GROUP BY 2
"""

CORRECTIONS = Fault(
    name="F20",
    what="compensations fail, break off after they worked, or kill their worker",
    phases="f",
    bound="tried again, else named with its owner; nets to zero",
    strike=_correct,
    needs=("f exec_then_raise", "compensation given to a person", "stuck step", "dying step"),
    heal=_mend,
    judge=_counted,
    failpoints="f:exec_then_raise/3",
    dials={"erp": {"reject_rate": 0.6}, "payments": {"error_rate": 0.3, "timeout_after_effect_rate": 0.1, "hang_s": 6}},
    orders=40,
    choice=plain,
    seconds=40,
    apps=APP,
)
