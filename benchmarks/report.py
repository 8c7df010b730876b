"""Medians, ratios and the final table of a benchmark, as text and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.contenders import STEPS
from benchmarks.limits import Limits
from benchmarks.measure import Turn

#: the contender whose workflows/s count as 1
YARDSTICK = "DBOS queue"
WIDTH = 140


@dataclass(frozen=True)
class Row:
    """One contender's medians over the rounds; costs are per workflow, latencies in milliseconds over all samples."""

    contender: str
    per_second: float
    slowest: float
    fastest: float
    cpu_ms: float
    write_transactions: float
    wal_bytes: float
    database_bytes: float
    p50: float
    p95: float
    foreign_cpu: float


@dataclass(frozen=True)
class Outcome:
    """Everything one run found out."""

    rows: tuple[Row, ...]
    limits: Limits
    sync_ms: float
    turns: tuple[Turn, ...]
    circumstances: dict[str, Any]


def summarise(turns: Sequence[Turn]) -> tuple[Row, ...]:
    """A row for each contender, in the order of their first turn."""
    names = list(dict.fromkeys(turn.contender for turn in turns))
    return tuple(_row(name, [turn for turn in turns if turn.contender == name]) for name in names)


def median_limits(found: Sequence[Limits]) -> Limits:
    return Limits(
        pgbench_1=median(one.pgbench_1 for one in found),
        pgbench_8=median(one.pgbench_8 for one in found),
        psycopg_1=median(one.psycopg_1 for one in found),
    )


def print_outcome(outcome: Outcome, console: Console) -> None:
    """The table with ratios to the yardstick (or the first row, without it), and the limits under it."""
    table = Table(title="A workflow of five sequential no-op steps, durable after every step, start included")
    table.add_column("contender")
    for heading in ("workflows/s", "(range)", "ratio", "steps/s", "CPU ms", "write tx", "WAL kB", "DB kB"):
        table.add_column(heading, justify="right")
    table.add_column("low load p50/p95 ms", justify="right")
    table.add_column("others' CPU", justify="right")
    yardstick = next((row for row in outcome.rows if row.contender == YARDSTICK), outcome.rows[0])
    for row in outcome.rows:
        table.add_row(*_cells(row, yardstick))
    console.print(table)
    limits = outcome.limits
    console.print(
        f"Commit limit (fenced UPDATE + history INSERT in one statement): "
        f"pgbench {limits.pgbench_1:,.0f}/s with 1 client, {limits.pgbench_8:,.0f}/s with 8; "
        f"psycopg {limits.psycopg_1:,.0f}/s with 1. fdatasync {outcome.sync_ms:.2f} ms."
    )
    for row in outcome.rows:
        commits = row.per_second * row.write_transactions
        console.print(
            f"{row.contender}: {commits:,.0f} commits/s, {commits / limits.pgbench_8:.0%} of the 8-client limit."
        )


def write_outcome(outcome: Outcome, path: Path) -> None:
    """The same as JSON beside a text file with the table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(outcome), indent=2, default=str) + "\n")
    with path.with_suffix(".txt").open("w") as file:
        print_outcome(outcome, Console(file=file, width=WIDTH))


def _row(name: str, turns: Sequence[Turn]) -> Row:
    rates = [turn.workflows / turn.seconds for turn in turns]
    samples = [sample for turn in turns for sample in turn.latencies]
    return Row(
        contender=name,
        per_second=median(rates),
        slowest=min(rates),
        fastest=max(rates),
        cpu_ms=median(turn.cpu_seconds * 1000 / turn.workflows for turn in turns),
        write_transactions=median(turn.write_transactions / turn.workflows for turn in turns),
        wal_bytes=median(turn.wal_bytes / turn.workflows for turn in turns),
        database_bytes=median(turn.database_bytes / turn.workflows for turn in turns),
        p50=median(samples),
        p95=quantiles(samples, n=20, method="inclusive")[-1],
        foreign_cpu=median(turn.foreign_cpu for turn in turns),
    )


def _cells(row: Row, yardstick: Row) -> list[str]:
    return [
        row.contender,
        f"{row.per_second:.1f}",
        f"{row.slowest:.0f}-{row.fastest:.0f}",
        f"{row.per_second / yardstick.per_second:.2f}",
        f"{row.per_second * STEPS:.0f}",
        f"{row.cpu_ms:.1f}",
        f"{row.write_transactions:.1f}",
        f"{row.wal_bytes / 1024:.1f}",
        f"{row.database_bytes / 1024:.1f}",
        f"{row.p50:.1f} / {row.p95:.1f}",
        f"{row.foreign_cpu:.0%}",
    ]
