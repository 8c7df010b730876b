"""Opens and settles the questions that instances ask people, in the transaction that moves the instance."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
    kept = kept_at(row.state, definition, event.step)
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
        evidence=kept,
        subject_hash=subject_hash(row, event.step, event.question, event.rule, kept),
        due_at=event.due_at,
    )
    operations.ask(asked, now)


def settle(row: Row, step: str, outcome: str, by: str, now: datetime) -> None:
    """Nobody needs to decide any more."""
    operations.settle(row.id, step, outcome, by, now)


def present_hash(row: Row, definition: Definition, step: str, question: str, rule: str) -> str:
    """The hash of what would be asked now."""
    return subject_hash(row, step, question, rule, kept_at(row.state, definition, step))


def subject_hash(row: Row, step: str, question: str, rule: str, kept: Mapping[str, int]) -> str:
    """SHA-256 of what is decided about: the unredacted evidence, the question, its reason, the step, the generation.

    What redaction has removed counts as something else.
    """
    shown = evidence(row.id, kept)
    return content_hash(
        row.workflow, row.version, row.state.key, row.state.run, step, row.generation, question, rule, shown
    )


def content_hash(
    workflow: str,
    version: int,
    key: str,
    run: int,
    step: str,
    generation: int,
    question: str,
    rule: str,
    shown: Mapping[str, Any],
) -> str:
    """The hash of these, as canonical JSON: sorted keys, no spaces."""
    content = {
        "workflow": workflow,
        "version": version,
        "key": key,
        "run": run,
        "step": step,
        "generation": generation,
        "question": question,
        "rule": rule,
        "evidence": shown,
    }
    return sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def kept_at(state: State, definition: Definition, step: str) -> dict[str, int]:
    """Where the results that a question shows are kept: name to history seq, 0 for what was skipped."""
    given = definition.given
    names = definition.by_name[step].evidence
    return {name: state.input_seq if name == given else _output(state, name) for name in names}


def evidence(instance_id: UUID, kept: Mapping[str, int]) -> dict[str, Any]:
    """The stored results by name; None for what was skipped or removed."""
    seqs = {seq for seq in kept.values() if seq}
    bodies = store.payloads(instance_id, seqs) if seqs else {}
    return {name: json.loads(body) if (body := bodies.get(seq)) is not None else None for name, seq in kept.items()}


def _output(state: State, name: str) -> int:
    step = state.steps.get(name)
    return step.output_seq if step else 0
