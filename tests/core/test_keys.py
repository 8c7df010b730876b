"""What an idempotency key says about its step and its case, also where a business key holds slashes."""

from __future__ import annotations

import pytest

from workflows.core.keys import business_keys, step_of


@pytest.mark.parametrize(
    ("key", "step"),
    [
        ("order/536365/r1/charge/g1", "charge"),
        ("order/a/b/r12/charge/g3/compensate", "charge"),
        ("order/r1/x/g1/r2/charge/g1/compensate2", "charge"),
        ("k-1", ""),
        ("order/536365/r1/charge", ""),
    ],
)
def test_a_key_names_its_step(key: str, step: str) -> None:
    assert step_of(key) == step


@pytest.mark.parametrize(
    ("beginning", "keys"),
    [
        ("536365/r1/charge/g1", ["536365"]),
        ("a/b/r1/ch", ["a/b"]),
        ("a/r1/x/r2/charge", ["a", "a/r1/x"]),
        ("5363", []),
        ("536365/r", []),
    ],
)
def test_the_beginning_of_a_key_leaves_few_business_keys(beginning: str, keys: list[str]) -> None:
    assert business_keys(beginning) == keys
