"""`make bench`: runs the contenders alternately on one PostgreSQL and prints what a workflow costs each of them."""

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.contenders import Contender
from benchmarks.contenders.dbos import DbosDirect, DbosQueue
from benchmarks.contenders.watchkeeper import Watchkeeper
from benchmarks.limits import Limits, measure_limits
from benchmarks.measure import Turn, take_turn
from benchmarks.report import WIDTH, Outcome, median_limits, print_outcome, summarise, write_outcome
from benchmarks.services import POSTGRES_SETTINGS, Services, run_services, sync_milliseconds

#: Workflows each worker may run at once: the highest median of six settings tried (docs/benchmarks.md).
DBOS_CONCURRENCY = 16

CONTENDERS: dict[str, Callable[[Services], Contender]] = {
    "watchkeeper": Watchkeeper,
    "dbos-queue": lambda services: DbosQueue(services, concurrency=DBOS_CONCURRENCY),
    "dbos-direct": DbosDirect,
}


def main(words: Sequence[str] | None = None) -> int:
    """Exit code 0 when every contender finished and every workflow was whole; 130 after Ctrl-C."""
    options = _options(words)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        outcome = _measure(options, console)
    except KeyboardInterrupt:
        console.print("Interrupted; everything is stopped, nothing was written.")
        return 130
    except (AssertionError, RuntimeError, TimeoutError) as error:
        console.print(f"The run is void: {error}\nLogs of every process: {_logs(options)}")
        return 1
    print_outcome(outcome, console)
    write_outcome(outcome, options.output)
    console.print(f"Written to {options.output} and {options.output.with_suffix('.txt').name} beside it.")
    return 0


def _measure(options: argparse.Namespace, console: Console) -> Outcome:
    with run_services(options.where, logs=_logs(options)) as services:
        circumstances = _circumstances(options, services)
        turns, limits = _rounds(options, services, console)
        return Outcome(
            rows=summarise(turns),
            limits=median_limits(limits),
            sync_ms=sync_milliseconds(options.where),
            turns=tuple(turns),
            circumstances=circumstances,
        )


def _logs(options: argparse.Namespace) -> Path:
    path: Path = options.output.with_suffix("")
    return path.with_name(f"{path.name}-logs")


def _rounds(options: argparse.Namespace, services: Services, console: Console) -> tuple[list[Turn], list[Limits]]:
    """A B C, A B C …, with the commit limits before each round."""
    turns: list[Turn] = []
    limits: list[Limits] = []
    start = time.perf_counter()
    for number in range(1, options.rounds + 1):
        say = _teller(console, start, f"round {number}/{options.rounds}")
        say("commit limits")
        limits.append(measure_limits(services, seconds=options.limit_seconds))
        for name in options.only:
            contender = CONTENDERS[name](services)
            say = _teller(console, start, f"round {number}/{options.rounds} {contender.name}")
            turn = take_turn(contender, services, workflows=options.workflows, latencies=options.latencies, say=say)
            turns.append(turn)
    return turns, limits


def _teller(console: Console, start: float, prefix: str) -> Callable[[str], None]:
    return lambda words: console.print(f"{time.perf_counter() - start:6.1f} s  {prefix}: {words}")


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/run.py", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="turns of each contender (default 3)")
    parser.add_argument("--workflows", type=int, default=1000, help="workflows in each turn (default 1000)")
    parser.add_argument(
        "--latencies", type=int, default=60, help="workflows run one at a time in each turn (default 60)"
    )
    parser.add_argument("--limit-seconds", type=int, default=3, help="time for each commit limit (default 3)")
    parser.add_argument("--quick", action="store_true", help="one round of 200 workflows, to see that it works")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), help="these contenders only")
    parser.add_argument(
        "--where", type=Path, default=Path(tempfile.gettempdir()), help="directory on the disk to measure"
    )
    parser.add_argument("--output", type=Path, default=None, help="JSON file (default var/bench/DATE.json)")
    options = parser.parse_args(words)
    if options.quick:
        options.rounds, options.workflows, options.latencies, options.limit_seconds = 1, 200, 20, 1
    if options.output is None:
        options.output = Path("var/bench") / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    return options


def _circumstances(options: argparse.Namespace, services: Services) -> dict[str, Any]:
    with services.connect() as connection:
        row = connection.execute("SHOW server_version").fetchone()
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "rounds": options.rounds,
        "workflows": options.workflows,
        "latencies": options.latencies,
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
        "python": platform.python_version(),
        "postgresql": row[0] if row else None,
        "postgresql_settings": POSTGRES_SETTINGS,
        "versions": {name: version(name) for name in ("dbos", "celery", "django", "psycopg")},
    }


if __name__ == "__main__":
    sys.exit(main())
