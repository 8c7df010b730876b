"""The ledger shows a person's data only to whoever may see it: not in an outcome, not in a key, not by a guess."""

from __future__ import annotations

import pytest

from tests.engine.parcels import started, work_until
from tests.worlds import Kept
from workflows.interventions import CAPABILITIES, Principal, viewer
from workflows.queries.ledger import LedgerFilters, page
from workflows.queries.outbound import LedgerRow

pytestmark = pytest.mark.usefixtures("far")

WHOLE = viewer(Principal("user", "olga", frozenset(CAPABILITIES)), "audit")
MASKED = viewer(Principal("user", "ada", frozenset({"read", "audit"})), "audit")


@pytest.fixture
def parcel() -> Kept:
    """One that ann has in her hands."""
    kept = started("hand", key="H1", owner="ann")
    work_until(kept, "HandingOverPassed", "Completed")
    return kept


def rows(who: object, key: str = "") -> list[LedgerRow]:
    return page(who, LedgerFilters(key=key)).rows  # type: ignore[arg-type]


def test_whoever_may_see_personal_fields_sees_key_and_outcome(parcel: Kept) -> None:
    (row,) = rows(WHOLE)

    assert (row.key, row.result) == ("hand/ann/r1/handed/g1", {"number": "R1", "signature": "ann"})
    assert (row.number, row.step, row.scope, row.state) == ("H1", "handed", "left_hand", "succeeded")


def test_whoever_may_not_sees_that_there_is_one(parcel: Kept) -> None:
    (row,) = rows(MASKED)

    assert (row.key, row.result) == ("hand/•••/r1/handed/g1", {"number": "R1", "signature": "•••"})
    assert "ann" not in repr(row)


def test_a_key_of_its_own_is_found_by_whoever_may_see_it(parcel: Kept) -> None:
    assert [row.number for row in rows(WHOLE, "hand/ann/r1/handed")] == ["H1"]
    assert [row.number for row in rows(WHOLE, "hand/bob/r1/handed")] == []


def test_a_guess_is_not_confirmed(parcel: Kept) -> None:
    assert rows(MASKED, "hand/ann/r1/handed") == []
    assert rows(MASKED, "hand/ann") == []
    assert [row.key for row in rows(MASKED, "H1")] == ["hand/•••/r1/handed/g1"]
