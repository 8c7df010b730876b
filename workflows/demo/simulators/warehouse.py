"""The warehouse: is it in stock, set it aside, give it back, take a return in."""

from typing import Any

from pydantic import BaseModel

from workflows.demo.simulators.contracts import Key, Line, OrderId, reference
from workflows.demo.simulators.endpoints import Ask, Reply, effect, lookup, query
from workflows.demo.simulators.faults import Faults
from workflows.demo.simulators.fraud import share_of
from workflows.demo.simulators.ledger import Effect
from workflows.demo.simulators.world import World


class Goods(BaseModel):
    order_id: OrderId
    lines: list[Line]


class Release(BaseModel):
    order_id: OrderId
    reservation_key: Key
    reservation_id: str | None = None


class Restock(BaseModel):
    return_id: str
    order_id: OrderId
    lines: list[Line]


def stock(goods: Goods, faults: Faults) -> dict[str, Any]:
    """The dial `out_of_stock_rate` picks the orders; of such an order the first article is missing."""
    short = share_of(f"stock/{goods.order_id}") < faults.warehouse.out_of_stock_rate
    missing = [line.sku for line in goods.lines[:1]] if short else []
    return {"available": not missing, "missing": missing}


def reserve(ask: Ask[Goods]) -> Reply:
    number = reference("RES")
    ask.do("reserve", subject=ask.body.order_id, reference=number)
    return Reply(201, {"reservation_id": number})


def release(ask: Ask[Release]) -> Reply:
    return Reply(200, {"released": ask.undo("release", original="reserve", original_key=ask.body.reservation_key)})


def restock(ask: Ask[Restock]) -> Reply:
    number = reference("RST")
    ask.do("restock", subject=ask.body.order_id, reference=number)
    return Reply(201, {"restock_id": number})


def reservation(world: World, found: Effect) -> dict[str, Any]:
    return {"reservation_id": found.reference, "order_id": found.subject}


routes = [
    query("/warehouse/stock", Goods, stock),
    effect("/warehouse/reservations", Goods, reserve),
    lookup("/warehouse/reservations", "reserve", reservation),
    effect("/warehouse/releases", Release, release),
    effect("/warehouse/restocks", Restock, restock),
]
