"""Conditions as data: what they hold for, how they are printed, and why they held."""

from __future__ import annotations

from typing import Any

import pytest

from workflows.dsl.contracts import extract
from workflows.dsl.errors import DefinitionError
from workflows.dsl.rules import Compare, Ref, Rule, explain

SCORE, TOTAL, LIMIT = Ref("risk", ("score",)), Ref("order", ("total",)), Ref("order", ("limit",))
COUNTRY, NOTE, INNER = Ref("order", ("country",)), Ref("order", ("note",)), Ref("order", ("address", "city"))
VALUES: dict[str, dict[str, Any]] = {
    "risk": {"score": 0.12},
    "order": {"total": 139.12, "limit": 200, "country": "France", "note": None, "address.city": "Lyon"},
}
SKIPPED = Ref("charge", ("amount",))


@pytest.mark.parametrize(
    ("rule", "holds", "reason"),
    [
        (SCORE >= 0.6, False, "risk.score >= 0.6 is false (0.12)"),
        (SCORE < 0.6, True, "risk.score < 0.6 is true (0.12)"),
        (SCORE > 0.12, False, "risk.score > 0.12 is false (0.12)"),
        (SCORE <= 0.12, True, "risk.score <= 0.12 is true (0.12)"),
        (COUNTRY == "France", True, "order.country == France is true (France)"),
        (COUNTRY != "France", False, "order.country != France is false (France)"),
        (COUNTRY.one_of("France", "EIRE"), True, "order.country in one of France, EIRE is true (France)"),
        (TOTAL < LIMIT, True, "order.total < order.limit is true (139.12)"),
        (INNER == "Lyon", True, "order.address.city == Lyon is true (Lyon)"),
        (NOTE == None, True, "order.note == none is true (none)"),  # noqa: E711 - a rule
        (TOTAL != None, True, "order.total != none is true (139.12)"),  # noqa: E711 - a rule
        ((SCORE < 0.6) & (TOTAL > 500), False, "risk.score < 0.6 and order.total > 500 is false (0.12, 139.12)"),
        ((SCORE < 0.6) | (TOTAL > 500), True, "risk.score < 0.6 or order.total > 500 is true (0.12, 139.12)"),
        (~(TOTAL > 500), True, "not order.total > 500 is true (139.12)"),
        (
            ((SCORE < 0.6) | (TOTAL > 500)) & ~(COUNTRY == "France"),
            False,
            "(risk.score < 0.6 or order.total > 500) and not order.country == France is false (0.12, 139.12, France)",
        ),
    ],
)
def test_a_rule_says_whether_it_holds_and_why(rule: Rule, holds: bool, reason: str) -> None:
    assert explain(rule, VALUES) == (holds, reason)


@pytest.mark.parametrize(
    "rule", [SKIPPED > 0, SKIPPED < 0, SKIPPED == 0, SKIPPED != 0, SKIPPED.one_of(0, 1), NOTE == "x", TOTAL > SKIPPED]
)
def test_what_is_missing_fulfils_no_rule(rule: Compare) -> None:
    assert rule.holds(VALUES) is False


def test_a_rule_names_every_field_it_reads() -> None:
    rule = ((SCORE < 0.6) | (TOTAL > LIMIT)) & ~(COUNTRY == "France")

    assert [ref.text() for ref in rule.refs()] == ["risk.score", "order.total", "order.limit", "order.country"]


def test_a_rule_is_not_a_truth_value() -> None:
    for build in (lambda: bool(SCORE > 1), lambda: bool(SCORE), lambda: COUNTRY in ("France", "EIRE")):
        with pytest.raises(DefinitionError, match=r"test_rules.py:\d+: a rule has no truth value"):
            build()


def test_a_value_is_taken_from_a_path_of_json() -> None:
    body = {"address": {"city": "Lyon"}, "lines": [1]}

    assert extract(body, ("address", "city")) == "Lyon"
    assert extract(body, ("address", "zip", "x")) is None
    assert extract(body, ("lines", "0")) is None
