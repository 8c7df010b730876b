"""The table of docs/orders.md is what the shipped file and the matching really give."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

from tests.demo.order_classes import ENDINGS, Ending, OrderClass, chosen, classify
from workflows.demo.simulators import fraud
from workflows.demo.simulators.faults import Faults

PROJECT = Path(__file__).resolve().parents[2]
FILE = PROJECT / "workflows" / "demo" / "data" / "orders-2010-12.jsonl.gz"
PAGE = PROJECT / "docs" / "orders.md"
LIFECYCLES = {"waiting for a person": "waiting"}


@cache
def records() -> list[dict[str, Any]]:
    with gzip.open(FILE, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def table(heading: str) -> list[list[str]]:
    """The rows of the table on the page whose first heading this is."""
    _, _, rest = PAGE.read_text().partition(f"| {heading} |")
    rows = rest.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def number(text: str) -> int:
    return int(text.replace(",", ""))


def test_the_documented_number_of_every_class_is_what_the_file_holds() -> None:
    documented = {OrderClass(name): number(count) for name, count, _, _ in table("class of record")}

    assert documented == Counter(classify(records()).values())
    assert sum(documented.values()) == len(records()) == 2025


def test_the_documented_endings_are_those_the_chaos_run_judges_by() -> None:
    documented = {
        OrderClass(name): Ending(LIFECYCLES.get(end, end), status, needs_person=end in LIFECYCLES)
        for name, _, end, status in table("class of record")
    }

    assert documented == ENDINGS


def test_the_documented_number_of_orders_waits_for_a_person() -> None:
    orders = [each for each in records() if not each["cancellation"]]
    large = {each["order_id"] for each in orders if each["total"] > 1000}
    risky = {each["order_id"] for each in orders if risk_of(each) >= 0.6}
    told = " ".join(PAGE.read_text().split())

    assert f"{len(large | risky)} orders wait for the fraud team" in told
    assert f"{len(large)} with a total above 1,000 GBP, {len(risky)} with a risk of 0.6 or more" in told


def risk_of(record: dict[str, Any]) -> float:
    asked = {name: record[name] for name in ("order_id", "customer_id", "country", "total")}
    return float(fraud.score(fraud.Order(**asked, lines=len(record["lines"])), Faults())["score"])


def test_the_documented_dirt_is_in_the_file() -> None:
    documented = {what: number(count) for what, count in table("what")}

    assert documented == {
        "without a customer": count(lambda each: each["customer_id"] is None),
        "orders with a negative quantity": count(
            lambda each: not each["cancellation"] and any(line["quantity"] < 0 for line in each["lines"])
        ),
        "with an article that has no description": count(
            lambda each: any(line["description"] is None for line in each["lines"])
        ),
        "with an article that costs nothing": count(
            lambda each: any(line["unit_price"] == 0 for line in each["lines"])
        ),
        "with more than 100 lines (the longest has 675)": count(lambda each: len(each["lines"]) > 100),
    }
    assert max(len(each["lines"]) for each in records()) == 675


def count(is_so: Any) -> int:
    return sum(map(is_so, records()))


def test_a_smaller_file_keeps_every_class() -> None:
    few = chosen(records(), 150)

    classes = Counter(classify(few).values())
    whole = classify(records())

    assert len(few) == 150
    assert all(classes[kind] >= 2 for kind in OrderClass)
    assert all(kind is whole[id_] for id_, kind in classify(few).items() if "return" in kind)
