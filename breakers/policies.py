"""A breaker's rule as JSON and back, and what an operator may change of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Any

from breakers.machine import BadPolicy, Policy

_SPANS = ("window", "open_for", "open_cap", "slow_after")
_COUNTS = ("consecutive", "minimum_calls", "probes", "successes")
#: Every part of a rule, in the order people read it.
NAMES = tuple(field.name for field in fields(Policy))


def dump(policy: Policy) -> dict[str, Any]:
    """The rule as JSON; lengths of time are seconds."""
    return {name: getattr(policy, name).total_seconds() if name in _SPANS else getattr(policy, name) for name in NAMES}


def load(data: Mapping[str, Any]) -> Policy:
    """The rule that `dump` wrote; parts that are missing are at their default. Raises BadPolicy naming the part."""
    values: dict[str, Any] = {}
    for name, value in data.items():
        if name not in NAMES:
            raise BadPolicy(name, f"is no part of a breaker's rule (there are {', '.join(NAMES)})")
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value or abs(value) > 1e9:
            raise BadPolicy(name, "must be a number")
        if name in _COUNTS and value != int(value):
            raise BadPolicy(name, "must be a whole number")
        values[name] = timedelta(seconds=value) if name in _SPANS else int(value) if name in _COUNTS else float(value)
    return Policy(**values)
