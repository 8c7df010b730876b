"""Small worlds for tests: people with roles, and an instance with everything the database says about it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group, User
from django.db import connection, connections

from workflows import interventions, rollups
from workflows.core import events as e
from workflows.core.evolve import fold
from workflows.engine import chain, clock, codec, sealing
from workflows.engine.chain import Actor
from workflows.interventions import Principal
from workflows.models import Event, Instance, LateResult, Message, OutboxEvent, Payload, Timer, Wait, Work


def person(name: str, role: str = "operator") -> User:
    """A user who has this role."""
    account, _ = User.objects.get_or_create(username=name)
    account.groups.set([Group.objects.get_or_create(name=role)[0]])
    return account


def principal(name: str = "olga", role: str = "operator") -> Principal:
    """The same, as interventions know people."""
    return interventions.user(person(name, role))


def together(*acts: Callable[[], object]) -> list[object]:
    """Do all of these at the same moment, each in a thread of its own; raises what the first of them raised."""
    barrier, results, errors = threading.Barrier(len(acts)), [None] * len(acts), []

    def do(index: int, act: Callable[[], object]) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(20)
            results[index] = act()
        except BaseException as error:  # a thread cannot raise into its test
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=do, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads), "it hangs"
    if errors:
        raise errors[0]
    return results


def rolled() -> int:
    """One round of counting, once no transaction elsewhere in the shared cluster hides what was written before it."""
    settled("workflows_event")
    return rollups.roll(clock.read())


def sealed() -> int:
    """One round of sealing, under the same condition."""
    settled("workflows_auditentry")
    return sealing.seal()


def settled(table: str) -> None:
    """Wait until every transaction that wrote to the table is older than all that are running."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(max(xid::text::bigint), 0) FROM {table}")
        newest = cursor.fetchone()[0]
        for _ in range(100_000):
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
            if cursor.fetchone()[0] > newest:
                break


@dataclass(frozen=True)
class Kept:
    """One instance as the database keeps it. Every look is a new one."""

    id: UUID

    @property
    def row(self) -> Instance:
        return Instance.objects.get(id=self.id)

    @property
    def status(self) -> str:
        return self.row.status

    @property
    def lifecycle(self) -> str:
        return self.row.lifecycle

    @property
    def events(self) -> list[Event]:
        return list(Event.objects.filter(instance_id=self.id).order_by("seq"))

    def said(self, kind: str) -> list[dict[str, Any]]:
        """The data of every event of a type, oldest first."""
        return [event.data for event in self.events if event.type == kind]

    @property
    def history(self) -> list[str]:
        """Every event in short: its type, and its step if it has one."""
        return [f"{event.type} {event.step}".strip() for event in self.events]

    @property
    def work(self) -> list[Work]:
        return list(Work.objects.filter(instance_id=self.id).order_by("id"))

    @property
    def timers(self) -> dict[str, Timer]:
        return {timer.name: timer for timer in Timer.objects.filter(instance_id=self.id)}

    @property
    def waits(self) -> dict[str, str]:
        """The newest state of each wait."""
        return {wait.step: wait.state for wait in Wait.objects.filter(instance_id=self.id).order_by("id")}

    @property
    def late(self) -> list[tuple[str, str, str]]:
        found = LateResult.objects.filter(instance_id=self.id).order_by("id")
        return [(one.step, one.outcome, one.disposition) for one in found]

    @property
    def messages(self) -> list[str]:
        return [message.state for message in Message.objects.filter(instance_id=self.id).order_by("received_at", "id")]

    @property
    def published(self) -> list[OutboxEvent]:
        return list(OutboxEvent.objects.filter(instance_id=self.id).order_by("number"))

    def check(self) -> None:
        """What holds for every instance at any time: dense history, intact chain, state = fold, rows as wanted."""
        events, row = self.events, self.row
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        previous = chain.GENESIS
        payloads = {p.seq: p for p in Payload.objects.filter(instance_id=self.id)}
        with connection.cursor() as cursor:
            cursor.execute("SELECT seq, data::text FROM workflows_event WHERE instance_id = %s", [self.id])
            texts = dict(cursor.fetchall())
        for event in events:
            header = chain.header(
                self.id, event.seq, event.generation, event.at, event.type, event.schema, event.step,
                Actor(event.actor_kind, event.actor), event.correlation_id, event.token,
            )  # fmt: skip
            digest = bytes(event.payload_digest) if event.payload_digest is not None else None
            if digest is not None:
                kept = payloads[event.seq]
                assert chain.payload_digest(bytes(kept.salt), kept.body or "") == digest
            previous = chain.link(previous, header, texts[event.seq], digest)
            assert bytes(event.hash) == previous, f"the chain breaks at {event.seq}"
        assert bytes(row.head_hash) == previous
        assert row.seq == len(events)
        assert fold(e.from_data(event.type, event.schema, event.data) for event in events) == codec.load(row.state)
        assert [one.number for one in self.published] == list(range(1, len(self.published) + 1))
        if row.ended_at is not None:
            assert not self.work and not self.timers and "open" not in self.waits.values()
