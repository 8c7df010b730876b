"""The storm: real orders through both entrances while everything around them fails at once.

1. A whole installation is started on an empty directory.
2. All records are started, the first half by command, the second through the API, while troubles strike on schedule
   and failpoints kill at chosen points; a few poison steps run among them.
3. Everything is healed; the run waits, for a bounded time, until every instance has ended or needs a person.
4. The data, the ledger of the outside world and what clients were told are judged.
"""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos import intake, judge, people, report
from tests.chaos.faults import poison
from tests.chaos.faults.processes import FORKING
from tests.chaos.installation import Installation, installed
from tests.chaos.intake import Acknowledged
from tests.chaos.judge import Verdict
from tests.chaos.meters import Strikes
from tests.chaos.records import Record, mixed
from tests.chaos.report import Storm
from tests.chaos.scene import Say
from tests.chaos.storm import DIALS, Nemesis, Trouble
from tests.demo.order_classes import Ending
from tests.waiting import wait_until
from workflows.engine import failpoints

#: how many times faster business time passes
PACE = 60
#: over which share of the faults' time the starts through the API are spread, so that every fault finds work to disturb
STARTING = 0.8
#: seconds after which a payment must have hung: the longest pause of a breaker, and a time-out
HANGS_WITHIN = 130
#: the key of the instance whose step kills its worker
POISONED = "poisoned"


@dataclass(frozen=True)
class Wanted:
    """What a run is to do."""

    orders: int
    #: how long faults strike, and how long everything may take to come to rest after that
    fault_seconds: float
    rest_seconds: float
    seed: int
    faults: bool = True
    frozen_seconds: float = 30
    #: where processes are killed from inside, see `workflows.engine.failpoints`
    failpoints: str = ""
    #: see `Nemesis.slack`
    slack: float = 1


def play(wanted: Wanted, every: list[Record], data_dir: Path, say: Say) -> Storm:
    """Run it all in a directory of its own. Raises `Broken` when the installation gives up."""
    records = mixed(every, wanted.orders)
    with installed(data_dir, pace=PACE, failpoints=wanted.failpoints, apps=poison.APP) as installation:
        say(f"installation ready at {installation.url}")
        return _play(wanted, installation, records, say)


def _play(wanted: Wanted, installation: Installation, records: list[Record], say: Say) -> Storm:
    known, began, troubles = Acknowledged(), time.monotonic(), list[Trouble]()
    stop, strikes = threading.Event(), Strikes(installation)
    expected, may_ask = judge.expectations(records), judge.askable(records)
    installation.seed_dials(wanted.seed)
    with people.deciding(installation), ThreadPoolExecutor(1) as pool:
        starting = pool.submit(_start_all, installation, records, known, stop, wanted.fault_seconds * STARTING)
        try:
            if wanted.faults:
                expected[POISONED] = Ending("waiting", "KillingFailed", needs_person=True)
                may_ask.add((POISONED, "killed"))
                troubles = _afflict(wanted, installation, known, starting, say)
            starting.result()
        finally:
            stop.set()
        started_within, healed = starting.result(), time.monotonic()
        say(f"healed; {len(known.instances)} starts were acknowledged")
        still = _rest(installation, expected, wanted.rest_seconds, say)
    strikes.look()
    calm_after = time.monotonic() - healed
    rest = Verdict("at rest", not still, f"after {calm_after:.0f} s", tuple(still[: judge.SHOWN]))
    say("judging")
    file = intake.write(records, installation.data_dir / "all.jsonl")
    seen = (*_of_failpoints(wanted, strikes.counted), *_of_dials(installation)) if wanted.faults else ()
    return Storm(
        len(records), started_within, healed - began, calm_after,
        (*(report.of_trouble(trouble) for trouble in troubles), *seen),
        (rest, *judge.judge(installation, expected, may_ask, known, file)),
        {"clients": known.counts, **judge.observations(installation)},
    )  # fmt: skip


def _start_all(
    installation: Installation,
    records: Sequence[dict[str, Any]],
    known: Acknowledged,
    stop: threading.Event,
    seconds: float,
) -> float:
    """Start every record through both entrances; returns the seconds it took. The API's are spread over `seconds`."""
    began, half = time.monotonic(), len(records) // 2
    intake.by_command(installation, records[:half], known, stop)
    intake.by_api(installation, records[half:], known, stop, seconds)
    return time.monotonic() - began


def _afflict(
    wanted: Wanted, installation: Installation, known: Acknowledged, starting: Future[float], say: Say
) -> list[Trouble]:
    """Let troubles strike from the first start until their time is over and everything was started; then heal."""
    installation.turn_dials(DIALS)
    with installation.beside("forking", *FORKING) as forking:
        luck = random.Random(wanted.seed)
        nemesis = Nemesis(installation, forking, luck, say, wanted.frozen_seconds, wanted.slack)
        while not (starting.done() or installation.ask(_BEGUN)[0][0]):
            nemesis.stop.wait(0.1)
        _poison(installation, known, nemesis.stop)
        until = time.monotonic() + wanted.fault_seconds
        with nemesis.at_work(wanted.fault_seconds) as troubles:
            while time.monotonic() < until or not starting.done():
                installation.alive()
                if starting.done() and starting.exception():
                    break
                say(_progress(installation, troubles))
                nemesis.stop.wait(5)
        _let_a_payment_hang(installation, say)
    installation.turn_dials({"reset": True})
    return troubles


def _let_a_payment_hang(installation: Installation, say: Say) -> None:
    """A breaker that opened early leaves few payments to chance: let the next one hang if none has."""
    if _payments_hung(installation):
        return
    say("no payment has hung yet; the next one does")
    installation.turn_dials({"payments": {"error_rate": 0, "timeout_after_effect_rate": 1.0}})
    with suppress(AssertionError):  # the report says then that it never happened
        wait_until(lambda: _payments_hung(installation), "a payment hangs", HANGS_WITHIN)


def _payments_hung(installation: Installation) -> int:
    return int(dict(installation.ask(_PAYMENT_FAILURES)).get(True, 0))


def _poison(installation: Installation, known: Acknowledged, stop: threading.Event) -> None:
    """One instance whose step kills whoever makes it."""
    with installation.client("support") as client:
        given = {"dose_id": POISONED}
        known.instances[POISONED] = intake.accepted(client, "deadly", POISONED, given, known, stop)


def _progress(installation: Installation, troubles: Sequence[Trouble] = ()) -> str:
    counts = dict(installation.ask(_LIFECYCLES))
    stand = ", ".join(f"{count} {what}" for what, count in counts.items())
    struck = ", ".join(f"{trouble.name} {trouble.strikes}" for trouble in troubles if trouble.strikes)
    return " | ".join(filter(None, [f"{sum(counts.values())} instances: {stand}", struck]))


_BEGUN = "SELECT EXISTS (SELECT FROM workflows_instance)"
_LIFECYCLES = """
SELECT CASE WHEN needs_person THEN 'for a person' ELSE lifecycle END, count(*) FROM workflows_instance
GROUP BY 1 ORDER BY 1
"""


def _rest(installation: Installation, expected: Mapping[str, Ending], seconds: float, say: Say) -> list[str]:
    """Wait until nothing moves any more; what still does when the time is over."""
    until, pause, said = time.monotonic() + seconds, threading.Event(), ""
    while moving := judge.unsettled(installation, expected):
        installation.alive()
        if time.monotonic() > until:
            break
        now = f"{_progress(installation)} | {len(moving)} still on the way"
        if now != said:
            say(now)
        said = now
        pause.wait(2)
    return moving


def _of_failpoints(wanted: Wanted, counted: Counter[str]) -> list[Verdict]:
    """Whether every failpoint struck."""
    return [
        report.of_dial(f"failpoint {point.letter}", point.action, counted[f"{point.letter} {point.action}"])
        for point in failpoints.read(wanted.failpoints).values()
    ]


def _of_dials(installation: Installation) -> list[Verdict]:
    """What the simulators made go wrong, counted where it was seen."""
    errors = dict(installation.ask(_PAYMENT_FAILURES))
    store = sqlite3.connect(f"file:{installation.data_dir / 'simulators.sqlite3'}?mode=ro", uri=True)
    try:
        counted = {name: int(store.execute(query).fetchone()[0]) for name, query in _CALLBACKS.items()}
    finally:
        store.close()
    return [
        report.of_dial("payments fail", "an error before the charge", errors.get(False, 0)),
        report.of_dial("payments hang", "charged, then no answer in time", _payments_hung(installation)),
        *(
            report.of_dial(f"callbacks {name}", f"the ERP's answer was {name}", count)
            for name, count in counted.items()
        ),
    ]


_PAYMENT_FAILURES = """
SELECT data->>'error' LIKE '%did not answer%', count(*) FROM workflows_event
WHERE type = 'AttemptFailed' AND data->>'error' LIKE 'payments%' GROUP BY 1
"""
_CALLBACKS = {
    "doubled": "SELECT count(*) - count(DISTINCT body) FROM deliveries",
    "dropped": """
        SELECT (SELECT count(*) FROM erp_orders WHERE erp_number IS NOT NULL)
             - (SELECT count(DISTINCT body) FROM deliveries)""",
    "overtaken": """
        SELECT count(*) FROM (
            SELECT first_sent_at, max(first_sent_at) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING) AS latest
            FROM deliveries
        ) WHERE first_sent_at < latest""",
}
