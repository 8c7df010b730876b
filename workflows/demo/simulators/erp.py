"""The slow legacy ERP: it takes an order in, says yes or no some time later by callback, and can cancel.

pending ──> registered ──> cancelled
   ├──────> rejected ────────┤
   └─────────────────────────┘
"""

import sqlite3
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from workflows.demo.simulators.contracts import Amount, Key, OrderId, reference
from workflows.demo.simulators.endpoints import Ask, Refused, Reply, effect, lookup
from workflows.demo.simulators.ledger import Effect
from workflows.demo.simulators.world import World, world_of

REFUSAL = "The customer's credit limit is exceeded"


class Submission(BaseModel):
    order_id: OrderId
    total: Amount
    lines: int = Field(ge=0)


class Cancellation(BaseModel):
    order_id: OrderId
    order_key: Key
    reference: str | None = None


@dataclass(frozen=True)
class Decided:
    """An order the ERP has made up its mind about."""

    reference: str
    erp_number: str | None
    reason: str | None
    correlation_id: str | None

    @property
    def answer(self) -> dict[str, Any]:
        """The body of the callback."""
        data = {
            "reference": self.reference,
            "erp_number": self.erp_number,
            "accepted": self.reason is None,
            "reason": self.reason,
        }
        return {"type": "erp.registered", "key": self.reference, "data": data}


def submit(ask: Ask[Submission]) -> Reply:
    number = reference("ERP")
    ask.do("register", subject=ask.body.order_id, reference=number)
    dials = ask.faults.current.erp
    rejected = ask.faults.strikes("erp", dials.reject_rate)
    ask.db.execute(
        "INSERT INTO erp_orders (reference, idempotency_key, order_id, state, reason, decide_at, correlation_id)"
        " VALUES (?, ?, ?, 'pending', ?, ?, ?)",
        (
            number,
            ask.key,
            ask.body.order_id,
            REFUSAL if rejected else None,
            ask.now + dials.callback.delay_s,
            ask.correlation_id,
        ),
    )
    return Reply(202, {"reference": number})


def cancel(ask: Ask[Cancellation]) -> Reply:
    """Also cancels what is still pending; then no callback will come."""
    cancelled = ask.undo("cancel", original="register", original_key=ask.body.order_key)
    if cancelled:
        ask.db.execute("UPDATE erp_orders SET state = 'cancelled' WHERE idempotency_key = ?", (ask.body.order_key,))
    return Reply(200, {"cancelled": cancelled})


def decide_due(db: sqlite3.Connection, now: float) -> list[Decided]:
    """Register or reject every pending order whose time has come."""
    due = db.execute("SELECT rowid, * FROM erp_orders WHERE state = 'pending' AND decide_at <= ?", (now,)).fetchall()
    decided = []
    for row in due:
        number = f"45{row['rowid']:08d}" if row["reason"] is None else None
        state = "rejected" if number is None else "registered"
        db.execute("UPDATE erp_orders SET state = ?, erp_number = ? WHERE rowid = ?", (state, number, row["rowid"]))
        decided.append(Decided(row["reference"], number, row["reason"], row["correlation_id"]))
    return decided


def next_decision_at(db: sqlite3.Connection) -> float | None:
    row = db.execute("SELECT min(decide_at) AS at FROM erp_orders WHERE state = 'pending'").fetchone()
    return None if row["at"] is None else float(row["at"])


async def by_reference(request: Request) -> Response:
    number = request.path_params["reference"]
    row = world_of(request).store.db.execute("SELECT * FROM erp_orders WHERE reference = ?", (number,)).fetchone()
    if row is None:
        return Refused(404, "not_found", f"There is no order {number}.").response()
    return JSONResponse(_present(row))


def by_key(world: World, found: Effect) -> dict[str, Any]:
    row = world.store.db.execute("SELECT * FROM erp_orders WHERE reference = ?", (found.reference,)).fetchone()
    return _present(row)


def _present(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "reference": row["reference"],
        "order_id": row["order_id"],
        "state": row["state"],
        "erp_number": row["erp_number"],
        "reason": row["reason"] if row["state"] == "rejected" else None,
    }


routes = [
    effect("/erp/orders", Submission, submit),
    lookup("/erp/orders", "register", by_key),
    Route("/erp/orders/{reference}", by_reference, methods=["GET"]),
    effect("/erp/cancellations", Cancellation, cancel),
]
