"""F17, F19: one provider is slow, fails, throttles, hangs up, or does its work and does not say so; others go on."""

from __future__ import annotations

import threading
import time
from typing import Any

from tests.chaos.records import plain
from tests.chaos.scene import Fault, Scene

#: what the payment provider does, one after the other
MOODS: dict[str, dict[str, Any]] = {
    "slow 30 s": {"latency_ms": 30_000},
    "500 storm": {"error_rate": 1.0},
    "429 with Retry-After": {"throttle_rate": 1.0},
    "connection reset": {"reset_rate": 1.0},
    "done, then timed out": {"timeout_after_effect_rate": 1.0, "hang_s": 30},
}
HEALTHY: dict[str, Any] = {
    "latency_ms": 0, "error_rate": 0, "throttle_rate": 0, "reset_rate": 0, "timeout_after_effect_rate": 0,
}  # fmt: skip
#: the first answer of another provider comes within so many seconds after a start, whatever payments do
OTHERS_BOUND = 5.0
#: a breaker that sees nothing but failures opens within so many seconds: five calls, four at a time, of four each
OPEN_BOUND = 15.0
#: it closes within so many seconds after the provider works again: its pause, and two probes
CLOSED_BOUND = 25.0
#: a breaker that tries comes to an end within so many seconds, whoever dies while probing
TRYING_BOUND = 30.0
#: until a breaker is somewhere, before we give up (seconds)
PATIENCE = 90.0


def _break_payments(scene: Scene) -> None:
    for mood, dials in MOODS.items():
        scene.say(f"payments: {mood}")
        scene.installation.turn_dials({"payments": {**HEALTHY, **dials}})
        scene.measure("until the breaker opened", _until(scene, "open"), OPEN_BOUND)
        scene.struck(mood)
        threading.Event().wait(2)
        scene.installation.turn_dials({"payments": HEALTHY})
        scene.measure("until it closed again", _until(scene, "closed"), CLOSED_BOUND)


def _until(scene: Scene, state: str) -> float:
    """Seconds until the payments' breaker is in this state."""
    began, pause = time.monotonic(), threading.Event()
    while time.monotonic() - began < PATIENCE:
        if _state(scene) == state:
            return time.monotonic() - began
        pause.wait(0.1)
    scene.broken(f"the breaker never was {state}")
    return PATIENCE


def _state(scene: Scene) -> str:
    return str(scene.installation.ask("SELECT state FROM breakers_breaker WHERE name = 'payments'")[0][0])


def _others_unaffected(scene: Scene) -> None:
    """What calls somebody else is done as soon as ever, for orders started meanwhile."""
    rows = scene.installation.ask(_FIRST_ANSWERS)
    scene.measure("the slowest first answer of another", max(float(row[0]) for row in rows), OTHERS_BOUND)
    for error, count in scene.installation.ask(_OTHERS_FAILED):
        scene.broken(f"{count} attempts elsewhere failed: {error}")
    for name, count in scene.installation.ask(_OTHERS_OPENED):
        scene.broken(f"the breaker of {name} opened {count} times, too")
    for error, count in scene.installation.ask(_SEEN):
        scene.struck(error, count)


_FIRST_ANSWERS = """
SELECT extract(epoch FROM min(e.at) - i.started_at)::float8 FROM workflows_event e
JOIN workflows_instance i ON i.id = e.instance_id
WHERE e.type = 'StepSucceeded' AND e.step = 'stock' GROUP BY i.id, i.started_at
"""
_OTHERS_FAILED = """
SELECT data->>'error', count(*) FROM workflows_event
WHERE type = 'AttemptFailed' AND data->>'error' NOT LIKE 'payments%'
  AND step NOT IN ('original', 'corrected', 'match') GROUP BY 1
"""
_OTHERS_OPENED = """
SELECT breaker, count(*) FROM breakers_transition WHERE became = 'open' AND breaker <> 'payments' GROUP BY 1
"""
_SEEN = """
SELECT data->>'error', count(*) FROM workflows_event
WHERE type = 'AttemptFailed' AND data->>'error' LIKE 'payments%' GROUP BY 1
"""


def _die_probing(scene: Scene) -> None:
    """Payments fail until their breaker opens, then work; but who finds out dies of it, every other time."""
    while not scene.over.is_set():
        scene.installation.turn_dials({"payments": {"error_rate": 1.0}})
        scene.measure("until the breaker opened", _until(scene, "open"), OPEN_BOUND)
        scene.installation.turn_dials({"payments": HEALTHY})
        _until(scene, "closed")


def _never_hangs(scene: Scene) -> None:
    """However often a probe's holder died, the breaker's trying came to an end."""
    for (seconds,) in scene.installation.ask(_TRYING):
        scene.measure("a breaker tried", float(seconds), TRYING_BOUND)
    if _state(scene) != "closed":
        scene.broken(f"in the end the breaker is {_state(scene)}")


_TRYING = """
SELECT extract(epoch FROM after.at - before.at)::float8 FROM breakers_transition before
JOIN breakers_transition after ON after.breaker = before.breaker AND after.generation = before.generation + 1
WHERE before.became = 'half_open'
"""

PAYMENTS = Fault(
    name="F17",
    what="payments slow 30 s, 500 storm, 429 + Retry-After, reset, timed out after doing it",
    phases="c",
    bound=f"breaker opens within {OPEN_BOUND:g} s; the others answer within {OTHERS_BOUND:g} s",
    strike=_break_payments,
    needs=tuple(MOODS),
    judge=_others_unaffected,
    orders=160,
    seconds=110,
)
PROBES = Fault(
    name="F19",
    what="kill -9 of a worker that holds a probe's permit",
    phases="i",
    bound=f"a breaker tries for {TRYING_BOUND:g} s at most",
    strike=_die_probing,
    needs=("i kill9",),
    judge=_never_hangs,
    failpoints="i:kill9/2",
    orders=90,
    choice=plain,
    seconds=60,
)
