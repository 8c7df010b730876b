"""F06, F07, F13: Redis forgets, stops, stands still, or tells everything twice and in any order."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import uuid4

import redis
from celery import Celery

from tests.chaos import meters, signals
from tests.chaos.meters import Console, Stillness
from tests.chaos.scene import Fault, Scene

#: work goes on within so many seconds after Redis came back (promise 4)
BROKER_BOUND = 10.0
#: longer than this no answer of the console may take while Redis is away (seconds)
ANSWER_BOUND = 3.0
#: how long Redis is away at a time
AWAY_SECONDS = 30


@contextmanager
def _connected(scene: Scene) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(
        scene.installation.services()["REDIS_URL"], socket_timeout=1, socket_connect_timeout=1
    )
    try:
        yield client
    finally:
        client.close()


def _flush(scene: Scene) -> None:
    still = Stillness(scene.installation)
    with meters.looking(still.look), _connected(scene) as client:
        while not scene.pause(2):
            with suppress(redis.RedisError):
                client.flushall()
                scene.struck("FLUSHALL")
    scene.measure("the longest standstill", still.longest, BROKER_BOUND)


def _take_away(scene: Scene) -> None:
    """First it stands still, then it is not there: killed whenever `up` has started it again."""
    with meters.signed_in(scene.installation) as client:
        console = Console(client)
        with meters.looking(console.look):
            _freeze(scene)
            scene.pause(5)
            _keep_down(scene)
    scene.struck("answers of the console meanwhile", len(console.took))
    scene.struck("/readyz said degraded", console.degraded)
    scene.measure("the slowest answer of the console", max(console.took), ANSWER_BOUND)
    for wrong in console.wrong[:10]:
        scene.broken(f"while Redis was away: {wrong}")


def _freeze(scene: Scene) -> None:
    for broker in scene.installation.processes(*signals.BROKER):
        signals.send(broker.pid, signal.SIGSTOP)
        scene.say(f"Redis stands still for {AWAY_SECONDS} s")
        threading.Event().wait(AWAY_SECONDS)
        signals.send(broker.pid, signal.SIGCONT)
        scene.struck("frozen")
        _measure(scene, "after it went on, the first step succeeded")


def _keep_down(scene: Scene) -> None:
    scene.say(f"Redis is away for {AWAY_SECONDS} s")
    for _ in range(AWAY_SECONDS * 5):
        for broker in scene.installation.processes(*signals.BROKER):
            if signals.send(broker.pid, signal.SIGKILL):
                scene.struck("killed")
        threading.Event().wait(0.2)
    while not _answers(scene):
        threading.Event().wait(0.1)
    _measure(scene, "after it was back, the first step succeeded")


def _answers(scene: Scene) -> bool:
    with _connected(scene) as client, suppress(redis.RedisError):
        return bool(client.ping())
    return False


def _measure(scene: Scene, what: str) -> None:
    scene.measure(what, meters.until_work_goes_on(scene.installation, insist=True), BROKER_BOUND)


def _repeat_and_shuffle(scene: Scene) -> None:
    """Hints are doubled and shuffled in their queues; others are about instances and messages nobody knows."""
    sender = Celery(broker=scene.installation.services()["REDIS_URL"], set_as_current=False)
    with _connected(scene) as client:
        while not scene.pause(0.2):
            _invent(scene, sender)
            with _nobody_listening(scene):
                _invent(scene, sender)
                _shuffle(scene, client)
    sender.close()


@contextmanager
def _nobody_listening(scene: Scene) -> Iterator[None]:
    """Workers stand still for a moment, or they would take every hint before it could be touched."""
    workers = scene.installation.processes(*signals.WORKERS)
    for worker in workers:
        signals.send(worker.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for worker in workers:
            signals.send(worker.pid, signal.SIGCONT)


def _shuffle(scene: Scene, client: redis.Redis) -> None:
    found: list[bytes] = client.lrange("default", 0, -1)  # type: ignore[assignment]
    if found:
        twice = found * 2
        scene.luck.shuffle(twice)
        client.pipeline().delete("default").rpush("default", *twice).execute()
        scene.struck("hint doubled and shuffled", len(found))


def _invent(scene: Scene, sender: Celery) -> None:
    known = scene.installation.ask("SELECT id::text FROM workflows_instance ORDER BY random() LIMIT 3")
    messages = scene.installation.ask("SELECT id::text FROM workflows_message ORDER BY random() LIMIT 2")
    for (id_,) in known:
        sender.send_task("workflows.look", kwargs={"pool": "default", "instance_id": id_}, queue="default")
        scene.struck("hint repeated")
    for (id_,) in messages:
        sender.send_task("workflows.deliver", kwargs={"message_id": id_}, queue="default")
        scene.struck("hint repeated")
    stranger = {"pool": "default", "instance_id": str(uuid4()), "from_a_newer_version": json.dumps({})}
    sender.send_task("workflows.look", kwargs=stranger, queue="default")
    sender.send_task("workflows.deliver", kwargs={"message_id": str(uuid4())}, queue="default")
    scene.struck("hint about nobody", 2)


FLUSHED = Fault(
    name="F06",
    what="FLUSHALL every 2 s",
    phases="all",
    bound=f"never still for more than {BROKER_BOUND:g} s",
    strike=_flush,
    needs=("FLUSHALL",),
    seconds=40,
)
AWAY = Fault(
    name="F07",
    what=f"Redis frozen, then stopped, {AWAY_SECONDS} s each",
    phases="all",
    bound=f"work within {BROKER_BOUND:g} s of its return; the console answers within {ANSWER_BOUND:g} s",
    strike=_take_away,
    needs=("frozen", "killed", "answers of the console meanwhile", "/readyz said degraded"),
    orders=150,
    seconds=100,
)
HINTS = Fault(
    name="F13",
    what="hints doubled, shuffled, repeated, and about nobody",
    phases="all",
    bound="nothing changes",
    strike=_repeat_and_shuffle,
    needs=("hint doubled and shuffled", "hint repeated", "hint about nobody"),
    seconds=30,
)
