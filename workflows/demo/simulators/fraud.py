"""The fraud score: the same order always gets the same score, about 3 in 100 get 0.6 or more."""

import hashlib
from typing import Any

from pydantic import BaseModel, Field

from workflows.demo.simulators.contracts import Amount, OrderId
from workflows.demo.simulators.endpoints import query
from workflows.demo.simulators.faults import Faults

SUSPICIOUS_SHARE = 0.03
#: From this score on an order is worth a look by a person.
SUSPICIOUS = 0.6
MISSING_CUSTOMER = 0.04
BIG_TOTAL = 1000


class Order(BaseModel):
    order_id: OrderId
    customer_id: str | None = None
    country: str
    total: Amount
    lines: int = Field(ge=0)


def score(order: Order, faults: Faults) -> dict[str, Any]:
    luck = share_of(f"fraud/{order.order_id}")
    suspicious = luck < SUSPICIOUS_SHARE
    if suspicious:
        value = SUSPICIOUS + 0.35 * luck / SUSPICIOUS_SHARE
    else:
        value = 0.02 + 0.5 * ((luck - SUSPICIOUS_SHARE) / (1 - SUSPICIOUS_SHARE)) ** 2
    reasons = ["The delivery address was used for a disputed order"] if suspicious else []
    if order.customer_id is None:
        value += MISSING_CUSTOMER
        reasons.append("No customer account")
    if order.total > BIG_TOTAL:
        reasons.append("Unusually large order")
    return {"score": round(min(value, 1.0), 2), "reasons": reasons}


def share_of(name: str) -> float:
    """A number from 0 up to 1 that belongs to this name for ever."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2**64


routes = [query("/fraud/score", Order, score)]
