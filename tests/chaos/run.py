"""`python -m tests.chaos.run`: the December file under faults, judged; exit code 1 when a promise was not kept.

1. A whole installation is started on an empty directory.
2. All records are started, the first half by command, the second through the API, while faults strike on schedule.
3. Everything is healed; the run waits, for a bounded time, until every instance has ended or needs a person.
4. The data, the ledger of the outside world and what clients were told are judged.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos import intake, judge, report
from tests.chaos.faults import DIALS, Fault, Nemesis, Say
from tests.chaos.installation import PROJECT, Broken, Installation, installed
from tests.chaos.intake import Acknowledged
from tests.chaos.judge import Verdict
from tests.chaos.report import Report
from tests.demo.order_classes import chosen

FILE = PROJECT / "workflows" / "demo" / "data" / "orders-2010-12.jsonl.gz"
#: how many times faster business time passes
PACE = 60
#: over which share of the faults' time the starts through the API are spread, so that every fault finds work to disturb
STARTING = 0.8


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
    #: see `Nemesis.slack`
    slack: float = 1


def play(wanted: Wanted, data_dir: Path, say: Say) -> Report:
    """Run it all in a directory of its own. Raises `Broken` when the installation gives up."""
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        records = chosen([json.loads(line) for line in lines], wanted.orders)
    with installed(data_dir, pace=PACE) as installation:
        say(f"installation ready at {installation.url}")
        return _play(wanted, installation, records, say)


def _play(wanted: Wanted, installation: Installation, records: list[dict[str, Any]], say: Say) -> Report:
    known, began, faults = Acknowledged(), time.monotonic(), list[Fault]()
    stop = threading.Event()
    installation.seed_dials(wanted.seed)
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(_start_all, installation, records, known, stop, wanted.fault_seconds * STARTING)
        try:
            if wanted.faults:
                faults = _afflict(wanted, installation, records, starting, say)
            starting.result()
        finally:
            stop.set()
    started_within, healed = starting.result(), time.monotonic()
    say(f"healed; {len(known.instances)} starts were acknowledged")
    still = _rest(installation, records, wanted.rest_seconds, say)
    calm_after = time.monotonic() - healed
    rest = Verdict("at rest", not still, f"after {calm_after:.0f} s", tuple(still[: judge.SHOWN]))
    say("judging")
    file = intake.write(records, installation.data_dir / "all.jsonl")
    return Report(
        wanted.seed, len(records), started_within, healed - began, calm_after,
        (*(report.of_fault(fault) for fault in faults), *(_of_dials(installation) if wanted.faults else ())),
        (rest, *judge.judge(installation, records, known, file)),
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
    wanted: Wanted, installation: Installation, records: Sequence[dict[str, Any]], starting: Future[float], say: Say
) -> list[Fault]:
    """Let the faults strike from the first start until their time is over and everything was started; then heal."""
    nemesis = Nemesis(installation, random.Random(wanted.seed), say, wanted.frozen_seconds, wanted.slack)
    installation.turn_dials(DIALS)
    while not (starting.done() or installation.ask(_BEGUN)[0][0]):
        nemesis.stop.wait(0.1)
    until = time.monotonic() + wanted.fault_seconds
    with nemesis.at_work(wanted.fault_seconds) as faults:
        while time.monotonic() < until or not starting.done():
            installation.alive()
            if starting.done() and starting.exception():
                break
            say(_progress(installation, faults))
            nemesis.stop.wait(5)
    installation.turn_dials({"reset": True})
    return faults


def _progress(installation: Installation, faults: Sequence[Fault] = ()) -> str:
    counts = dict(installation.ask(_LIFECYCLES))
    stand = ", ".join(f"{count} {what}" for what, count in counts.items())
    struck = ", ".join(f"{fault.name} {fault.strikes}" for fault in faults if fault.strikes)
    return " | ".join(filter(None, [f"{sum(counts.values())} instances: {stand}", struck]))


_BEGUN = "SELECT EXISTS (SELECT FROM workflows_instance)"
_LIFECYCLES = """
SELECT CASE WHEN needs_person THEN 'for a person' ELSE lifecycle END, count(*) FROM workflows_instance
GROUP BY 1 ORDER BY 1
"""


def _rest(installation: Installation, records: Sequence[dict[str, Any]], seconds: float, say: Say) -> list[str]:
    """Wait until nothing moves any more; what still does when the time is over."""
    until, pause, said = time.monotonic() + seconds, threading.Event(), ""
    while moving := judge.unsettled(installation, records):
        installation.alive()
        if time.monotonic() > until:
            break
        now = f"{_progress(installation)} | {len(moving)} still on the way"
        if now != said:
            say(now)
        said = now
        pause.wait(2)
    return moving


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
        report.of_dial("payments hang", "charged, then no answer in time", errors.get(True, 0)),
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


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.run", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="how long faults strike (default: %(default)s)")
    parser.add_argument(
        "--rest", type=float, default=10, help="minutes until everything must be at rest (default: %(default)s)"
    )
    parser.add_argument("--orders", type=int, default=2025, help="how many records of the file (default: all)")
    parser.add_argument("--seed", type=int, default=2010, help="whom the faults strike (default: %(default)s)")
    parser.add_argument("--no-faults", action="store_true", help="only play and judge")
    parser.add_argument("--report", type=Path, help="where the report goes as JSON, and beside it as text")
    parser.add_argument("--keep", action="store_true", help="leave data and logs behind")
    options = parser.parse_args(argv)
    wanted = Wanted(options.orders, options.minutes * 60, options.rest * 60, options.seed, faults=not options.no_faults)
    data_dir = Path(tempfile.mkdtemp(prefix="watchkeeper-chaos-"))
    data_dir.chmod(0o755)
    say = talker()
    try:
        found = play(wanted, data_dir, say)
    except Broken as error:
        say(f"broken off: {error}")
        return 1
    finally:
        if options.keep:
            say(f"data and logs are in {data_dir}")
        else:
            shutil.rmtree(data_dir, ignore_errors=True)
    if options.report:
        found.write(options.report)
    print(f"\n{found.text()}", flush=True)
    return 0 if found.passed else 1


def talker() -> Callable[[str], None]:
    """Says a line with the seconds since now."""
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)

    return say


if __name__ == "__main__":
    sys.exit(main())
