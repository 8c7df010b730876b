"""Opens and settles the questions that instances ask people, in the transaction that moves the instance."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from approvals import operations
from approvals.operations import Asked
from workflows.core import events as e
from workflows.core.state import State
from workflows.dsl.definition import Definition
from workflows.engine import ids, store
from workflows.engine.store import Row


def open_question(row: Row, definition: Definition, event: e.ApprovalOpened, now: datetime) -> None:
    """Ask. Everything the question shows is stored by now, because it is written in this transaction."""
    asked = Asked(
        id=ids.new_id(),
        subject=row.id,
        item=event.step,
        generation=row.generation,
        scope=row.workflow,
        key=row.state.key,
        question=event.question,
        audience=event.audience,
        quorum=event.quorum,
        rule=event.rule,
        default_outcome=event.default,
        subject_hash=subject_hash(row, definition, event.step, event.question, event.rule),
        due_at=event.due_at,
    )
    operations.ask(asked, now)


def settle(row: Row, step: str, outcome: str, by: str, now: datetime) -> None:
    """Nobody needs to decide any more."""
    operations.settle(row.id, step, outcome, by, now)


def subject_hash(row: Row, definition: Definition, step: str, question: str, rule: str) -> str:
    """SHA-256 of what is decided about: the unredacted evidence, the question, its reason, the step, the generation.

    Canonical JSON: sorted keys, no spaces. What redaction has removed counts as something else.
    """
    shown = evidence(row.id, row.state, definition.given, definition.by_name[step].evidence)
    content = {
        "workflow": row.workflow,
        "version": row.version,
        "key": row.state.key,
        "run": row.state.run,
        "step": step,
        "generation": row.generation,
        "question": question,
        "rule": rule,
        "evidence": shown,
    }
    return sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def evidence(instance_id: UUID, state: State, given: str, sources: Iterable[str]) -> dict[str, Any]:
    """The stored results by name; None for what was skipped or removed."""
    seqs = {name: state.input_seq if name == given else _output(state, name) for name in sources}
    bodies = store.payloads(instance_id, {seq for seq in seqs.values() if seq}) if any(seqs.values()) else {}
    return {name: json.loads(body) if (body := bodies.get(seq)) is not None else None for name, seq in seqs.items()}


def _output(state: State, name: str) -> int:
    step = state.steps.get(name)
    return step.output_seq if step else 0
