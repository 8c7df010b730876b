"""What becomes of every line of the order file: its class by arithmetic alone, and how each class ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workflows.demo.contracts import Order
from workflows.demo.matching import Verdict, match


class OrderClass(StrEnum):
    """The classes of docs/orders.md, in its words."""

    PAID = "order with a total above zero"
    FREE = "order with a total of zero"
    CORRECTED = "order that comes back whole"
    WHOLE = "return of one whole order"
    PARTIAL = "return of a part of one order"
    SEVERAL = "return that fits several orders"
    UNCLEAR = "return that no single order covers"
    UNMATCHED = "return of articles never bought here"
    ANONYMOUS = "return without a customer"


@dataclass(frozen=True)
class Ending:
    """How an instance stands when nothing more happens by itself."""

    lifecycle: str
    status: str
    needs_person: bool = False


_DELIVERED = Ending("completed", "Delivered")
_SETTLED = Ending("completed", "ReturnSettled")
_UNCLEAR = Ending("waiting", "ReturnUnclear", needs_person=True)
_UNMATCHED = Ending("failed", "ReturnUnmatched")

ENDINGS: Mapping[OrderClass, Ending] = {
    OrderClass.PAID: _DELIVERED,
    OrderClass.FREE: _DELIVERED,
    OrderClass.CORRECTED: Ending("compensated", "OrderCorrected"),
    OrderClass.WHOLE: _SETTLED,
    OrderClass.PARTIAL: _SETTLED,
    OrderClass.SEVERAL: _UNCLEAR,
    OrderClass.UNCLEAR: _UNCLEAR,
    OrderClass.UNMATCHED: _UNMATCHED,
    OrderClass.ANONYMOUS: _UNMATCHED,
}


def classify(records: Iterable[Mapping[str, Any]]) -> dict[str, OrderClass]:
    """The class of each record by its order id; `records` in order of placement, as in the file."""
    found: dict[str, OrderClass] = {}
    history: dict[str, list[Order]] = {}
    for record in records:
        order = Order.model_validate(record)
        before = history.setdefault(order.customer_id, []) if order.customer_id is not None else []
        if order.cancellation:
            verdict = match(order, before)
            found[order.order_id] = _of_return(order, verdict)
            if verdict.kind == "whole":
                found[verdict.candidates[0]] = OrderClass.CORRECTED
        else:
            found[order.order_id] = OrderClass.PAID if order.total > 0 else OrderClass.FREE
        before.append(order)
    return found


def _of_return(order: Order, verdict: Verdict) -> OrderClass:
    match verdict.kind:
        case "whole":
            return OrderClass.WHOLE
        case "partial":
            return OrderClass.PARTIAL
        case "several":
            return OrderClass.SEVERAL
        case "unclear":
            return OrderClass.UNCLEAR
        case "none":
            return OrderClass.ANONYMOUS if order.customer_id is None else OrderClass.UNMATCHED


def chosen(records: list[dict[str, Any]], count: int, of_each: int = 2) -> list[dict[str, Any]]:
    """About `count` records in file order with at least `of_each` returns of every class and what they depend on.

    A return brings its customer's earlier records along, so that it keeps its class in the smaller file.
    """
    if count >= len(records):
        return records
    classes, wanted = classify(records), set[str]()
    for kind in OrderClass:
        candidates = [_needed(record, records) for record in records if classes[record["order_id"]] is kind]
        for ids in sorted((ids for ids in candidates), key=len)[:of_each]:
            wanted |= ids
    for record in records:
        if len(wanted) >= count:
            break
        if not record["cancellation"]:
            wanted.add(record["order_id"])
    return [record for record in records if record["order_id"] in wanted]


def _needed(record: dict[str, Any], records: list[dict[str, Any]]) -> set[str]:
    """This record, and for a return what the same customer ordered and returned before it."""
    if not record["cancellation"] or record["customer_id"] is None:
        return {record["order_id"]}
    until = records.index(record)
    return {each["order_id"] for each in records[: until + 1] if each["customer_id"] == record["customer_id"]}
