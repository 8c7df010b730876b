"""The report of a chaos run: a row per fault of the catalogue, and the storm; text for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from io import StringIO
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.chaos.judge import Verdict
from tests.chaos.storm import Trouble


@dataclass(frozen=True)
class Row:
    """What came of one fault. `measured`: seconds, by what was measured."""

    name: str
    what: str
    phases: str
    bound: str
    injected: Mapping[str, int]
    measured: Mapping[str, Sequence[float]]
    instances: int
    seconds: float
    offenders: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.offenders


@dataclass(frozen=True)
class Storm:
    """Everything the run with all faults at once found out. Times in seconds."""

    orders: int
    started_within: float
    faults_lasted: float
    calm_after: float
    troubles: tuple[Verdict, ...]
    promises: tuple[Verdict, ...]
    observations: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return not self.broken

    @property
    def broken(self) -> list[str]:
        """What did not hold, one sentence each."""
        return [
            f"{verdict.name}: {verdict.says}; {' '.join(verdict.offenders)}"
            for verdict in (*self.troubles, *self.promises)
            if not verdict.passed
        ]

    def text(self) -> str:
        """For people: what was done, what was seen, what was promised and kept."""
        lines = [
            f"All at once: {self.orders} records accepted within {self.started_within:.0f} s,",
            f"faults for {self.faults_lasted:.0f} s, at rest {self.calm_after:.0f} s after that.",
            "",
            "Faults",
            *_lines(self.troubles),
            "",
            "Promises",
            *_lines(self.promises),
            "",
            "Seen",
            *(f"  {name}: {_counts(counts)}" for name, counts in self.observations.items() if counts),
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Report:
    """Everything a run found out."""

    seed: int
    rows: tuple[Row, ...] = ()
    storm: Storm | None = None

    @property
    def passed(self) -> bool:
        return all(row.passed for row in self.rows) and (self.storm is None or self.storm.passed)

    def text(self) -> str:
        """For people."""
        parts = [f"Seed {self.seed}.", *([table(self.rows)] if self.rows else [])]
        parts += [self.storm.text()] if self.storm else []
        return "\n\n".join([*parts, "Everything held." if self.passed else "NOT everything held."])

    def write(self, path: Path) -> None:
        """The report as JSON in `path`, as text beside it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [{**asdict(row), "verdict": _verdict(row)} for row in self.rows]
        storm = {**asdict(self.storm), "passed": self.storm.passed} if self.storm else None
        found = {"seed": self.seed, "passed": self.passed, "faults": rows, "storm": storm}
        path.write_text(json.dumps(found, indent=1) + "\n")
        path.with_suffix(".txt").write_text(self.text() + "\n")


def table(rows: Sequence[Row]) -> str:
    """A line per fault: what, where, how often, what was promised, the worst that was measured, the verdict."""
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, show_lines=True)
    for head, width in (("", 4), ("fault", 28), ("phases", 6), ("injected", 34), ("promised", 26), ("worst", 34)):
        drawn.add_column(head, width=width)
    drawn.add_column("verdict")
    for row in rows:
        worst = "\n".join(f"{what}: {max(times):g} s" for what, times in row.measured.items() if times)
        cells = (row.name, row.what, row.phases, _counts(row.injected), row.bound, worst, _verdict(row))
        drawn.add_row(*(Text(cell) for cell in cells))
    page = Console(file=StringIO(), width=160)
    page.print(drawn)
    broken = [f"{row.name}  {offender}" for row in rows for offender in row.offenders]
    return "\n".join([page.file.getvalue().rstrip(), *broken])  # type: ignore[attr-defined]


def _verdict(row: Row) -> str:
    return "kept" if row.passed else "BROKEN"


def of_trouble(trouble: Trouble) -> Verdict:
    """Whether a trouble struck often enough to prove something, and work went on in time after each strike."""
    offenders = []
    if trouble.strikes < trouble.at_least:
        offenders.append(f"struck {trouble.strikes} times, at least {trouble.at_least} are needed")
    offenders += [
        f"work went on only after {seconds} s, {trouble.bound:g} s are allowed"
        for seconds in trouble.recovered
        if seconds > trouble.bound
    ]
    times = ", ".join(f"{seconds:g}" for seconds in trouble.recovered)
    after = f", work went on after {times} s" if times else ""
    return Verdict(trouble.name, not offenders, f"{trouble.what}: {trouble.strikes} times{after}", tuple(offenders))


def of_dial(name: str, what: str, count: int) -> Verdict:
    """Whether a fault that the simulators played really happened."""
    return Verdict(name, count > 0, f"{what}: {count} times", () if count else ("it never happened",))


def _lines(verdicts: Sequence[Verdict]) -> Iterable[str]:
    for verdict in verdicts:
        yield f"  {'ok  ' if verdict.passed else 'FAIL'}  {verdict.name}: {verdict.says}"
        yield from (f"          {offender}" for offender in verdict.offenders)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items(), key=lambda pair: -pair[1]))
