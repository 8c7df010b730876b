"""Has every state the rows it needs to go on, and no others? (I01, I04, I06, I12, I18, I25)

`core.wants` says which rows must exist; because they are written with the state, no grace is needed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from workflows import registry
from workflows.core.state import DEADLINE, WARNING, ItemPhase, Phase
from workflows.core.wants import Wants, Work, wants
from workflows.verify.findings import Offender
from workflows.verify.snapshot import Snapshot, select
from workflows.verify.stories import Story


def judge(story: Story, snapshot: Snapshot) -> Iterator[Offender]:
    """I01, I04, I06, I12, I18 and I25 of one instance whose code is at hand."""
    definition = registry.definitions().get((story.row.workflow, story.row.version))
    if definition is None or story.broken or not story.moments:
        return
    wanted = wants(definition, story.state)
    alive = story.state.alive
    for invariant, problems in (
        ("I01", _causes(story, wanted) if alive else ()),
        ("I01", _work(story, wanted)),
        ("I04" if alive else "I06", _timers(story, wanted)),
        ("I12" if alive else "I06", _unwanted_work(story, wanted)),
        ("I12", _doubled(story)),
        ("I18" if alive else "I06", _waits(story, wanted)),
        ("I25", _stuck_corrections(story) if alive else ()),
    ):
        yield from (Offender(invariant, story.name, problem) for problem in problems)


def _causes(story: Story, wanted: Wants) -> Iterator[str]:
    state = story.state
    stuck = [name for name, step in state.steps.items() if step.phase is Phase.STUCK]
    if stuck and not story.row.needs_person:
        yield f"{', '.join(stuck)} needs a person, but nobody is asked"
    correcting = bool(state.correction) and any(item.phase is ItemPhase.STUCK for item in state.correction.items)  # type: ignore[union-attr]
    timers = wanted.timers.keys() - {WARNING, DEADLINE}
    if not (wanted.work or wanted.waits or timers or stuck or correcting or state.paused):
        yield "nothing will happen next, and nobody is asked"


def _work(story: Story, wanted: Wants) -> Iterator[str]:
    for key, work in wanted.work.items():
        name = f"work for {work.step} ({work.direction})"
        if key not in story.beside.work:
            yield f"there is no {name}, which the state says is ready"
            continue
        pool, ready_at, held, *_, dependency, parked = story.beside.work[key]
        yield from (f"{name} {problem}" for problem in _mismatch(work, pool, ready_at, held))
        yield from (f"{name} {problem}" for problem in _parking(work, dependency, parked=parked))


def _mismatch(work: Work, pool: str, ready_at: object, held: bool) -> Iterator[str]:
    if pool != work.pool:
        yield f"lies in pool {pool} instead of {work.pool}"
    if work.ready_at is not None and ready_at != work.ready_at:
        yield f"is ready at {ready_at} instead of {work.ready_at}"
    if held != work.held:
        yield "is held although the instance is not paused" if held else "is not held although the instance is paused"


def _parking(work: Work, dependency: str, *, parked: bool) -> Iterator[str]:
    """What the state says is parked may be offered just now; what the row says is parked, people have to see."""
    if dependency != work.dependency:
        yield f"is for {dependency} instead of {work.dependency}"
    if parked and not work.parked:
        yield f"is parked for {dependency}, but the state says that it may be done"


def _timers(story: Story, wanted: Wants) -> Iterator[str]:
    for name, timer in wanted.timers.items():
        if name not in story.beside.timers:
            yield f"there is no timer {name}, which should fire at {timer.fire_at}"
        elif story.beside.timers[name] != (timer.fire_at, timer.held):
            fire_at, held = story.beside.timers[name]
            yield f"timer {name} is set to {fire_at} (held: {held}) instead of {timer.fire_at} (held: {timer.held})"
    for name in sorted(story.beside.timers.keys() - wanted.timers.keys()):
        yield f"timer {name} is set, but nothing waits for it"


def _unwanted_work(story: Story, wanted: Wants) -> Iterator[str]:
    for step, direction in sorted(story.beside.work.keys() - {(step, str(way)) for step, way in wanted.work}):
        yield f"there is work for {step} ({direction}) that the state does not ask for"


def _doubled(story: Story) -> Iterator[str]:
    leased = Counter(step for (step, _), (_, _, _, _, session, *_) in story.beside.work.items() if session is not None)
    for step, count in leased.items():
        if count > 1:
            yield f"{count} attempts of {step} are leased at the same time"


def _waits(story: Story, wanted: Wants) -> Iterator[str]:
    present = {
        step: (kind, match, due_at) for step, kind, match, due_at, state in story.beside.waits if state == "open"
    }
    for step, wait in wanted.waits.items():
        if step not in present:
            yield f"it waits for {wait.message_type} {wait.match}, but no wait is open"
        elif present[step] != (wait.message_type, wait.match, wait.due_at):
            yield f"its open wait for {step} is not the one the state describes"
    for step in sorted(present.keys() - wanted.waits.keys()):
        yield f"a wait for {step} is open, but nothing waits"


def _stuck_corrections(story: Story) -> Iterator[str]:
    correction, row = story.state.correction, story.row
    stuck = [item.step for item in correction.items if item.phase is ItemPhase.STUCK] if correction else []
    if stuck and not (row.needs_person and row.waiting_kind == "person"):
        yield f"correcting {', '.join(stuck)} needs a person, but the row does not show it"
    if stuck and not row.owner:
        yield f"correcting {', '.join(stuck)} needs a person, but nobody owns it"


def orphans(snapshot: Snapshot) -> Iterator[Offender]:
    """I06 and I08: rows of instances that do not exist."""
    for table, invariant in (("work", "I06"), ("timer", "I06"), ("wait", "I06"), ("event", "I08")):
        for instance_id, count in select(_ORPHANS.format(table=f"workflows_{table}")):
            yield Offender(invariant, str(instance_id), f"{count} {table} rows belong to no instance")


_ORPHANS = """
SELECT o.instance_id, count(*) FROM {table} o
WHERE NOT EXISTS (SELECT FROM workflows_instance i WHERE i.id = o.instance_id) GROUP BY o.instance_id LIMIT 100
"""
