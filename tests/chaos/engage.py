"""One fault from an empty directory to a verdict.

1. An installation is started, with the failpoints and dials of the fault.
2. Orders are started through the API while the fault strikes; people approve what is asked.
3. Everything is healed; the run waits, for a bounded time, until nothing moves any more.
4. What was injected, how long recovery took, the data, the ledger and what clients were told are judged.
"""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.chaos import intake, judge, meters, people, signals
from tests.chaos.installation import START_SECONDS, Broken, installed
from tests.chaos.meters import Strikes
from tests.chaos.records import Record
from tests.chaos.report import Row
from tests.chaos.scene import Fault, Say, Scene
from tests.demo.order_classes import ENDINGS, OrderClass

#: a struck attempt must have been made again within so many seconds (F01, F02, F04)
ATTEMPT_BOUND = 20.0
#: over which share of the fault's time starts are spread, so that it finds work to disturb
STARTING = 0.8
#: seconds between two looks whether anything still moves
PAUSE = 1.0


@dataclass(frozen=True)
class Terms:
    """What holds for every fault of a run."""

    seed: int
    #: how long everything may take to come to rest after a fault
    rest_seconds: float = 300
    #: see `Scene.slack`
    slack: float = 1


def engage(fault: Fault, every: list[Record], terms: Terms, data_dir: Path, say: Say) -> Row:
    """Run one fault in a directory of its own. Raises `Broken` when the installation gives up."""
    records = fault.choice(every, fault.orders)
    with installed(
        data_dir, pace=fault.pace, workers=fault.workers, failpoints=fault.failpoints, apps=fault.apps
    ) as installation:
        luck = random.Random(f"{terms.seed}/{fault.name}")
        scene = Scene(installation, records, luck, say, fault.seconds, terms.slack)
        scene.expected |= judge.expectations(records)
        scene.askable |= judge.askable(records)
        strikes, began = Strikes(installation), time.monotonic()
        with people.deciding(installation, decided=fault.decided), meters.looking(strikes.look):
            _afflict(fault, scene)
            say(f"healed; {len(scene.known.instances)} starts were acknowledged")
            fault.heal(scene)
            _expect_what_the_erp_refused(scene)
            still = _rest(scene, terms.rest_seconds)
        _count(scene, strikes)
        say("judging")
        file = intake.write(records, data_dir / "all.jsonl")
        fault.judge(scene)
        promises = judge.judge(installation, scene.expected, scene.askable, scene.known, file)
        scene.offenders += [f"still on the way after {terms.rest_seconds:g} s: {each}" for each in still]
        return _row(fault, scene, promises, time.monotonic() - began)


def _afflict(fault: Fault, scene: Scene) -> None:
    """Start orders while the fault strikes. Its dials are turned back when its time is over."""
    installation = scene.installation
    _await_workers(scene)
    installation.seed_dials(scene.luck.randrange(1_000_000))
    if fault.dials:
        installation.turn_dials(fault.dials)
    stop = threading.Event()
    with ThreadPoolExecutor(2, "fault") as pool:
        seconds = scene.seconds * STARTING
        starting = pool.submit(intake.by_api, installation, scene.records, scene.known, stop, seconds)
        striking = pool.submit(fault.strike, scene)
        until = time.monotonic() + scene.seconds
        try:
            while not striking.done() or not starting.done():
                installation.alive()
                if starting.done() and starting.exception():
                    break
                if time.monotonic() > until:
                    scene.over.set()
                stop.wait(0.2)
        finally:
            scene.over.set()
            stop.set()
    starting.result()
    striking.result()
    installation.turn_dials({"reset": True})


def _await_workers(scene: Scene) -> None:
    """`up` is ready when its console is; what is measured here begins with everybody at work."""
    until, pause = time.monotonic() + START_SECONDS, threading.Event()
    while time.monotonic() < until:
        scene.installation.alive()
        at_work = scene.installation.ask("SELECT count(*) FROM workflows_session WHERE kind = 'worker'")[0][0]
        if at_work >= len(scene.installation.processes(*signals.WORKERS)) > 0:
            return
        pause.wait(PAUSE)
    raise Broken("The workers never came to work.")


def _expect_what_the_erp_refused(scene: Scene) -> None:
    """The ERP's dial refuses orders by chance; those are corrected instead of delivered."""
    store = sqlite3.connect(f"file:{scene.installation.data_dir / 'simulators.sqlite3'}?mode=ro", uri=True)
    try:
        for (order_id,) in store.execute("SELECT order_id FROM erp_orders WHERE reason IS NOT NULL"):
            scene.expected[order_id] = ENDINGS[OrderClass.CORRECTED]
    finally:
        store.close()


def _rest(scene: Scene, seconds: float) -> list[str]:
    """Wait until nothing moves any more; what still does when the time is over."""
    until, pause = time.monotonic() + seconds, threading.Event()
    while moving := judge.unsettled(scene.installation, scene.expected):
        scene.installation.alive()
        if time.monotonic() > until:
            return moving[: judge.SHOWN]
        pause.wait(PAUSE)
        with suppress(sqlite3.OperationalError):
            _expect_what_the_erp_refused(scene)
    return []


def _count(scene: Scene, strikes: Strikes) -> None:
    """What the failpoints injected, and how soon struck attempts were made again."""
    strikes.look()
    for what, times in strikes.counted.items():
        scene.struck(what, times)
    for letter, seconds in strikes.recovered:
        scene.measure(f"after {letter}, the attempt was made again", seconds, ATTEMPT_BOUND)
    for instance, step, direction in strikes.open:
        scene.broken(f"{step} ({direction}) of {instance} was struck and never made again")


def _row(fault: Fault, scene: Scene, promises: list[judge.Verdict], seconds: float) -> Row:
    offenders = [f"no “{need}” was injected" for need in fault.needs if not scene.injected[need]]
    offenders += scene.offenders
    for promise in promises:
        if not promise.passed:
            offenders += [f"{promise.name}: {each}" for each in promise.offenders or (promise.says,)]
    return Row(
        fault.name, fault.what, fault.phases, fault.bound, dict(scene.injected), dict(scene.measured),
        len(scene.known.instances), seconds, tuple(offenders),
    )  # fmt: skip
