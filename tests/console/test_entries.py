"""A form made from a contract takes what people type, says what is wrong with it, and loses nothing."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from console.presenters.entries import Mistyped, data, entries
from workflows.dsl import Contract, Personal


class Colour(Enum):
    RED = "red"
    DEEP_BLUE = "deep_blue"


class Part(Contract):
    sku: str
    pieces: int


class Everything(Contract):
    """One field of every kind."""

    name: Annotated[str, Field(max_length=40), Personal()]
    story: Annotated[str, Field(max_length=2000, description="What happened.")]
    pieces: int
    weight: float
    price: Decimal
    whole: bool
    at: datetime
    on: date
    colour: Colour
    way: Literal["road", "rail"]
    tags: list[str]
    parts: list[Part]
    note: str | None
    stars: int = 3
    parent: Part | None = None


TYPED = {
    "data.name": " Ann ", "data.story": "It\nbroke", "data.pieces": "7", "data.weight": "2.5", "data.price": "9.99",
    "data.whole": "no", "data.at": "2010-12-01T08:26", "data.on": "2010-12-01", "data.colour": "deep_blue",
    "data.way": "rail", "data.tags": "one\n\n two \n", "data.parts": '[{"sku": "A", "pieces": 1}]', "data.note": "",
}  # fmt: skip


def test_every_kind_of_field_has_an_input_of_its_own() -> None:
    found = {entry.name.removeprefix("data."): entry for entry in entries(Everything)}

    assert {name: entry.kind for name, entry in found.items()} == {
        "name": "text", "story": "area", "pieces": "number", "weight": "number", "price": "number", "whole": "choice",
        "at": "moment", "on": "date", "colour": "choice", "way": "choice", "tags": "area", "parts": "area",
        "note": "text", "stars": "number", "parent": "area",
    }  # fmt: skip
    assert [name for name, entry in found.items() if not entry.required] == ["tags", "note", "stars", "parent"]
    assert found["story"].hint == "What happened."
    assert found["at"].hint == "In UTC."
    assert found["tags"].hint == "One per line."
    assert found["parts"].hint == 'As JSON: a list of {"sku", "pieces"}.'
    assert found["stars"].hint == "Left empty: 3."
    assert [choice.label for choice in found["colour"].choices] == ["–", "red", "deep blue"]
    assert (found["pieces"].step, found["weight"].step) == ("1", "any")


def test_what_was_typed_becomes_data_that_fits() -> None:
    found = data(Everything, TYPED)

    assert found == {
        "name": "Ann", "story": "It\nbroke", "pieces": 7, "weight": 2.5, "price": "9.99", "whole": False,
        "at": "2010-12-01T08:26:00+00:00", "on": "2010-12-01", "colour": "deep_blue", "way": "rail",
        "tags": ["one", "two"], "parts": [{"sku": "A", "pieces": 1}], "note": None,
    }  # fmt: skip
    assert Everything.model_validate(found).stars == 3


def test_what_was_left_empty_is_left_out_and_the_contract_names_it() -> None:
    assert data(Everything, {}) == {"note": None, "tags": []}


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("pieces", "7.5", "Enter a whole number."),
        ("weight", "heavy", "Enter a number, such as 12.50."),
        ("weight", "nan", "Enter a number, such as 12.50."),
        ("price", "inf", "Enter a number, such as 12.50."),
        ("whole", "perhaps", "Choose yes or no."),
        ("at", "yesterday", "Enter a date and a time, such as 2010-12-01T08:26."),
        ("on", "2010-13-01", "Enter a date, such as 2010-12-01."),
        ("colour", "green", "Choose one of those offered."),
        ("parts", "[{]", "That is not JSON (line 1, column 3)."),
        ("parts", "[NaN]", "JSON has no NaN."),
    ],
)
def test_what_is_no_value_of_its_kind_is_said_beside_its_field(name: str, typed: str, said: str) -> None:
    with pytest.raises(Mistyped) as caught:
        data(Everything, {**TYPED, f"data.{name}": typed})

    assert caught.value.errors == {f"data.{name}": said}


def test_a_field_comes_back_as_it_was_typed() -> None:
    found = {
        entry.name: entry.typed(TYPED.get(entry.name, ""), {"data.pieces": "No."}) for entry in entries(Everything)
    }

    assert (found["data.pieces"].value, found["data.pieces"].error) == ("7", "No.")
    assert [choice.value for choice in found["data.colour"].choices if choice.chosen] == ["deep_blue"]
    assert found["data.weight"].error == ""


@pytest.mark.parametrize("value", [None, 5, "text"])
def test_no_field_of_a_contract_is_taken_for_a_part_of_the_form(value: Any) -> None:
    class Sly(Contract):
        action: str | None = None
        reason: str | None = None
        revision: str | None = None

    assert all(entry.name.startswith("data.") for entry in entries(Sly))
    assert data(Sly, {"action": "cancel", "reason": str(value)}) == {}
