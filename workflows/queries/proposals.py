"""For whom a message from outside might be, and what it would do there: proposals for a person, never a decision.

A message is proposed to whoever waits for its type with its key; to whoever it concerned before; to whoever waits with
another value of its body (a reference in the wrong field); and to the case whose business number it names.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from workflows import registry
from workflows.core.attempts import refusal
from workflows.dsl.contracts import extract
from workflows.dsl.definition import Definition, Node
from workflows.models import Instance, Message, Wait
from workflows.queries.visibility import Viewer, declared_to, visible_to

#: proposals for one message, values of a body that are looked for, and the longest of them
FEW, VALUES, LONG = 5, 20, 200


@dataclass(frozen=True, slots=True)
class Effect:
    """What a message would do to the step that waits: `outcome` is accepted, refused or invalid.

    `reason` says why it would be refused, or what is wrong with its body; empty for readers without the right to it.
    """

    outcome: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """An instance a message might be for. `how` is match, before, reference (by `field` of the body) or key."""

    instance_id: UUID
    workflow: str
    version: int
    key: str
    status: str
    lifecycle: str
    how: str
    field: str = ""
    #: the step that waits for such a message now; empty when none does
    step: str = ""
    effect: Effect | None = None

    @property
    def possible(self) -> bool:
        """Whether handing it over would decide something now."""
        taken = self.effect is not None and self.effect.outcome != "invalid"
        return bool(self.step) and taken and self.lifecycle != "paused"


#: why an instance is proposed, the best reason first
_REASONS = ("match", "before", "reference", "key")


@dataclass(frozen=True, slots=True)
class _Stored:
    """A message as it came in, unmasked, and what it may be recognised by: values with the field they stand in."""

    id: UUID
    type: str
    key: str
    instance_id: UUID | None
    data: Any
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Open:
    """An open wait."""

    instance_id: UUID
    step: str
    type: str
    match: str


def proposals(viewer: Viewer, message_ids: Collection[UUID]) -> dict[UUID, list[Proposal]]:
    """Proposals for each of these messages that was not applied, the best first. Four queries at most."""
    messages = _messages(message_ids)
    if not messages:
        return {}
    matching = _open_waits(
        message_type__in={one.type for one in messages}, match__in={value for one in messages for value in one.values}
    )
    instances = _instances(viewer, messages, matching)
    hits = {one.id: _hits(one, _awaiting(viewer, one.type), matching, instances) for one in messages}
    waits = _open_waits(instance_id__in={instance_id for found in hits.values() for instance_id in found})
    return {
        one.id: [
            _proposal(viewer, one, instances[instance_id], why, waits)
            for instance_id, why in list(hits[one.id].items())[:FEW]
        ]
        for one in messages
    }


def effect(definition: Definition, node: Node, data: Any) -> Effect:
    """What a body would do to a waiting step, by its contract and the step's own rule."""
    assert node.output is not None, "a callback has a contract"
    try:
        model = node.output.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        return Effect("invalid", f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    body = model.model_dump(mode="json")
    values = {".".join(path): extract(body, path) for path in definition.extracts.get(node.name, ())}
    found = refusal(node, values)
    return Effect("refused", found[1]) if found else Effect("accepted")


def step_for(key: str, waits: Sequence[tuple[str, str]]) -> str:
    """Which of an instance's open waits (step, match) a message is for: the one with its key, else the only one."""
    exactly = [step for step, match in waits if match == key]
    if exactly:
        return exactly[0]
    return waits[0][0] if len(waits) == 1 else ""


def _messages(ids: Collection[UUID]) -> list[_Stored]:
    found = Message.objects.filter(id__in=ids).exclude(state="applied") if ids else Message.objects.none()
    read = found.values_list("id", "type", "key", "instance_id", "body")
    return [_stored(*columns[:4], json.loads(columns[4])) for columns in read]


def _stored(message_id: UUID, message_type: str, key: str, instance_id: UUID | None, data: Any) -> _Stored:
    trimmed = key.strip()
    values = dict.fromkeys((key, trimmed, trimmed.upper(), trimmed.lower()), "")
    for name, value in list(data.items())[:VALUES] if isinstance(data, Mapping) else ():
        if isinstance(value, str) and 0 < len(value.strip()) <= LONG and "\x00" not in value:
            values.setdefault(value.strip(), str(name))
    return _Stored(message_id, message_type, key, instance_id, data, values)


def _open_waits(**wanted: Any) -> list[_Open]:
    found = Wait.objects.filter(state="open", **wanted).order_by("id")
    return [_Open(*columns) for columns in found.values_list("instance_id", "step", "message_type", "match")]


def _instances(viewer: Viewer, messages: Iterable[_Stored], waits: Iterable[_Open]) -> dict[UUID, dict[str, Any]]:
    """The instances that come into question, the newest first, as far as the viewer may see them."""
    columns = ("id", "workflow", "version", "key", "status", "lifecycle")
    named = {name for one in messages for name in _awaiting(viewer, one.type)}
    keys = {value for one in messages for value in one.values}
    ids = {wait.instance_id for wait in waits} | {one.instance_id for one in messages if one.instance_id}
    by_id = visible_to(viewer, Instance.objects.filter(id__in=ids)).values(*columns)
    by_key = Instance.objects.filter(workflow__in=named, key__in=keys).values(*columns)
    return {one["id"]: one for one in sorted(by_id.union(by_key), key=lambda one: one["id"], reverse=True)}


def _awaiting(viewer: Viewer, message_type: str) -> set[str]:
    """The viewer's processes with a step that waits for messages of this type."""
    return {one.name for one in declared_to(viewer) if any(node.message == message_type for node in one.nodes)}


def _hits(
    message: _Stored, awaiting: set[str], waits: Iterable[_Open], instances: Mapping[UUID, Mapping[str, Any]]
) -> dict[UUID, tuple[str, str]]:
    """Every instance this message might be for, the best first, with the reason and the field that led there."""
    found: list[tuple[UUID, str, str]] = []
    for wait in waits:
        if wait.type == message.type and wait.match in message.values:
            field = message.values[wait.match]
            found.append((wait.instance_id, "reference" if field else "match", field))
    if message.instance_id:
        found.append((message.instance_id, "before", ""))
    for instance_id, one in instances.items():
        if one["workflow"] in awaiting and one["key"] in message.values:
            found.append((instance_id, "key", message.values[one["key"]]))
    best: dict[UUID, tuple[str, str]] = {}
    for instance_id, how, field in sorted(found, key=lambda hit: _REASONS.index(hit[1])):
        if instance_id in instances:
            best.setdefault(instance_id, (how, field))
    return best


def _proposal(
    viewer: Viewer, message: _Stored, one: Mapping[str, Any], why: tuple[str, str], waits: Iterable[_Open]
) -> Proposal:
    mine = [(w.step, w.match) for w in waits if (w.instance_id, w.type) == (one["id"], message.type)]
    step = step_for(message.key, mine)
    definition = registry.definitions().get((one["workflow"], one["version"]))
    node = definition.by_name.get(step) if definition else None
    found = effect(definition, node, message.data) if definition and node else None
    if found is not None and not viewer.may_unmask(one["workflow"]):
        found = Effect(found.outcome)
    return Proposal(
        instance_id=one["id"], workflow=one["workflow"], version=one["version"], key=one["key"], status=one["status"],
        lifecycle=one["lifecycle"], how=why[0], field=why[1], step=step, effect=found,
    )  # fmt: skip
