"""The payment provider: charge a card, give the money back, never more than was taken."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, Field

from workflows.demo.simulators import ledger
from workflows.demo.simulators.contracts import Amount, OrderId, reference
from workflows.demo.simulators.endpoints import Ask, Reply, effect, lookup
from workflows.demo.simulators.ledger import Effect
from workflows.demo.simulators.world import World

Payable = Annotated[Amount, Field(gt=0)]


class Charge(BaseModel):
    order_id: OrderId
    amount: Payable
    currency: str = Field(pattern="^[A-Z]{3}$")


class Refund(BaseModel):
    order_id: OrderId
    #: Empty when the client knows of no charge; then nothing is given back.
    charge_key: str = Field(max_length=1024)
    charge_id: str | None = None
    #: None gives back all that is left of the charge.
    amount: Annotated[Amount, Field(ge=0)] | None = None


def charge(ask: Ask[Charge]) -> Reply:
    number = reference("CH")
    ask.do("charge", subject=ask.body.order_id, amount=ask.body.amount, reference=number)
    return Reply(201, {"charge_id": number, "amount": float(ask.body.amount)})


def refund(ask: Ask[Refund]) -> Reply:
    charged = ask.find_or_close("charge", ask.body.charge_key)
    left = Decimal(0) if charged is None else _left(charged, ledger.reversals(ask.db, ask.service, ask.body.charge_key))
    amount = left if ask.body.amount is None else min(left, ask.body.amount)
    if amount <= 0:
        return Reply(200, {"refund_id": None, "refunded": 0})
    number = reference("RF")
    ask.do("refund", subject=ask.body.order_id, amount=amount, reference=number, reverses=ask.body.charge_key)
    return Reply(201, {"refund_id": number, "refunded": float(amount)})


def charged(world: World, found: Effect) -> dict[str, Any]:
    refunds = ledger.reversals(world.store.db, found.service, found.idempotency_key)
    return {
        "charge_id": found.reference,
        "order_id": found.subject,
        "amount": float(found.amount or 0),
        "refunded": float((found.amount or 0) - _left(found, refunds)),
    }


def _left(charge: Effect, refunds: list[Effect]) -> Decimal:
    return (charge.amount or Decimal(0)) - sum((each.amount or Decimal(0) for each in refunds), Decimal(0))


routes = [
    effect("/payments/charges", Charge, charge),
    lookup("/payments/charges", "charge", charged),
    effect("/payments/refunds", Refund, refund),
]
