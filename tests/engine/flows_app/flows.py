"""Small processes, each for a few promises of the engine."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from tests.engine.flows_app.far_side import far
from workflows.dsl import (
    ANSWER,
    IRREVERSIBLE,
    Call,
    Contract,
    Deadline,
    Dependency,
    Event,
    Pending,
    Personal,
    Retry,
    Workflow,
    callback,
    given,
    hours,
    minutes,
    publish,
    query,
    seconds,
    stage,
    step,
    timer,
)

_SOON = Retry(attempts=3, first=seconds(0.02), factor=2, cap=seconds(0.1))
left_hand = Dependency("left_hand", timeout=seconds(20), repeats="by_key", retry=_SOON)
right_hand = Dependency("right_hand", timeout=seconds(20), repeats="by_key", retry=_SOON)
mint = Dependency("mint", timeout=seconds(20), repeats="unsafe", retry=_SOON)
slow = Dependency("slow", timeout=seconds(0.05), repeats="natural", retry=_SOON, pool="slow")


class Parcel(Contract):
    parcel_id: Annotated[str, Field(min_length=1, max_length=40)]
    weight: float
    owner: Annotated[str, Personal()] = "somebody"


class Number(Contract):
    number: str
    size: float = 1.0


class Answer(Contract):
    accepted: bool
    reason: str | None = None


class ParcelAccepted(Event):
    parcel_id: str


class ParcelConfirmed(Event):
    parcel_id: str
    number: str


def take_left(parcel: Parcel, call: Call) -> Number:
    """The left branch."""
    return far.call("left", call, Number(number=f"L-{parcel.parcel_id}"))


def put_left(left: Number | None, call: Call) -> None:
    """Undoes the left branch."""
    far.call("undo left", call)


def take_right(parcel: Parcel, call: Call) -> Number:
    """The right branch."""
    return far.call("right", call, Number(number=f"R-{parcel.parcel_id}"))


def put_right(right: Number | None, call: Call) -> Number:
    """Undoes the right branch, and says so."""
    return far.call("undo right", call, Number(number="undone"))


def ask(left: Number, call: Call) -> Answer | Pending:
    """Looks for the answer that did not come."""
    return far.call("ask", call, Pending())


def send(left: Number, right: Number, call: Call) -> None:
    """The last step."""
    far.call("send", call)


def unsend(call: Call) -> None:
    """Undoes the last step."""
    far.call("undo send", call)


def thank(parcel: Parcel, call: Call) -> None:
    """An extra."""
    far.call("thank", call)


class ParcelFlow(Workflow):
    """Two branches, an answer from outside, a last step and an extra."""

    name, version = "parcel", 1
    noun, owner = "parcel", "post"
    deadline = Deadline(after=hours(8), warn_before=hours(1), escalate_to="boss")

    parcel = given(Parcel, key="parcel_id", attributes=["weight"])

    with stage("Taking"):
        left = step(take_left, calls=left_hand, compensate=put_left, status="Left")
        right = step(take_right, calls=right_hand, compensate=put_right, status="Right")
    with stage("Confirming", owner="clerks"):
        confirmed = callback(
            "post.confirmed",
            Answer,
            match=left["number"],
            within=minutes(10),
            otherwise=ask,
            calls=left_hand,
            refused_when=ANSWER["accepted"] == False,  # noqa: E712 - a rule
            refusal_reason=ANSWER["reason"],
            status="Confirmation",
        )
        announced = publish(ParcelConfirmed, number=left["number"], after=confirmed)
    with stage("Sending"):
        sent = step(send, calls=left_hand, compensate=unsend, status="Sending")
        thanked = step(thank, calls=right_hand, compensate=IRREVERSIBLE, critical=False, after=sent, status="Thanks")


class LetterFlow(Workflow):
    """Begins with an event and a wait, before any work."""

    name, version = "letter", 1
    noun, owner = "letter", "post"

    letter = given(Parcel, key="parcel_id")

    with stage("Waiting"):
        accepted = publish(ParcelAccepted)
        heard = callback("post.heard", Answer, match=letter["parcel_id"], within=minutes(10), status="Hearing")
        done = publish(ParcelConfirmed, number=letter["parcel_id"], after=heard)


def read_first(parcel: Parcel, call: Call) -> Number:
    """The first of four."""
    return far.call("first", call, Number(number="1"))


def read_second(first: Number, call: Call) -> Number:
    """The second of four."""
    return far.call("second", call, Number(number=first.number + "2"))


def read_third(second: Number, call: Call) -> Number:
    """The third of four."""
    return far.call("third", call, Number(number=second.number + "3"))


def read_fourth(third: Number, call: Call) -> Number:
    """The fourth of four."""
    return far.call("fourth", call, Number(number=third.number + "4"))


class RelayFlow(Workflow):
    """Four steps in a row."""

    name, version = "relay", 1
    noun, owner = "relay", "post"

    parcel = given(Parcel, key="parcel_id")

    with stage("Running"):
        first = query(read_first, calls=left_hand, status="First")
        second = query(read_second, calls=left_hand, status="Second")
        third = query(read_third, calls=left_hand, status="Third")
        fourth = query(read_fourth, calls=left_hand, when=third["size"] > 0, status="Fourth")


def strike(parcel: Parcel, call: Call) -> Number:
    """Must not be repeated blindly."""
    return far.call("strike", call, Number(number="C1"))


def melt(struck: Number | None, call: Call) -> None:
    """Undoes it."""
    far.call("melt", call)


def find_coin(parcel: Parcel, call: Call) -> Number | None:
    """Did it happen?"""
    return far.call("find", call)


class CoinFlow(Workflow):
    """One step that must not be repeated blindly."""

    name, version = "coin", 1
    noun, owner = "coin", "mint"

    parcel = given(Parcel, key="parcel_id")

    with stage("Striking"):
        struck = step(strike, calls=mint, compensate=melt, check=find_coin, status="Striking")


def crawl(parcel: Parcel, call: Call) -> Number:
    """Has very little time."""
    return far.call("crawl", call, Number(number="1"))


class SnailFlow(Workflow):
    """A rest, and a step with a time-out of its own pool."""

    name, version = "snail", 1
    noun, owner = "snail", "garden"

    parcel = given(Parcel, key="parcel_id")

    with stage("Resting"):
        rest = timer(seconds(0.05))
    with stage("Crawling"):
        crawled = query(crawl, calls=slow, status="Crawl")


def both(parcel: Parcel, call: Call) -> Number:
    """Two sub-operations of one step, each done once per key."""
    one = call.once("one", lambda: far.call("one", call, {"n": 1}))
    two = call.once("two", lambda: far.call("two", call, {"n": 2}))
    return Number(number=f"{one['n']}{two['n']}")


class OnceFlow(Workflow):
    """A step made of two."""

    name, version = "once", 1
    noun, owner = "pair", "post"

    parcel = given(Parcel, key="parcel_id")

    with stage("Both"):
        made = query(both, calls=left_hand, status="Both")


class Receipt(Contract):
    number: str
    signature: Annotated[str, Personal()]


def hand_over(parcel: Parcel, call: Call) -> Receipt:
    """Into somebody's own hands."""
    return far.call("hand", call, Receipt(number="R1", signature=parcel.owner))


def fetch_back(handed: Receipt | None, call: Call) -> None:
    """Undoes it."""
    far.call("fetch", call)


class HandFlow(Workflow):
    """A step that the far side knows by somebody's name."""

    name, version = "hand", 1
    noun, owner = "parcel", "post"

    parcel = given(Parcel, key="parcel_id", attributes=["owner"])

    with stage("Handing over"):
        handed = step(
            hand_over, calls=left_hand, compensate=fetch_back, idempotent_by=parcel["owner"], status="HandingOver"
        )


def raw(parcel_id: str, **changes: Any) -> dict[str, Any]:
    """An input of every process here."""
    return {"parcel_id": parcel_id, "weight": 2.5, **changes}
