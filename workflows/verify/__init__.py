"""Checks every promise the data must keep, in one consistent snapshot; nothing is changed.

Judges look at one whole life at a time, surveys at everything at once. A survey of what is due says nothing while
nobody was there to do it: its verdict is then "not judged", with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

from workflows.verify import (
    acts,
    announcements,
    arrivals,
    attempts,
    breaking,
    decisions,
    differences,
    histories,
    needs,
    paths,
    punctuality,
    stories,
)
from workflows.verify.findings import INVARIANTS, Offender, Report, Verdict
from workflows.verify.snapshot import Snapshot, taken
from workflows.verify.stories import Story

Judge = Callable[[Story, Snapshot], Iterator[Offender]]
Survey = Callable[[Snapshot], Iterator[Offender]]

#: What was due before this may be expected to be done.
GRACE = timedelta(seconds=30)

JUDGES: tuple[Judge, ...] = (
    histories.judge,
    attempts.judge,
    breaking.judge,
    paths.judge,
    needs.judge,
    arrivals.judge,
    decisions.judge,
    announcements.judge,
    differences.judge,
    acts.judge,
)
#: Held at any moment.
SURVEYS: tuple[Survey, ...] = (
    attempts.shared_keys,
    breaking.moves,
    breaking.people,
    breaking.probes,
    needs.orphans,
    decisions.orphans,
    announcements.overtaken,
    punctuality.families,
    acts.seals,
)
#: Held once the pump, or a worker, had the grace to do what was due.
BY_PUMPS: dict[Survey, str] = {
    punctuality.dead_leases: "I03",
    punctuality.late_timers: "I04",
    punctuality.overdue_waits: "I05",
    decisions.overdue: "I05",
    arrivals.undelivered: "I18",
    arrivals.undisposed: "I19",
    announcements.late: "I26",
    acts.late: "I33",
    breaking.hanging: "I30",
}
BY_WORKERS: dict[Survey, str] = {punctuality.idle_work: "I02", punctuality.silent_duties: "I35"}


def verify(grace: timedelta = GRACE) -> Report:
    """Check everything. Must not run inside a transaction."""
    with taken(grace) as snapshot:
        found: list[Offender] = []
        instances = events = 0
        for story in stories.every():
            instances += 1
            events += len(story.records)
            for judge in JUDGES:
                found += judge(story, snapshot)
        for survey in (*SURVEYS, punctuality.stuck_requests):
            found += survey(snapshot)
        unjudged = dict(_due(snapshot, found))
    return Report(tuple(_verdicts(found, unjudged)), instances, events)


def _due(snapshot: Snapshot, found: list[Offender]) -> Iterator[tuple[str, str]]:
    """Surveys of what was due: adds to `found`, and yields those that could not be judged with the reason."""
    for surveys, ready, who in ((BY_PUMPS, snapshot.pumped, "pump"), (BY_WORKERS, snapshot.worked, "worker")):
        for survey, invariant in surveys.items():
            if ready:
                found += survey(snapshot)
            else:
                yield invariant, f"no {who} has been at work for {snapshot.grace.total_seconds():g} s"


def _verdicts(found: Iterable[Offender], unjudged: dict[str, str]) -> Iterator[Verdict]:
    by_invariant: dict[str, list[Offender]] = {name: [] for name in INVARIANTS}
    for offender in found:
        by_invariant[offender.invariant].append(offender)
    for invariant, offenders in by_invariant.items():
        yield Verdict(invariant, tuple(offenders), unjudged.get(invariant, ""))


__all__ = ["GRACE", "INVARIANTS", "Offender", "Report", "Snapshot", "Story", "Verdict", "verify"]
