"""Insurance claims: something personal in every place a process can have it."""

from __future__ import annotations

from typing import Annotated

from workflows.dsl import (
    Call,
    Contract,
    Dependency,
    Event,
    Pending,
    Personal,
    PersonNeeded,
    Retry,
    Workflow,
    approval,
    callback,
    given,
    hours,
    minutes,
    publish,
    query,
    seconds,
    stage,
    step,
)

#: what stands in every personal field begins with this
CANARY = "CANARY"

_AT_ONCE = Retry(attempts=2, first=seconds(0.001), factor=1, cap=seconds(0.001))
hospital = Dependency("hospital", timeout=seconds(20), repeats="natural", retry=_AT_ONCE)
ledger = Dependency("ledger", timeout=seconds(20), repeats="by_key", retry=_AT_ONCE)


class Contact(Contract):
    email: Annotated[str, Personal()]
    city: str


class Claim(Contract):
    claim_id: str
    patient: Annotated[str, Personal()]
    policy: Annotated[str, Personal()]
    contact: Contact
    notes: list[Annotated[str, Personal()]]
    amount: float


class Assessment(Contract):
    score: float
    reference: Annotated[str, Personal()]
    remark: Annotated[str, Personal()] | None = None


class Booking(Contract):
    number: str
    holder: Annotated[str, Personal()]


class ClaimBooked(Event):
    """Its field is not marked; where it comes from is."""

    claim_id: str
    patient: str


class Verdict(Contract):
    paid: bool
    letter: Annotated[str, Personal()]


def assess(claim: Claim, call: Call) -> Assessment:
    """The first answer breaks the contract with something personal in it."""
    if call.attempt == 1:
        broken = {"score": claim.patient, "reference": claim.patient}
        return Assessment.model_validate(broken)
    return Assessment(score=0.5, reference=f"{claim.patient}-reference", remark=claim.patient)


def book(claim: Claim, assessed: Assessment, call: Call) -> Booking:
    """Books it."""
    return Booking(number="B-1", holder=claim.patient)


def unbook(booked: Booking | None, call: Call) -> Booking | None:
    """Undoes the booking, and says for whom."""
    return booked


def ask(assessed: Assessment, call: Call) -> Verdict | Pending:
    """No answer yet."""
    return Pending()


def pay(claim: Claim, verdict: Verdict, call: Call) -> None:
    """Only a person can go on."""
    raise PersonNeeded("the account has to be looked up", {"account": claim.policy})


def unpay(call: Call) -> None:
    """Undoes the payment."""


class ClaimFlow(Workflow):
    """A claim from its arrival to its payment."""

    name, version = "claim", 1
    noun, owner = "claim", "claims"

    claim = given(Claim, key="claim_id", attributes=["patient", "amount"])

    with stage("Assessing"):
        assessed = query(assess, calls=hospital, status="Assessment")
        booked = step(book, calls=ledger, idempotent_by=claim["policy"], compensate=unbook, status="Booking")
        announced = publish(ClaimBooked, claim_id=claim["claim_id"], patient=claim["patient"], after=booked)
    with stage("Deciding"):
        verdict = callback(
            "hospital.verdict", Verdict, match=assessed["reference"], within=minutes(10), otherwise=ask,
            calls=hospital, after=announced, status="Verdict",
        )  # fmt: skip
        review = approval(
            "Is this claim genuine?", by="claims", within=hours(1), evidence=[claim, assessed],
            when=claim["patient"] != "nobody", after=verdict,
        )  # fmt: skip
        paid = step(pay, calls=ledger, compensate=unpay, when=claim["patient"] != "nobody", status="Payout")
