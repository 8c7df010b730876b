"""F01 to F05: workers, their children and the pump are killed, stopped, or asked to end."""

from __future__ import annotations

import signal
import subprocess

from tests.chaos import signals
from tests.chaos.installation import children
from tests.chaos.records import plain
from tests.chaos.scene import Fault, Scene

#: longer than a session's lease of 12 s: some wake while their attempt is made again, others when that is done
ZOMBIE_SECONDS = (13, 16)
#: how late a timer may be while pumps are killed
TIMER_BOUND = 10.0
#: attempts run in processes of their own, which are killed instead of the worker
FORKING = (
    *("-m", "celery", "-A", "console", "worker", "--hostname", "forking@%h", "--pool", "prefork", "-c", "3"),
    *("-X", "quarantine", "--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"),
)


def _wait(scene: Scene) -> None:
    """The failpoints strike by themselves."""
    scene.pause(scene.seconds)


def _open_a_breaker(scene: Scene) -> None:
    """Payments fail at first, so that somebody has to probe; the failpoints strike by themselves."""
    scene.pause(8)
    scene.installation.turn_dials({"payments": {"error_rate": 0}})
    _wait(scene)


def _with_children(scene: Scene) -> None:
    """Beside one worker with threads there is one that forks; children of it are killed from outside, too."""
    with scene.installation.beside("forking", *FORKING) as parent:
        while not scene.pause(6):
            found = children(parent.pid)
            if found and signals.send(scene.luck.choice(found).pid, signal.SIGKILL):
                scene.struck("child killed")


def _deploy(scene: Scene) -> None:
    """Every worker in turn is asked to end, as a deployment does; `up` starts it again."""
    asked = (signal.SIGTERM, signal.SIGQUIT)
    turn = 0
    while not scene.pause(3):
        worker = signals.one_of(scene.installation, scene.luck, *signals.WORKERS)
        if worker and signals.send(worker.pid, asked[turn % 2]):
            scene.struck(asked[turn % 2].name)
            turn += 1


def _no_attempt_lost(scene: Scene) -> None:
    for step, why, count in scene.installation.ask(_LOST):
        scene.broken(f"{count} attempts of {step} were lost: {why}")


_LOST = "SELECT step, data->>'why', count(*) FROM workflows_event WHERE type = 'AttemptLost' GROUP BY 1, 2"


def _zombies_are_fenced(scene: Scene) -> None:
    """What they reported was kept and advanced nothing that somebody else had moved."""
    kept = dict(scene.installation.ask("SELECT disposition, count(*) FROM workflows_lateresult GROUP BY 1"))
    for disposition, count in kept.items():
        scene.struck(f"late result {disposition}", count)
    if not kept:
        scene.broken("no late result was kept, so no zombie ever spoke")


def _two_pumps(scene: Scene) -> None:
    """Two pumps share the work, and are killed in turn; timers fire because no callback ever comes."""
    while not scene.over.is_set():
        with scene.installation.beside("pump-2", "manage.py", "pump") as second:
            if _both_at_work(scene, second) and not scene.pause(scene.luck.uniform(1, 4)):
                second.kill()
                scene.struck("second pump killed")
        with scene.installation.beside("pump-2", "manage.py", "pump") as second:
            first = signals.one_of(scene.installation, scene.luck, " pump")
            if first and _both_at_work(scene, second) and not scene.pause(scene.luck.uniform(1, 4)):
                scene.struck("first pump killed", signals.send(first.pid, signal.SIGKILL))
                scene.pause(5)


def _both_at_work(scene: Scene, second: subprocess.Popen[bytes]) -> bool:
    """Until the other pump has a session; one that is still starting cannot take over."""
    while not scene.pause(0.2):
        if second.poll() is not None:
            return False
        alive = scene.installation.ask(_PUMPS, second.pid, second.pid)[0]
        if all(alive):
            return True
    return False


_PUMPS = """
SELECT coalesce(bool_or(process = %s), false), coalesce(bool_or(process <> %s), false) FROM workflows_session
WHERE kind = 'pump' AND ended_at IS NULL AND alive_until > now() + interval '7.5 seconds'
"""


def _timers_in_time(scene: Scene) -> None:
    rows = scene.installation.ask(_LATENESS)
    if not rows:
        scene.broken("no timer ever fired")
    for key, late in rows:
        if late < 0:
            scene.broken(f"{key}: a timer fired {-late:.2f} s early")
    scene.measure("the latest timer", max((float(late) for _, late in rows), default=0), TIMER_BOUND)


_LATENESS = """
SELECT i.key, extract(epoch FROM asked.at - (opened.data->>'due_at')::timestamptz)::float8
FROM workflows_event asked
JOIN workflows_event opened ON opened.instance_id = asked.instance_id AND opened.step = asked.step
    AND opened.type = 'WaitOpened' AND opened.generation = asked.generation
JOIN workflows_instance i ON i.id = asked.instance_id
WHERE asked.type = 'AskScheduled' AND (asked.data->>'round')::int = 1
"""

KILLED_WORKERS = Fault(
    name="F01",
    what="kill -9 of a worker at each point",
    phases="a-f",
    bound="made again within 20 s",
    strike=_wait,
    needs=tuple(f"{letter} kill9" for letter in "abcdef"),
    failpoints="a:kill9/70,b:kill9/90,c:kill9/110,d:kill9/130,e:kill9/170,f:kill9/9",
    dials={"erp": {"reject_rate": 0.3}},
    orders=70,
    choice=plain,
    seconds=45,
)
KILLED_CHILDREN = Fault(
    name="F02",
    what="kill -9 of a prefork child at each point",
    phases="a-f",
    bound="made again within 20 s",
    strike=_with_children,
    needs=("child killed", *(f"{letter} kill9" for letter in "abcdef")),
    failpoints=KILLED_WORKERS.failpoints,
    dials=KILLED_WORKERS.dials,
    orders=70,
    choice=plain,
    seconds=45,
    workers=1,
)
DEPLOYMENT = Fault(
    name="F03",
    what="SIGTERM and SIGQUIT to workers at work",
    phases="b-e",
    bound="no attempt lost",
    strike=_deploy,
    needs=("SIGTERM", "SIGQUIT", *(f"{letter} sleep" for letter in "bcde")),
    judge=_no_attempt_lost,
    failpoints="b:sleep:1/10,c:sleep:1/10,d:sleep:1/10,e:sleep:1/10",
    seconds=45,
)
ZOMBIES = Fault(
    name="F04",
    what=f"SIGSTOP of a worker for {ZOMBIE_SECONDS[0]} or {ZOMBIE_SECONDS[1]} s, past its lease, then SIGCONT",
    phases="b, d, i",
    bound="fenced; made again within 20 s",
    strike=_open_a_breaker,
    needs=("b stop", "d stop", "i stop"),
    judge=_zombies_are_fenced,
    failpoints=f"b:stop:{ZOMBIE_SECONDS[1]}/120,d:stop:{ZOMBIE_SECONDS[0]}/70,i:stop:{ZOMBIE_SECONDS[1]}@1",
    dials={"payments": {"error_rate": 1.0}, "warehouse": {"latency_ms": 1500}, "carrier": {"latency_ms": 1500}},
    seconds=50,
)
PUMPS = Fault(
    name="F05",
    what="kill -9 of two pumps in turn, and of a pump that fires a timer",
    phases="g",
    bound=f"timers at most {TIMER_BOUND:g} s late",
    strike=_two_pumps,
    needs=("first pump killed", "second pump killed", "g kill9"),
    judge=_timers_in_time,
    failpoints="g:kill9/15",
    dials={"erp": {"callback": {"drop_rate": 1.0}}},
    seconds=60,
)
