"""A payment in four shapes: harmless to repeat, answered by key, to be looked up first, and impossible to look up.

The last two stand for a provider that knows no idempotency keys: each attempt is a new payment there.
"""

from __future__ import annotations

import httpx
from django.conf import settings

from workflows.demo.contracts import Charge, Risk
from workflows.dsl import (
    Call,
    Contract,
    Dependency,
    OutcomeUnknown,
    Retry,
    TemporaryFailure,
    Workflow,
    given,
    query,
    seconds,
    stage,
    step,
)

_IMPATIENT = Retry(attempts=2, first=seconds(0.02), factor=1, cap=seconds(0.02))


def _provider(name: str, repeats: str) -> Dependency:
    return Dependency(
        name, timeout=seconds(1), repeats=repeats, retry=_IMPATIENT, breaker=None, address="{SIMULATORS_URL}"  # type: ignore[arg-type]
    )  # fmt: skip


oracle = _provider("oracle", "natural")
cashier = _provider("cashier", "by_key")
purser = _provider("purser", "unsafe")


class Bill(Contract):
    bill_id: str
    amount: float = 20.0


def ask_oracle(bill: Bill, call: Call) -> Risk:
    """A question that changes nothing."""
    body = {"order_id": bill.bill_id, "country": "UK", "total": bill.amount, "lines": 1}
    return Risk.model_validate(call.http.post("/fraud/score", body))


def pay_cashier(bill: Bill, call: Call) -> Charge:
    """The same key gets the stored charge."""
    body = {"order_id": bill.bill_id, "amount": bill.amount, "currency": "GBP"}
    return Charge.model_validate(call.http.post("/payments/charges", body))


def pay_purser(bill: Bill, call: Call) -> Charge:
    """Every attempt is a payment of its own."""
    body = {"order_id": bill.bill_id, "amount": bill.amount, "currency": "GBP"}
    key = f"{call.key}#{call.attempt}"
    try:
        answer = httpx.post(
            f"{settings.SIMULATORS_URL}/payments/charges", json=body, headers={"Idempotency-Key": key}, timeout=0.3,
            trust_env=False,
        )  # fmt: skip
    except httpx.HTTPError as error:
        raise OutcomeUnknown("the purser did not answer") from error
    if answer.is_error:
        raise OutcomeUnknown(f"the purser failed ({answer.status_code})")
    return Charge.model_validate(answer.json())


def look_into_the_books(bill: Bill, call: Call) -> Charge | None:
    """Did any attempt pay?"""
    for attempt in range(1, call.attempt + 1):
        found = call.http.get("/payments/charges", idempotency_key=f"{call.key}#{attempt}")
        if found is not None:
            return Charge(charge_id=found["charge_id"], amount=found["amount"])
    return None


def pay_back(paid: Charge | None, call: Call) -> None:
    """Nobody asks for it here."""
    raise TemporaryFailure("the purser is ashore")


class SafeFlow(Workflow):
    """A question."""

    name, version = "safe", 1
    noun, owner = "bill", "bursary"
    bill = given(Bill, key="bill_id")

    with stage("Asking"):
        risk = query(ask_oracle, calls=oracle, status="RiskCheck")


class StoredFlow(Workflow):
    """A payment by key."""

    name, version = "stored", 1
    noun, owner = "bill", "bursary"
    bill = given(Bill, key="bill_id")

    with stage("Paying"):
        paid = step(pay_cashier, calls=cashier, compensate=pay_back, status="Payment")


class CheckedFlow(Workflow):
    """A payment without keys that can be looked up."""

    name, version = "checked", 1
    noun, owner = "bill", "bursary"
    bill = given(Bill, key="bill_id")

    with stage("Paying"):
        paid = step(pay_purser, calls=purser, compensate=pay_back, check=look_into_the_books, status="Payment")


class BlindFlow(Workflow):
    """A payment without keys that nobody can look up."""

    name, version = "blind", 1
    noun, owner = "bill", "bursary"
    bill = given(Bill, key="bill_id")

    with stage("Paying"):
        paid = step(pay_purser, calls=purser, compensate=pay_back, status="Payment")
