"""Compares what is recorded with what really happened outside, by the far side's own ledger (E1–E3).

The ledger is read before and after the snapshot, because the world does not stand still: an effect that is recorded
must be in the later reading, and an effect of the earlier reading must be explained by the record.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from workflows import registry
from workflows.core import events as e
from workflows.core.keys import idempotency_key
from workflows.core.state import Phase
from workflows.dsl.definition import Definition, Kind
from workflows.verify.findings import Offender
from workflows.verify.stories import Story

OUTSIDE = {
    "E1": "at most one effect per key",
    "E2": "every recorded success has its effect, and every effect its record",
    "E3": "what was corrected nets to zero",
}
#: Published events are received under their own id.
RECEIVED = "event"
_KEY = re.compile(r"^(?P<forward>(?P<workflow>[^/]+)/.+/r\d+/(?P<step>[^/]+)/g\d+)(?P<back>/compensate\d*)?$")


@dataclass(frozen=True, slots=True)
class Effect:
    """One line of the ledger. `reverses` is the key of the effect it takes back (empty: none)."""

    service: str
    operation: str
    key: str
    subject: str
    amount: Decimal | None
    reverses: str

    @classmethod
    def read(cls, line: Mapping[str, Any]) -> Effect:
        """One JSON object of `GET /ledger`. A correction whose ledger does not say so is known by its key."""
        key = str(line["idempotency_key"])
        found = _KEY.match(key)
        reverses = line.get("reverses") or (found["forward"] if found and found["back"] else "")
        amount = None if line.get("amount") is None else Decimal(str(line["amount"]))
        return cls(line["service"], line["operation"], key, str(line.get("subject", "")), amount, str(reverses))


@dataclass(slots=True)
class Recorded:
    """What the histories say about effects at these services. Filled story by story, so that only keys are kept."""

    services: frozenset[str]
    #: key of a recorded success that claims an effect: who recorded it
    effects: dict[str, str] = field(default_factory=dict)
    #: keys of recorded successes that say that nothing was to be done
    empty: set[str] = field(default_factory=set)
    #: forward keys whose correction is recorded
    corrected: dict[str, str] = field(default_factory=dict)
    #: keys under which something may have happened although no success is recorded
    open: set[str] = field(default_factory=set)
    #: ids of published events
    published: set[UUID] = field(default_factory=set)

    def note(self, story: Story) -> None:
        """Add one instance."""
        definition = registry.definitions().get((story.row.workflow, story.row.version))
        self.published |= {event_id for event_id, *_ in story.beside.outbox}
        if definition is None or story.broken:
            return
        for moment in story.moments:
            event = moment.event
            if isinstance(event, e.StepSucceeded) and event.key and self._acts(definition, event.step):
                self._success(event.key, story.name, moment.record.body)
            elif isinstance(event, e.CompensationSucceeded) and self._acts(definition, event.step):
                self._success(event.key, story.name, moment.record.body)
                self.corrected[event.key.rpartition("/compensate")[0]] = story.name
        self._unsettled(story, definition)

    def _acts(self, definition: Definition, step: str) -> bool:
        node = definition.by_name[step]
        return node.kind is Kind.STEP and node.calls is not None and node.calls.name in self.services

    def _success(self, key: str, name: str, body: str | None) -> None:
        if says_nothing_happened(body):
            self.empty.add(key)
        else:
            self.effects[key] = name

    def _unsettled(self, story: Story, definition: Definition) -> None:
        """Steps that may be at work at this moment, or whose outcome nobody knows."""
        for name, step in story.state.steps.items():
            if not self._acts(definition, name):
                continue
            key = idempotency_key(story.state, definition.by_name[name])
            if step.unknown or step.phase in (Phase.READY, Phase.STUCK):
                self.open.add(key)
            if story.state.alive:
                self.open |= {f"{key}/compensate", *(f"{key}/compensate{number}" for number in range(2, 6))}


def says_nothing_happened(body: str | None) -> bool:
    """Whether a recorded answer says that there was nothing to do: `done` false, or an amount of zero given back."""
    answer = json.loads(body) if body else None
    return isinstance(answer, dict) and (answer.get("done") is False or answer.get("refunded") == 0)


def judge(before: Iterable[Effect], recorded: Recorded, after: Iterable[Effect]) -> list[Offender]:
    """E1, E2 and E3 over a reading of the ledger before and one after what was recorded was read."""
    later = list(after)
    return [
        *_doubled(later),
        *_missing(recorded, later),
        *_unexplained(before, recorded),
        *_unbalanced(recorded, later),
    ]


def _doubled(effects: Iterable[Effect]) -> Iterator[Offender]:
    for key, count in Counter(effect.key for effect in effects).items():
        if count > 1:
            yield Offender("E1", key, f"happened {count} times")


def _missing(recorded: Recorded, effects: Iterable[Effect]) -> Iterator[Offender]:
    happened = {effect.key for effect in effects}
    for key, name in recorded.effects.items():
        if key not in happened:
            yield Offender("E2", key, f"{name} recorded a success, but it never happened")


def _unexplained(effects: Iterable[Effect], recorded: Recorded) -> Iterator[Offender]:
    known = recorded.effects.keys() | recorded.corrected.keys() | recorded.open
    published = {str(event_id) for event_id in recorded.published}
    for effect in effects:
        if effect.operation == RECEIVED:
            if effect.key not in published:
                yield Offender("E2", effect.key, "was received as an event, but nobody published it")
        elif effect.key in recorded.empty:
            yield Offender(
                "E2", effect.key, f"{effect.operation} happened, but its answer said that there was nothing to do"
            )
        elif effect.key not in known:
            yield Offender(
                "E2", effect.key, f"{effect.operation} happened for {effect.subject}, but no success is recorded"
            )


def _unbalanced(recorded: Recorded, effects: Iterable[Effect]) -> Iterator[Offender]:
    """What was corrected is taken back whole; nothing is taken back further than it went."""
    forward: dict[str, Effect] = {}
    back: dict[str, list[Effect]] = defaultdict(list)
    for effect in effects:
        if effect.reverses:
            back[effect.reverses].append(effect)
        else:
            forward[effect.key] = effect
    for key, effect in forward.items():
        left = _left(effect, back[key])
        if left < 0:
            yield Offender("E3", key, f"more was taken back than {effect.operation} did ({-left} too much)")
        elif left > 0 and key in recorded.corrected and key not in recorded.open:
            yield Offender(
                "E3", key, f"{recorded.corrected[key]} was corrected, but {left} of {effect.operation} remains"
            )
    for key in back.keys() - forward.keys():
        yield Offender("E3", key, "was taken back, but never happened")


def _left(effect: Effect, back: Iterable[Effect]) -> Decimal:
    """What remains of an effect: money, or 1 for a deed."""
    if effect.amount is None:
        return Decimal(1 - len(list(back)))
    return effect.amount - sum((one.amount or Decimal(0) for one in back), Decimal(0))
