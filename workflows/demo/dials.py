"""Turns the fault dials of the simulated systems; every turn, refused ones too, is in the audit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import httpx
from django.conf import settings

from workflows import audit
from workflows.audit import Act
from workflows.demo.simulators.faults import Faults, FaultsRefused
from workflows.interventions import Forbidden, Principal, may

#: seconds the simulated systems have to answer
PATIENCE = 3.0


class Unreachable(Exception):
    """The simulated systems do not answer; nothing was changed."""


def read() -> Faults:
    """The present dials. Raises Unreachable."""
    return _ask("GET")


def turn(principal: Principal, patch: Mapping[str, Any], *, reason: str = "") -> Faults:
    """Merge `patch` into the dials and return them all; `{"reset": True}` begins with everything healthy.

    Raises Forbidden, FaultsRefused (a value is out of range) or Unreachable.
    """
    act = Act(principal.kind, principal.name, "faults", principal.through, reason=reason)
    verdict = may(principal, "faults")
    if not verdict.allowed:
        audit.record(act, allowed=False, refusal=verdict.reason, target="dials")
        raise Forbidden(verdict.reason)
    try:
        before = read()
        after = _ask("PUT", dict(patch))
    except (Unreachable, FaultsRefused) as refusal:
        audit.record(act, allowed=False, refusal=str(refusal), target="dials")
        raise
    old, new = dict(_flat(before.model_dump())), dict(_flat(after.model_dump()))
    turned = [name for name in new if new[name] != old[name]]
    audit.record(
        act,
        allowed=True,
        target="dials",
        before={name: old[name] for name in turned},
        after={name: new[name] for name in turned},
    )
    return after


def _ask(method: str, body: dict[str, Any] | None = None) -> Faults:
    try:
        answer = _client().request(method, f"{settings.SIMULATORS_URL}/faults", json=body)
        if answer.status_code == 422 or answer.status_code == 400:
            raise FaultsRefused(str(answer.json().get("detail", answer.text)))
        answer.raise_for_status()
        return Faults.model_validate(answer.json())
    except (httpx.HTTPError, ValueError) as error:
        raise Unreachable("The simulated systems do not answer; are they running?") from error


@cache
def _client() -> httpx.Client:
    """One per process, because making one costs more than asking; connections are not kept."""
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(timeout=PATIENCE, trust_env=False, limits=limits)


def _flat(dials: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every dial with its dotted name."""
    for name, value in dials.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value
