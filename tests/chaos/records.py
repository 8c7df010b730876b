"""Which of the real orders a run plays."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

from tests.chaos.installation import PROJECT
from tests.demo.order_classes import OrderClass, chosen, classify

FILE = PROJECT / "workflows" / "demo" / "data" / "orders-2010-12.jsonl.gz"

Record = dict[str, Any]
#: Takes all records and a number, and returns about so many of them.
Choice = Callable[[list[Record], int], list[Record]]


def every() -> list[Record]:
    """All records in the order of the file."""
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def mixed(records: list[Record], count: int) -> list[Record]:
    """Every class of record."""
    return chosen(records, count)


def plain(records: list[Record], count: int) -> list[Record]:
    """Paid orders that nobody sends anything back of, so that each ends by itself."""
    classes = classify(records)
    returning = {record["customer_id"] for record in records if record["cancellation"]}
    found = [
        record
        for record in records
        if classes[record["order_id"]] is OrderClass.PAID and record["customer_id"] not in returning
    ]
    return found[:count]


def dear(records: list[Record], count: int) -> list[Record]:
    """The same, but only orders of so much money that somebody has to approve them."""
    return [record for record in plain(records, len(records)) if record["total"] > 1000][:count]
