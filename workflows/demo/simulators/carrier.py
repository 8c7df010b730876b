"""The carrier: take a parcel, and call it back if asked."""

from typing import Any

from pydantic import BaseModel, Field

from workflows.demo.simulators.contracts import Key, OrderId, reference
from workflows.demo.simulators.endpoints import Ask, Reply, effect, lookup
from workflows.demo.simulators.ledger import Effect
from workflows.demo.simulators.world import World


class Shipment(BaseModel):
    order_id: OrderId
    country: str
    lines: int = Field(ge=0)


class Recall(BaseModel):
    order_id: OrderId
    shipment_key: Key
    shipment_id: str | None = None


def ship(ask: Ask[Shipment]) -> Reply:
    number = reference("SH")
    ask.do("ship", subject=ask.body.order_id, reference=number)
    return Reply(201, {"shipment_id": number, "tracking": _tracking(number)})


def recall(ask: Ask[Recall]) -> Reply:
    return Reply(200, {"recalled": ask.undo("recall", original="ship", original_key=ask.body.shipment_key)})


def shipment(world: World, found: Effect) -> dict[str, Any]:
    number = str(found.reference)
    return {"shipment_id": number, "tracking": _tracking(number), "order_id": found.subject}


def _tracking(number: str) -> str:
    return f"1Z{number.removeprefix('SH-')}"


routes = [
    effect("/carrier/shipments", Shipment, ship),
    lookup("/carrier/shipments", "ship", shipment),
    effect("/carrier/recalls", Recall, recall),
]
