"""Sends the ERP's callbacks: signed, kept in the store until delivered, astray as the dials say."""

import asyncio
import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import structlog

from workflows.demo.simulators import erp
from workflows.demo.simulators.erp import Decided
from workflows.demo.simulators.faults import FaultDesk
from workflows.demo.simulators.world import World

#: A message that was not taken is tried again after 1, 2, 4 … seconds, for this long.
GIVE_UP_AFTER_S = 600
TIMEOUT_S = 10
AT_ONCE = 20
#: The loop looks at least this often, whatever it is told.
LOOK_EVERY_S = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Delivery:
    """One message on its way; a duplicate is another delivery."""

    seq: int
    webhook_id: str
    body: str
    correlation_id: str | None
    attempts: int
    first_sent_at: float | None


class Postman:
    """Decides due ERP orders and delivers due messages until it is cancelled."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.on_the_way: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Loop: decide what is due, start what may be sent, wait for the next due time or a nudge.

        The state is in the store, so a postman started anew goes on where the last one stopped; a message whose answer
        got lost is sent again with the same `webhook-id`.
        """
        limits = httpx.Limits(max_connections=AT_ONCE)
        async with httpx.AsyncClient(timeout=TIMEOUT_S, limits=limits, trust_env=False) as client:
            try:
                while True:
                    self.world.callbacks_wanted.clear()
                    self._decide()
                    self._start_due(client)
                    await self._wait()
            finally:
                for task in self.on_the_way.values():
                    task.cancel()

    def _decide(self) -> None:
        now = self.world.clock()
        at = erp.next_decision_at(self.world.store.db)
        if at is None or at > now:
            return
        with self.world.store.transaction() as db:
            for decided in erp.decide_due(db, now):
                post(db, self.world.faults, decided, now)

    def _start_due(self, client: httpx.AsyncClient) -> None:
        if self._is_silent():
            return
        for delivery in due(self.world.store.db, self.world.clock(), AT_ONCE * 2):
            if len(self.on_the_way) >= AT_ONCE:
                return
            if delivery.seq not in self.on_the_way:
                self.on_the_way[delivery.seq] = asyncio.create_task(self._deliver(client, delivery))

    def _is_silent(self) -> bool:
        """Without an address or a signature nothing can be sent; a service that is down sends nothing either."""
        options = self.world.options
        return options.callback_url is None or self.world.signature is None or self.world.faults.current.erp.down

    async def _deliver(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        try:
            answer = await self._send(client, delivery)
            now = self.world.clock()
            state, due_at = outcome(answer, delivery, now)
            with self.world.store.transaction() as db:
                db.execute(
                    "UPDATE deliveries SET state = ?, due_at = ?, attempts = attempts + 1, last_answer = ?,"
                    " first_sent_at = coalesce(first_sent_at, ?) WHERE seq = ?",
                    (state, due_at, answer, now, delivery.seq),
                )
            if state == "given_up":
                log.warning("callback_given_up", webhook_id=delivery.webhook_id, answer=answer)
        finally:
            del self.on_the_way[delivery.seq]
            self.world.callbacks_wanted.set()

    async def _send(self, client: httpx.AsyncClient, delivery: Delivery) -> str:
        """The status code of the answer, or the name of what went wrong."""
        url, signature = self.world.options.callback_url, self.world.signature
        assert url is not None and signature is not None
        at = datetime.fromtimestamp(int(self.world.clock()), UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": delivery.webhook_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signature.sign(delivery.webhook_id, at, delivery.body),
        }
        if delivery.correlation_id:
            headers["x-correlation-id"] = delivery.correlation_id
        try:
            return str((await client.post(url, content=delivery.body, headers=headers)).status_code)
        except httpx.HTTPError as error:
            return type(error).__name__

    async def _wait(self) -> None:
        now = self.world.clock()
        known = [erp.next_decision_at(self.world.store.db), self._next_due_at(now)]
        soonest = min((at - now for at in known if at is not None), default=LOOK_EVERY_S)
        try:
            await asyncio.wait_for(self.world.callbacks_wanted.wait(), min(max(soonest, 0.001), LOOK_EVERY_S))
        except TimeoutError:
            return

    def _next_due_at(self, now: float) -> float | None:
        """When the next message becomes due; those due already are on their way or wait for one to come back."""
        if self._is_silent():
            return None
        row = self.world.store.db.execute(
            "SELECT min(due_at) AS at FROM deliveries WHERE state = 'pending' AND due_at > ?", (now,)
        ).fetchone()
        return None if row["at"] is None else float(row["at"])


def post(db: sqlite3.Connection, faults: FaultDesk, decided: Decided, now: float) -> None:
    """Put the callback on its way, or not, or late, or twice. Half of the duplicates look like new messages."""
    dials = faults.current.erp.callback
    if faults.strikes("erp", dials.drop_rate):
        return
    webhook_id, body = _new_id(), json.dumps(decided.answer, separators=(",", ":"))
    held_back = faults.luck["erp"].uniform(1, 3) if faults.strikes("erp", dials.reorder_rate) else 0.0
    ids_and_times = [(webhook_id, now + held_back)]
    if faults.strikes("erp", dials.duplicate_rate):
        second_id = _new_id() if faults.strikes("erp", 0.5) else webhook_id
        ids_and_times.append((second_id, now + faults.luck["erp"].uniform(0, 1)))
    db.executemany(
        "INSERT INTO deliveries (webhook_id, body, correlation_id, due_at) VALUES (?, ?, ?, ?)",
        [(each, body, decided.correlation_id, at) for each, at in ids_and_times],
    )


def due(db: sqlite3.Connection, now: float, limit: int) -> list[Delivery]:
    rows = db.execute(
        "SELECT seq, webhook_id, body, correlation_id, attempts, first_sent_at FROM deliveries"
        " WHERE state = 'pending' AND due_at <= ? ORDER BY due_at LIMIT ?",
        (now, limit),
    )
    return [Delivery(**dict(row)) for row in rows]


def outcome(answer: str, delivery: Delivery, now: float) -> tuple[str, float]:
    """The new state of a delivery and, if it stays pending, when it is tried again."""
    if answer.startswith("2"):
        return "delivered", now
    again_at = now + 2.0**delivery.attempts
    first = now if delivery.first_sent_at is None else delivery.first_sent_at
    return ("pending", again_at) if again_at <= first + GIVE_UP_AFTER_S else ("given_up", now)


def _new_id() -> str:
    return f"msg_{uuid4().hex}"
