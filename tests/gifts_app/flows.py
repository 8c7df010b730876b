"""A gift: the money is taken, then two elders have to agree, else it is given back. Without an answer it is kept."""

from __future__ import annotations

from typing import Annotated

from workflows.dsl import (
    Call,
    Contract,
    Dependency,
    Personal,
    Workflow,
    approval,
    given,
    hours,
    seconds,
    stage,
    step,
)

bank = Dependency("bank", timeout=seconds(20), repeats="by_key")


class Gift(Contract):
    gift_id: str
    amount: float
    donor: Annotated[str, Personal()]
    letter: str = ""
    currency: str = "EUR"


class Receipt(Contract):
    receipt_id: str
    amount: float


def take_money(gift: Gift, call: Call) -> Receipt:
    """Takes it."""
    return Receipt(receipt_id=f"R-{gift.gift_id}", amount=gift.amount)


def give_back(taken: Receipt | None, call: Call) -> None:
    """Gives it back."""


def write_thanks(gift: Gift, call: Call) -> None:
    """Says thank you."""


def apologise(call: Call) -> None:
    """Takes the thanks back."""


class GiftFlow(Workflow):
    """A gift from its arrival to the letter of thanks."""

    name, version = "gift", 1
    noun, owner = "gift", "treasurer"

    gift = given(Gift, key="gift_id", attributes=["amount", "donor"])

    with stage("Taking"):
        taken = step(take_money, calls=bank, compensate=give_back, status="Taking")
        agreed = approval(
            "May we keep it?",
            by="elders",
            within=hours(1),
            evidence=[gift, taken],
            default="approve",
            quorum=2,
            after=taken,
            when=(gift["amount"] > 100) & (gift["donor"] != "nobody"),
        )
    with stage("Thanking"):
        thanked = step(write_thanks, calls=bank, compensate=apologise, when=gift["amount"] > 0, status="Thanks")
