"""What the wholesaler's processes exchange: orders, returns, and the answers of the six systems they call."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from workflows.dsl import Contract, Event, Personal

Text = Annotated[str, Field(min_length=1, max_length=200)]
Money = Annotated[float, Field(ge=-1_000_000_000, le=1_000_000_000, allow_inf_nan=False, strict=True)]
Count = Annotated[int, Field(ge=-1_000_000, le=1_000_000, strict=True)]


class Line(Contract):
    """One article of an order; cancellations and corrections have negative quantities."""

    sku: Annotated[str, Field(min_length=1, max_length=40)]
    description: Annotated[str, Field(max_length=500)] | None
    quantity: Count
    unit_price: Money


class Order(Contract):
    """One order as the shop sends it, with the dirt real orders have: no customer, no total, negative quantities."""

    order_id: Annotated[str, Field(pattern=r"^\s*[A-Za-z0-9-]{1,40}\s*$")]
    placed_at: datetime
    customer_id: Annotated[str | None, Field(max_length=40), Personal()]
    country: Text
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    cancellation: Annotated[bool, Field(strict=True)]
    total: Money
    lines: Annotated[list[Line], Field(min_length=1, max_length=2000)]


class Return(Order):
    """A cancellation: what came back, with negative quantities. It does not name the order it belongs to."""


class StockLevels(Contract):
    """What the warehouse says about an order's articles."""

    available: bool
    missing: list[str]


class Risk(Contract):
    """The fraud provider's judgement; 0 is harmless, 1 is certain fraud."""

    score: Annotated[float, Field(ge=0, le=1)]
    reasons: list[str]


class Reservation(Contract):
    """Articles set aside."""

    reservation_id: str


class Charge(Contract):
    """Money taken."""

    charge_id: str
    amount: float


class Submission(Contract):
    """The ERP took the order in and will answer under this reference."""

    reference: str


class ErpAnswer(Contract):
    """The ERP's late answer."""

    reference: str
    erp_number: str | None
    accepted: bool
    reason: str | None


class Shipment(Contract):
    """A parcel on its way."""

    shipment_id: str
    tracking: str


class Correction(Contract):
    """What a correction did; `done` is False when nothing had happened."""

    done: bool
    amount: float | None = None


class ReturnedLine(Contract):
    """One article that came back, with a positive quantity."""

    sku: str
    quantity: int
    unit_price: float


class Match(Contract):
    """The one order a return belongs to. `kind` is whole (everything came back) or partial."""

    kind: str
    order_id: str
    instance_id: str
    amount: float
    lines: list[ReturnedLine]


class Original(Contract):
    """How the original order ended, and the key of its charge (empty if nothing was charged)."""

    lifecycle: str
    status: str
    charge_key: str


class Restocked(Contract):
    """Returned articles are in stock again."""

    restock_id: str


class Refunded(Contract):
    """Money given back; `refunded` may be less than asked when the charge has no more left."""

    refund_id: str | None
    refunded: float


class OrderConfirmed(Event):
    """The order is paid and will be delivered."""

    order_id: str
    total: float
    country: str


class ReturnSettled(Event):
    """A return is settled with the customer."""

    order_id: str
    original: str
    kind: str
    amount: float
