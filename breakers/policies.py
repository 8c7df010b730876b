"""A breaker's rule as JSON and back, and what an operator may change of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Any

from breakers.machine import BadPolicy, Policy

SPANS = ("window", "open_for", "open_cap", "slow_after")
COUNTS = ("consecutive", "minimum_calls", "probes", "successes")
#: Every part of a rule, in the order people read it.
NAMES = tuple(field.name for field in fields(Policy))


def dump(policy: Policy) -> dict[str, Any]:
    """The rule as JSON; lengths of time are seconds."""
    return {name: getattr(policy, name).total_seconds() if name in SPANS else getattr(policy, name) for name in NAMES}


def load(data: Mapping[str, Any]) -> Policy:
    """The rule that `dump` wrote; parts that are missing are at their default. Raises BadPolicy naming the part."""
    values: dict[str, Any] = {}
    for name, value in data.items():
        if name not in NAMES:
            raise BadPolicy(name, f"is no part of a breaker's rule (there are {', '.join(NAMES)})")
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value or abs(value) > 1e9:
            raise BadPolicy(name, "must be a number")
        if name in COUNTS and value != int(value):
            raise BadPolicy(name, "must be a whole number")
        values[name] = timedelta(seconds=value) if name in SPANS else int(value) if name in COUNTS else float(value)
    return Policy(**values)


def retuned(
    declared: Mapping[str, Any], tuned: Mapping[str, Any], changes: Mapping[str, Any]
) -> tuple[dict[str, Any], Policy]:
    """What is tuned after these changes, and the rule that follows; None takes a part back to what is declared.

    Only what differs from the declaration counts as tuned. Raises BadPolicy naming the part.
    """
    for name in changes:
        if name not in NAMES:
            load({name: 0})
    known = {name: value for name, value in declared.items() if name in NAMES}
    wanted = {name: value for name, value in {**tuned, **changes}.items() if value is not None and name in NAMES}
    kept = {name: value for name, value in wanted.items() if value != known.get(name)}
    return kept, load({**known, **wanted})


def in_force(declared: Mapping[str, Any], tuned: Mapping[str, Any]) -> Policy:
    """What is stored as declared, with what an operator changed of it. Never raises: calls depend on it.

    The declaration may have changed since the tuning, or come from newer code: what does not fit (any more) is left
    out, the tuning first.
    """
    known = {name: value for name, value in declared.items() if name in NAMES}
    for wanted in ({**known, **{name: value for name, value in tuned.items() if name in NAMES}}, known):
        try:
            return load(wanted)
        except BadPolicy:
            continue
    return Policy()
