"""The report of a chaos run: one verdict per fault and per promise, as text for people and JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.chaos.faults import Fault
from tests.chaos.judge import Verdict


@dataclass(frozen=True)
class Report:
    """Everything a run found out. Times in seconds."""

    seed: int
    orders: int
    started_within: float
    faults_lasted: float
    calm_after: float
    faults: tuple[Verdict, ...]
    promises: tuple[Verdict, ...]
    observations: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return all(verdict.passed for verdict in (*self.faults, *self.promises))

    def text(self) -> str:
        """For people: what was done, what was seen, what was promised and kept."""
        lines = [
            f"{self.orders} records, seed {self.seed}: accepted within {self.started_within:.0f} s,",
            f"faults for {self.faults_lasted:.0f} s, at rest {self.calm_after:.0f} s after that.",
            "",
            "Faults",
            *_lines(self.faults),
            "",
            "Promises",
            *_lines(self.promises),
            "",
            "Seen",
            *(f"  {name}: {_counts(counts)}" for name, counts in self.observations.items() if counts),
            "",
            "Everything held." if self.passed else "NOT everything held.",
        ]
        return "\n".join(lines)

    def write(self, path: Path) -> None:
        """The report as JSON in `path`, as text beside it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**asdict(self), "passed": self.passed}, indent=1) + "\n")
        path.with_suffix(".txt").write_text(self.text() + "\n")


def of_fault(fault: Fault) -> Verdict:
    """Whether a fault struck often enough to prove something, and work went on in time after each strike."""
    offenders = []
    if fault.strikes < fault.at_least:
        offenders.append(f"struck {fault.strikes} times, at least {fault.at_least} are needed")
    offenders += [
        f"work went on only after {seconds} s, {fault.bound:g} s are allowed"
        for seconds in fault.recovered
        if seconds > fault.bound
    ]
    after = (
        f", work went on after {', '.join(f'{seconds:g}' for seconds in fault.recovered)} s" if fault.recovered else ""
    )
    return Verdict(fault.name, not offenders, f"{fault.what}: {fault.strikes} times{after}", tuple(offenders))


def of_dial(name: str, what: str, count: int) -> Verdict:
    """Whether a fault that the simulators played really happened."""
    return Verdict(name, count > 0, f"{what}: {count} times", () if count else ("it never happened",))


def _lines(verdicts: Sequence[Verdict]) -> Iterable[str]:
    for verdict in verdicts:
        yield f"  {'ok  ' if verdict.passed else 'FAIL'}  {verdict.name}: {verdict.says}"
        yield from (f"          {offender}" for offender in verdict.offenders)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items(), key=lambda pair: -pair[1]))
