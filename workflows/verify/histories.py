"""Is a history well formed? Without gaps, hashed link by link, ended once, one outcome per step (I07–I10, I32)."""

from __future__ import annotations

from collections.abc import Iterator

from workflows.core import events as e
from workflows.core.state import ItemPhase, Phase
from workflows.engine import chain
from workflows.engine.chain import Actor
from workflows.verify.findings import Offender
from workflows.verify.snapshot import Snapshot
from workflows.verify.stories import Moment, Record, Row, Story

_ALIVE = ("running", "waiting", "paused", "compensating")


def judge(story: Story, snapshot: Snapshot) -> Iterator[Offender]:
    """I07, I08, I09, I10 and I32 of one instance."""
    for invariant, problems in (
        ("I07", _endings(story)),
        ("I08", _gaps(story)),
        ("I09", _chain(story.row, story.records)),
        ("I10", _outcomes(story)),
        ("I32", _versions(story)),
    ):
        yield from (Offender(invariant, story.name, problem) for problem in problems)


def _endings(story: Story) -> Iterator[str]:
    for moment in story.moments:
        event, before = moment.event, moment.before
        if before.ended and not isinstance(event, e.GenerationOpened):
            yield f"{moment.record.type} at {moment.record.seq} comes after the end of generation {before.generation}"
        if isinstance(event, e.GenerationOpened) and not before.ended:
            yield f"generation {event.generation} was opened before generation {before.generation} had ended"
    if story.broken:
        return
    row, ended = story.row, story.state.ended
    if ended and (row.lifecycle, row.status) != (ended, story.state.ended_status):
        history = f"{ended} ({story.state.ended_status})"
        yield f"the history ended it as {history}, the row says {row.lifecycle} ({row.status})"
    if not ended and (row.lifecycle not in _ALIVE or row.ended_at is not None):
        yield f"the row says {row.lifecycle}, but its history has not ended"


def _gaps(story: Story) -> Iterator[str]:
    for expected, record in enumerate(story.records, start=1):
        if record.seq != expected:
            yield f"event {record.seq} stands where {expected} should be"
            return
    if len(story.records) != story.row.seq:
        yield f"the row counts {story.row.seq} events, the history has {len(story.records)}"
    for moment in story.moments:
        if moment.record.generation != moment.after.generation:
            yield f"event {moment.record.seq} is stored under generation {moment.record.generation}"


def _chain(row: Row, records: tuple[Record, ...]) -> Iterator[str]:
    previous = chain.GENESIS
    for record in records:
        if link(previous, record) != record.hash:
            yield f"event {record.seq} is not what was written, or what came before it is not"
            return
        if record.digest is not None and not record.has_payload:
            yield f"the payload of event {record.seq} is gone without a trace"
        if not _is_own(record):
            yield f"the payload of event {record.seq} is not what was written"
        previous = record.hash
    if previous != row.head_hash:
        yield "the newest events are gone: the row knows another end of the chain"


def _is_own(record: Record) -> bool:
    """Whether the payload is the one that was written; a redacted one cannot be told any more."""
    if record.body is None or record.salt is None:
        return True
    return chain.payload_digest(record.salt, record.body) == record.digest


def link(previous: bytes, record: Record) -> bytes:
    """The hash an event must have behind `previous`."""
    head = chain.header(
        record.instance_id, record.seq, record.generation, record.at, record.type, record.schema, record.step,
        Actor(record.actor_kind, record.actor), record.correlation_id, record.token,
    )  # fmt: skip
    return chain.link(previous, head, record.data, record.digest)


def _outcomes(story: Story) -> Iterator[str]:
    for moment in story.moments:
        event = moment.event
        if isinstance(event, e.StepSucceeded):
            before = moment.before.steps[event.step]
            if before.phase is Phase.SUCCEEDED and before.generation == event.generation:
                yield f"{event.step} succeeded twice, again at {moment.record.seq}"
        if isinstance(event, e.CompensationSucceeded) and _done(moment, event.step):
            yield f"{event.step} was corrected twice, again at {moment.record.seq}"
        if bool(getattr(event, "has_output", False)) != (moment.record.digest is not None) and not _given(event):
            yield f"event {moment.record.seq} and its payload disagree about whether there is a result"


def _done(moment: Moment, step: str) -> bool:
    correction = moment.before.correction
    return correction is not None and any(i.step == step and i.phase is ItemPhase.DONE for i in correction.items)


def _given(event: e.Event) -> bool:
    return isinstance(event, e.InstanceStarted)


def _versions(story: Story) -> Iterator[str]:
    row = story.row
    if story.moments and isinstance(story.moments[0].event, e.InstanceStarted):
        started = story.moments[0].event
        if (started.workflow, started.version) != (row.workflow, row.version):
            began = f"{started.workflow} version {started.version}"
            yield f"it was started as {began}, the row says {row.workflow} version {row.version}"
    for (step, _), (*_, workflow, version, _, _) in story.beside.work.items():
        if (workflow, version) != (row.workflow, row.version):
            yield f"work for {step} is to be done as {workflow} version {version}"
