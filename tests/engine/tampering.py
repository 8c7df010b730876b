"""Plants faults into stored data, past everything that normally prevents them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db import connection

from workflows import registry
from workflows.core.face import face
from workflows.engine import chain, codec
from workflows.models import Instance
from workflows.verify.histories import link
from workflows.verify.stories import Record, Story, told

Edit = Callable[[list[Record]], list[Record]]


def sql(statement: str, **parameters: Any) -> None:
    """Run a statement with every append-only trigger off."""
    with unguarded(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)


@contextmanager
def unguarded() -> Iterator[None]:
    tables = (
        "workflows_event", "workflows_outboxevent", "workflows_lateresult", "workflows_auditentry",
        "workflows_auditseal", "approvals_vote",
    )  # fmt: skip
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
        try:
            yield
        finally:
            for table in tables:
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER append_only")


def rewrite(instance_id: UUID, edit: Edit) -> None:
    """Put another history in place of an instance's own, cleverly: chain, state and row agree with it afterwards."""
    story = _story(instance_id)
    records = _sealed(edit(list(story.records)))
    after = told(story.row, records, story.beside)
    assert not after.broken, after.broken
    with unguarded():
        _replace(instance_id, records)
    state = after.state
    shown = face(registry.find(story.row.workflow, story.row.version), state)
    Instance.objects.filter(id=instance_id).update(
        seq=len(records),
        head_hash=records[-1].hash,
        generation=state.generation,
        state=codec.dump(state),
        lifecycle=shown.lifecycle,
        status=shown.status,
        stage=shown.stage,
        needs_person=shown.needs_person,
        step=shown.step,
        dependency=shown.dependency,
        waiting_kind=shown.waiting_kind,
        waiting_until=shown.waiting_until,
        next_what=shown.next_what,
        next_at=shown.next_at,
        owner=shown.owner,
    )


def changed(kind: str, of_step: str = "", /, **data: Any) -> Edit:
    """The newest event of this kind (and step) with other data; None removes a field."""

    def edit(records: list[Record]) -> list[Record]:
        index = max(
            i for i, record in enumerate(records) if record.type == kind and record.step == (of_step or record.step)
        )
        return [*records[:index], with_data(records[index], **data), *records[index + 1 :]]

    return edit


def with_data(record: Record, **data: Any) -> Record:
    values = {name: value for name, value in {**json.loads(record.data), **data}.items() if value is not None}
    token = data.get("token", record.token) or 0
    step = data.get("step", record.step)
    return replace(record, data=json.dumps(values, separators=(",", ":")), token=token, step=step)


def appended(records: list[Record], kind: str, /, **data: Any) -> list[Record]:
    """One more event behind the last one."""
    last = records[-1]
    fresh = replace(last, seq=last.seq + 1, type=kind, step=data.get("step", ""), data="{}", token=0)
    return [*records, with_data(replace(fresh, digest=None, body=None, salt=None, has_payload=False), **data)]


def _story(instance_id: UUID) -> Story:
    from workflows.verify.stories import every

    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        found = next(story for story in every() if story.row.id == instance_id)
        cursor.execute("COMMIT")
    return found


def _sealed(records: list[Record]) -> list[Record]:
    previous, sealed = chain.GENESIS, []
    for record in records:
        previous = link(previous, record)
        sealed.append(replace(record, hash=previous))
    return sealed


def _replace(instance_id: UUID, records: list[Record]) -> None:
    columns = (
        "instance_id, seq, generation, at, type, schema, step, actor_kind, actor, data, correlation_id, token, "
        "payload_digest, hash, xid"
    )
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM workflows_event WHERE instance_id = %s", [instance_id])
        for r in records:
            cursor.execute(
                f"INSERT INTO workflows_event ({columns}) VALUES"
                " (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s::json, %s, %s, %s, %s, %s::text::xid8)",
                [r.instance_id, r.seq, r.generation, r.at, r.type, r.schema, r.step, r.actor_kind, r.actor, r.data,
                 r.correlation_id, r.token, r.digest, r.hash, str(r.xid)],
            )  # fmt: skip
