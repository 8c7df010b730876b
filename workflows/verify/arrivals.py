"""Messages and those who wait for them: each decides at most one wait, and none is forgotten (I17–I20)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from workflows.core import events as e
from workflows.verify.findings import Offender
from workflows.verify.snapshot import Snapshot, select
from workflows.verify.stories import Story


def judge(story: Story, snapshot: Snapshot) -> Iterator[Offender]:
    """I17 and I20 of one instance."""
    yield from (Offender("I17", story.name, problem) for problem in _pairs(story))
    yield from (Offender("I20", story.name, problem) for problem in _winners(story))


def _pairs(story: Story) -> Iterator[str]:
    satisfied = Counter(step for step, *_, state in story.beside.waits if state == "satisfied")
    applied = Counter(step for _, step in story.beside.applied)
    for step in sorted(satisfied.keys() | applied.keys()):
        if satisfied[step] != applied[step]:
            yield f"{step} has {satisfied[step]} satisfied waits and {applied[step]} messages that were applied"


def _winners(story: Story) -> Iterator[str]:
    """What decided a wait, by the history: one message that was applied, or one answer that was asked for."""
    applied = {str(message_id): step for message_id, step in story.beside.applied}
    decided: dict[str, str] = {}
    waited = {moment.record.step for moment in story.moments if isinstance(moment.event, e.WaitOpened)}
    for moment in story.moments:
        event = moment.event
        if not isinstance(event, e.StepSucceeded | e.StepRefused) or event.step not in waited:
            continue
        if event.step in decided:
            yield f"{event.step} was decided twice, again at {moment.record.seq}"
        decided[event.step] = event.message
        if event.message and event.message not in applied:
            yield f"{event.step} was decided by message {event.message}, which was not applied to it"
    for message_id, step in applied.items():
        if decided.get(step) != message_id:
            yield f"message {message_id} was applied to {step}, but something else decided it"


def undelivered(snapshot: Snapshot) -> Iterator[Offender]:
    """I18: pending messages beside an open wait, past the grace."""
    for message_id, kind, key, instance_id in select(_BESIDE, _when(snapshot)):
        yield Offender("I18", str(message_id), f"{kind} {key} lies beside the open wait of {instance_id}")


def undisposed(snapshot: Snapshot) -> Iterator[Offender]:
    """I19: messages that are pending although their wait is closed, or that were put aside without a word."""
    for message_id, kind, key, state in select(_UNDISPOSED, _when(snapshot)):
        yield Offender("I19", str(message_id), f"{kind} {key} is {state}, and nobody said what became of it")


def _when(snapshot: Snapshot) -> dict[str, object]:
    return {"calm": snapshot.calm, "capable": list(snapshot.capable)}


_BESIDE = """
SELECT m.id, m.type, m.key, w.instance_id FROM workflows_message m
JOIN workflows_wait w ON w.message_type = m.type AND w.match = m.key AND w.state = 'open'
JOIN workflows_instance i ON i.id = w.instance_id
WHERE m.state = 'pending' AND greatest(m.received_at, w.opened_at, i.updated_at) < %(calm)s
  AND i.lifecycle <> 'paused' AND i.workflow || '/' || i.version = ANY(%(capable)s)
ORDER BY m.received_at
"""
_UNDISPOSED = """
SELECT m.id, m.type, m.key, m.state FROM workflows_message m
WHERE m.state <> 'pending' AND (m.disposed_at IS NULL
      OR m.state NOT IN ('applied', 'late', 'duplicate', 'conflicting', 'invalid', 'ignored')
      OR (m.state IN ('applied', 'late', 'duplicate', 'conflicting') AND m.instance_id IS NULL))
   OR m.state = 'pending' AND m.received_at < %(calm)s
  AND EXISTS (SELECT FROM workflows_wait w WHERE w.message_type = m.type AND w.match = m.key
              AND w.state <> 'open' AND w.closed_at < %(calm)s)
  AND NOT EXISTS (SELECT FROM workflows_wait w WHERE w.message_type = m.type AND w.match = m.key AND w.state = 'open')
ORDER BY m.received_at
"""
