"""F16: steps that kill their worker, swell, or never come back; they end with a person, and hurt nobody else."""

from __future__ import annotations

import threading

from tests.chaos import intake
from tests.chaos.scene import Fault, Scene
from tests.demo.order_classes import Ending

APP = "tests.chaos.poison_app"
#: how many of each are started, and how their instances must end
DOSES = {"deadly": 3, "swollen": 2, "bottomless": 2}
_ENDINGS = {"deadly": "KillingFailed", "swollen": "SwellingFailed", "bottomless": "SinkingFailed"}
_STEPS = {"deadly": "killed", "swollen": "swollen", "bottomless": "sunk"}
#: once in a worker among others, then this often alone in quarantine
LOSSES = 1 + 3
#: what a poisoned step took with it is made again within so many seconds after it was found lost
BESIDE_BOUND = 30.0


def start(scene: Scene, workflow: str, number: int) -> str:
    """Start one instance of the app through the API; returns its key."""
    key = f"{workflow}-{number}"
    with scene.installation.client("support") as client:
        given = {"dose_id": key}
        id_ = intake.accepted(client, workflow, key, given, scene.known, threading.Event())
    scene.known.instances[key] = id_
    scene.struck(f"{workflow} step")
    return key


def _poison(scene: Scene) -> None:
    scene.pause(2)
    for workflow, count in DOSES.items():
        for number in range(count):
            key = start(scene, workflow, number)
            scene.expected[key] = Ending("waiting", _ENDINGS[workflow], needs_person=True)
            scene.askable.add((key, _STEPS[workflow]))


def _capped(scene: Scene) -> None:
    """Nobody died of it more often than allowed, and no result that large was stored."""
    for key, losses in scene.installation.ask(_LOSSES):
        scene.struck("worker killed by its step", losses)
        if losses != LOSSES:
            scene.broken(f"{key} killed {losses} workers, {LOSSES} are allowed")
    for (seconds,) in scene.installation.ask(_BESIDE):
        scene.measure("what died beside it was made again", float(seconds), BESIDE_BOUND)
    largest = scene.installation.ask("SELECT max(length(body)) FROM workflows_payload")[0][0]
    if largest > 20_000_000:
        scene.broken(f"a result of {largest:,} characters was stored")


_LOSSES = """
SELECT i.key, count(*) FROM workflows_event e JOIN workflows_instance i ON i.id = e.instance_id
WHERE e.type = 'AttemptLost' AND i.workflow = 'deadly' GROUP BY 1
"""

_BESIDE = """
SELECT extract(epoch FROM (
    SELECT min(n.at) FROM workflows_event n
    WHERE n.instance_id = e.instance_id AND n.step = e.step AND n.seq > e.seq AND n.type <> 'AttemptLost'
) - e.at)::float8
FROM workflows_event e JOIN workflows_instance i ON i.id = e.instance_id
WHERE e.type = 'AttemptLost' AND i.workflow IN ('order', 'return')
"""

POISON = Fault(
    name="F16",
    what="steps that kill their worker, return 50 MB, call themselves for ever",
    phases="c",
    bound=f"given to a person after {LOSSES} losses; others unaffected",
    strike=_poison,
    needs=tuple(f"{workflow} step" for workflow in DOSES),
    judge=_capped,
    orders=60,
    seconds=30,
    apps=APP,
)
