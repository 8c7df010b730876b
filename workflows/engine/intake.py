"""The way in: a start is validated, made unique by its key, and durable before anybody hears "accepted"."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import rfc8785
from django.db import connection, transaction
from pydantic import ValidationError

from workflows.core import facts
from workflows.core.decide import Decision, decide
from workflows.core.state import State
from workflows.core.wants import AddWork, OpenApproval, OpenWait
from workflows.dsl.contracts import extract
from workflows.dsl.definition import Definition
from workflows.engine import apply, attempt, clock, failpoints, hints, ids, news, store
from workflows.engine.chain import Actor

PRIORITIES = {"high": 0, "normal": 1, "low": 2}
_RESTARTABLE = ("compensated", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why an input is not accepted."""

    field: str
    message: str


class InvalidInput(Exception):
    """The input breaks the contract; `problems` names every field."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{problem.field}: {problem.message}" for problem in problems))
        self.problems = problems


class Conflict(Exception):
    """The key is taken by an instance with another input, or may not be restarted now."""

    def __init__(self, message: str, instance_id: UUID | None) -> None:
        super().__init__(message)
        self.instance_id = instance_id


@dataclass(frozen=True, slots=True)
class Started:
    """The accepted instance; `new` is False when the same start was accepted before."""

    id: UUID
    new: bool


def start(
    definition: Definition,
    raw: Mapping[str, Any],
    *,
    key: str | None = None,
    actor: Actor,
    correlation_id: str,
    priority: str = "normal",
    restart: bool = False,
    through: str = "engine",
) -> Started:
    """Accept an instance durably, or return the one that exists for the same key and input.

    Raises InvalidInput (every field that is wrong), and Conflict (same key with another input, or a restart while
    the last run has not ended corrected, failed or cancelled).
    """
    other = diverted(definition, raw)
    if other is not None:
        rule, workflow = other
        raise InvalidInput([Problem(rule, f"belongs to the workflow {workflow!r}; start it there")])
    model = validated(definition, raw)
    business_key = str(getattr(model, definition.key)).strip()
    _check_key(definition, business_key, key, priority)
    digest = input_hash(raw)
    run: int | Started = _next_run(definition, business_key, digest, restart=True) if restart else 1
    for _ in range(4):  # somebody was here before, perhaps only just now: the next look finds them
        if isinstance(run, Started):
            return run
        started = _insert(definition, model, business_key, digest, run, actor, correlation_id, priority, through)
        run = started or _next_run(definition, business_key, digest, restart=restart)
    raise Conflict(f"{business_key} is being started by somebody else", None)


def diverted(definition: Definition, raw: Mapping[str, Any]) -> tuple[str, str] | None:
    """The field and the other workflow when this input belongs elsewhere (a cancellation is a return, not an order)."""
    for rule, workflow in definition.diverts:
        values = {definition.given: {ref.field: extract(dict(raw), ref.path) for ref in rule.refs()}}
        if rule.holds(values):
            return rule.refs()[0].field, workflow
    return None


def validated(definition: Definition, raw: Mapping[str, Any]) -> Any:
    """The input as the definition's contract. Raises InvalidInput."""
    try:
        return definition.contract.model_validate(dict(raw))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise InvalidInput([Problem(".".join(map(str, p["loc"])) or "input", p["msg"]) for p in found]) from None


def input_hash(raw: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON (RFC 8785).

    Raises InvalidInput for numbers JSON cannot carry exactly, and for NUL characters, which no database text can hold.
    """
    try:
        canonical = rfc8785.dumps(dict(raw))
        if b"\\u0000" in canonical and (fields := list(_with_nul(raw, ""))):
            raise InvalidInput([Problem(name, "must not contain NUL characters") for name in fields])
        return sha256(canonical).hexdigest()
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise InvalidInput([Problem("input", f"cannot be written as canonical JSON: {error}")]) from None


def _with_nul(value: Any, path: str) -> Iterator[str]:
    """The paths of texts and names with a NUL character."""
    if isinstance(value, str) and "\x00" in value:
        yield path or "input"
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            inside = f"{path}.{name}" if path else str(name)
            yield from [inside.replace("\x00", "\ufffd")] if "\x00" in str(name) else _with_nul(inner, inside)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _with_nul(inner, f"{path}.{index}" if path else str(index))


def _check_key(definition: Definition, business_key: str, key: str | None, priority: str) -> None:
    if not business_key or len(business_key) > 200:
        raise InvalidInput([Problem(definition.key, "must be 1 to 200 characters")])
    if any(ord(character) < 32 or ord(character) == 127 for character in business_key):
        raise InvalidInput([Problem(definition.key, "must not contain control characters")])
    if key is not None and key.strip() != business_key:
        raise InvalidInput([Problem("key", f"must equal the input's {definition.key}")])
    if priority not in PRIORITIES:
        raise InvalidInput([Problem("priority", "must be high, normal or low")])


def _next_run(definition: Definition, key: str, digest: str, *, restart: bool) -> int | Started:
    found = store.run(_LATEST, (definition.name, key))
    if not found:
        return 1
    instance_id, run, known, lifecycle = found[0]
    if not restart:
        if known == digest:
            return Started(instance_id, new=False)
        message = f"{definition.noun} {key} exists already with another input"
        raise Conflict(message, instance_id)
    if lifecycle not in _RESTARTABLE:
        raise Conflict(f"{definition.noun} {key} can be restarted only after it failed or was corrected", instance_id)
    return int(run) + 1


def _insert(
    definition: Definition, model: Any, key: str, digest: str, run: int, actor: Actor, correlation_id: str,
    priority: str, through: str,
) -> Started | None:  # fmt: skip
    now = clock.now()
    values = attempt.extracted(definition, definition.given, model)
    fact = facts.Start(key=key, input_hash=digest, values=values, run=run)
    decision = decide(definition, State(), fact, now, pace=clock.pace())
    attributes = model.model_dump(mode="json", include=set(definition.attributes))
    new = store.NewInstance(
        ids.new_id(), PRIORITIES[priority], actor, correlation_id, attributes, digest, model.model_dump_json(), run,
        through,
    )  # fmt: skip
    if not _write(new, definition, decision, now):
        return None
    pools = {effect.work.pool for effect in decision.effects if isinstance(effect, AddWork)}
    transaction.on_commit(lambda: _tell(new.id, pools), robust=True)
    return Started(new.id, new=True)


def _write(new: store.NewInstance, definition: Definition, decision: Decision, now: datetime) -> bool:
    """One statement, unless the process begins with a wait or a question. False: this run exists already."""
    if not any(isinstance(effect, OpenWait | OpenApproval) for effect in decision.effects):
        return store.start(new, definition, decision, now)
    with transaction.atomic():
        written = store.start(new, definition, decision, now)
        if written:
            apply.open_first(new.id, definition, decision, now)
        return written


def _tell(instance_id: UUID, pools: set[str]) -> None:
    failpoints.at("e", instance_id)
    for pool in pools:
        hints.wake(pool, instance_id)
    news.changed(instance_id, 1)


def refuse(
    workflow: str, key: str, actor: Actor, problems: list[Problem], correlation_id: str
) -> None:  # fmt: skip
    """Keep a start that was not accepted, so that support can find it and say why."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO workflows_refusedstart (at, workflow, key, actor, problems, correlation_id)"
            " VALUES (clock_timestamp(), %s, %s, %s, %s::jsonb, %s)",
            [
                workflow,
                key[:200].replace("\x00", ""),
                actor.name,
                json.dumps([[p.field, p.message] for p in problems]),
                correlation_id,
            ],
        )


_LATEST = """
SELECT id, run, input_hash, lifecycle FROM workflows_instance WHERE workflow = $1 AND key = $2
UNION ALL
SELECT instance_id, run, input_hash, 'completed' FROM workflows_tombstone WHERE workflow = $1 AND key = $2
ORDER BY run DESC LIMIT 1
"""
