"""Which order a return belongs to. Cancellations name none, so customer, articles and quantities must tell.

The answer depends only on what the same customer ordered and returned before, in the order in which it was placed;
it is therefore the same however many workers match returns at the same time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from workflows.demo.contracts import Order


@dataclass(frozen=True)
class Verdict:
    """Where a return belongs.

    whole: everything of exactly one order came back · partial: a part of exactly one order · several: more than one
    order could be meant · unclear: no single order covers it, but articles of it were bought · none: nothing fits.
    """

    kind: Literal["whole", "partial", "several", "unclear", "none"]
    candidates: tuple[str, ...] = ()
    reason: str = ""


@dataclass
class _Bought:
    order_id: str
    left: Counter[str] = field(default_factory=Counter)
    untouched: bool = True


def match(returned: Order, history: Sequence[Order]) -> Verdict:
    """Match one return against the same customer's earlier records (orders and returns), in order of placement."""
    if returned.customer_id is None:
        return Verdict("none", reason="the cancellation names no customer")
    bought: list[_Bought] = []
    for record in history:
        if record.cancellation:
            verdict = _verdict(record, bought)
            if verdict.kind in ("whole", "partial"):
                _take(record, next(one for one in bought if one.order_id == verdict.candidates[0]))
        else:
            bought.append(_Bought(record.order_id, quantities(record)))
    return _verdict(returned, bought)


def quantities(record: Order) -> Counter[str]:
    """How many of each article a record moves, as positive numbers; lines of zero do not count."""
    found: Counter[str] = Counter()
    for line in record.lines:
        found[line.sku] += -line.quantity if record.cancellation else line.quantity
    return Counter({sku: count for sku, count in found.items() if count > 0})


def _verdict(returned: Order, bought: Sequence[_Bought]) -> Verdict:
    wanted = quantities(returned)
    if not wanted:
        return Verdict("none", reason="nothing came back")
    covering = [one for one in bought if all(one.left[sku] >= count for sku, count in wanted.items())]
    if len(covering) > 1:
        names = tuple(one.order_id for one in covering)
        return Verdict("several", names, f"{len(names)} orders could be meant")
    if covering:
        one = covering[0]
        whole = one.untouched and +one.left == wanted
        return Verdict("whole" if whole else "partial", (one.order_id,))
    related = tuple(one.order_id for one in bought if any(one.left[sku] > 0 for sku in wanted))
    if related:
        return Verdict("unclear", related, "no single order covers what came back")
    return Verdict("none", reason="the customer bought none of these articles here")


def _take(record: Order, one: _Bought) -> None:
    one.left.subtract(quantities(record))
    one.untouched = False
