"""Were attempts fenced, numbered, capped, and always made under the same key? (I11, I13, I14)"""

from __future__ import annotations

from collections.abc import Iterator

from workflows import registry
from workflows.core import events as e
from workflows.core.keys import idempotency_key
from workflows.core.patience import MAX_LOSSES
from workflows.core.state import Direction, Patience, State
from workflows.dsl import Definition
from workflows.dsl.dependency import INTERNAL
from workflows.verify.findings import Offender
from workflows.verify.snapshot import Snapshot, select
from workflows.verify.stories import Moment, Story


def judge(story: Story, snapshot: Snapshot) -> Iterator[Offender]:
    """I11, I13 and I14 of one instance."""
    definition = registry.definitions().get((story.row.workflow, story.row.version))
    for invariant, problems in (
        ("I11", _tokens(story)),
        ("I13", _numbers(story, definition)),
        ("I14", _keys(story, definition)),
    ):
        yield from (Offender(invariant, story.name, problem) for problem in problems)


def _tokens(story: Story) -> Iterator[str]:
    """Leases of one step and direction commit in the order in which they were given; late results say that they are."""
    newest: dict[tuple[str, bool], int] = {}
    for moment in story.moments:
        event = moment.event
        token = getattr(event, "token", 0)
        if not token or getattr(event, "late", False):
            continue
        lane = (moment.record.step, _corrects(event))
        if token <= newest.get(lane, 0):
            yield f"event {moment.record.seq} was committed under lease {token}, after lease {newest[lane]}"
        newest[lane] = max(token, newest.get(lane, 0))
    for (step, direction), (_, _, _, token, session, *_) in story.beside.work.items():
        known = newest.get((step, direction == Direction.COMPENSATE), 0)
        if session is not None and token <= known:
            yield f"{step} is leased under {token}, although lease {known} has already reported"


def _corrects(event: e.Event) -> bool:
    return isinstance(event, e.CompensationSucceeded) or getattr(event, "direction", "") == Direction.COMPENSATE


def _numbers(story: Story, definition: Definition | None) -> Iterator[str]:
    for moment in story.moments:
        attempt = getattr(moment.event, "attempt", 0)
        if not attempt:
            continue
        compensating = _corrects(moment.event)
        made = _patience(moment.before, moment.record.step, compensating=compensating).attempts
        if attempt != made + 1:
            yield f"event {moment.record.seq} is attempt {attempt} of {moment.record.step}, after {made} attempts"
        if definition is not None:
            yield from _caps(moment, definition, compensating=compensating)


def _caps(moment: Moment, definition: Definition, *, compensating: bool) -> Iterator[str]:
    step = moment.record.step
    patience, retry = (
        _patience(moment.after, step, compensating=compensating),
        (definition.by_name[step].calls or INTERNAL).retry,
    )
    if patience.failures > retry.attempts:
        yield f"{step} failed {patience.failures} times, {retry.attempts} are allowed"
    if patience.losses > MAX_LOSSES:
        yield f"{step} was lost {patience.losses} times in quarantine, {MAX_LOSSES} are allowed"


def _patience(state: State, step: str, *, compensating: bool) -> Patience:
    if compensating:
        items = state.correction.items if state.correction else ()
        return next((item.patience for item in items if item.step == step), Patience())
    return state.steps[step].patience if step in state.steps else Patience()


def _keys(story: Story, definition: Definition | None) -> Iterator[str]:
    if definition is None:
        return
    for moment in story.moments:
        event = moment.event
        match event:
            case e.StepSucceeded(message="") if event.key or definition.by_name[event.step].executes:
                expected = idempotency_key(moment.before, definition.by_name[event.step])
            case e.CompensationSucceeded():
                expected = idempotency_key(moment.before, definition.by_name[event.step], Direction.COMPENSATE)
            case _:
                continue
        if event.key != expected:
            yield f"event {moment.record.seq} of {event.step} was done under {event.key!r}, its key is {expected!r}"


def shared_keys(snapshot: Snapshot) -> Iterator[Offender]:
    """I14 across everything: no two effects have the same key."""
    for key, instances, count in select(_SHARED):
        yield Offender("I14", key, f"this key was used for {count} effects, for example of {', '.join(instances)}")


_SHARED = """
SELECT data ->> 'key', (array_agg(DISTINCT instance_id::text))[1:3], count(DISTINCT (instance_id, step))
FROM workflows_event WHERE type IN ('StepSucceeded', 'CompensationSucceeded') AND data ->> 'key' IS NOT NULL
GROUP BY 1 HAVING count(DISTINCT (instance_id, step)) > 1
"""
