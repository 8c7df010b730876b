"""The audit is sealed in stretches: every row once, none left behind by one that commits late, nor by a restore."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest
from django.db import connection, transaction

from tests.engine.tampering import sql
from tests.worlds import sealed, together
from workflows import audit
from workflows.audit import Act
from workflows.engine import sealing
from workflows.models import AuditEntry, AuditSeal

pytestmark = pytest.mark.django_db(transaction=True)


def acted(*names: str) -> list[int]:
    """One act of each of these people."""
    acts = [Act("user", name, "pause", "page", reason="stocktaking") for name in names]
    return [audit.record(act, allowed=True, target="1", before={"a": 1.5}, after={"b": "ü"}).id for act in acts]


def seals() -> list[AuditSeal]:
    return list(AuditSeal.objects.order_by("number"))


def covered() -> list[int]:
    """Every row in the order in which it was sealed."""
    return [number for seal in seals() for number in seal.entries]


def restored() -> None:
    """The database was dumped and restored elsewhere: other transactions have the old numbers, and far higher ones."""
    sql("UPDATE workflows_auditseal SET system = 'elsewhere', xid = xid + 1000000")
    sql("UPDATE workflows_auditentry SET xid = (xid::text::bigint + 1000000)::text::xid8")


def test_every_row_is_sealed_once_in_a_chain_of_seals() -> None:
    first = acted("olga", "omar")
    assert sealed() == 2
    second = acted("vera")
    assert (sealed(), sealing.seal()) == (1, 0)

    one, two = seals()

    assert covered() == first + second
    assert [seal.count for seal in (one, two)] == [2, 1]
    assert bytes(one.hash) == sealing.link(b"", rows(first))
    assert bytes(two.hash) == sealing.link(bytes(one.hash), rows(second))


def rows(ids: list[int]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {sealing.COLUMNS} FROM workflows_auditentry a WHERE id = ANY(%s) ORDER BY a.xid, a.id", [ids]
        )
        return cursor.fetchall()


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'eve'", "actor_kind = 'policy'", "action = 'resume'", "workflow = 'return'", "target = '2'",
        "allowed = false", "refusal = '-'", "reason = 'because'", "before = '{}'", "after = '{\"b\": 1}'",
        "correlation_id = '-'", "through = 'api'", "at = at + interval '1 microsecond'", "id = id + 1000",
        "act_id = '00000000-0000-0000-0000-000000000000'", "instance_id = '00000000-0000-0000-0000-000000000000'",
        "xid = (xid::text::bigint - 1)::text::xid8",
    ],
)  # fmt: skip
def test_every_column_is_part_of_the_hash(change: str) -> None:
    acted("olga")
    before = sealing.link(b"", rows([entry.id for entry in AuditEntry.objects.all()]))

    sql(f"UPDATE workflows_auditentry SET {change}")

    assert sealing.link(b"", rows([entry.id for entry in AuditEntry.objects.all()])) != before


def test_every_column_of_the_table_is_among_them() -> None:
    named = {column.strip().removeprefix("a.").split("::")[0] for column in sealing.COLUMNS.split(",")}

    assert named == {field.column for field in AuditEntry._meta.get_fields() if hasattr(field, "column")}


@pytest.mark.parametrize(("first", "at_once"), [(False, 0), (True, 1)])
def test_a_row_that_commits_late_is_not_left_behind(first: bool, at_once: int) -> None:
    """The first seal of a database takes what it sees; from then on whoever is younger than a writer waits for it."""
    written, go_on = Event(), Event()
    if not first:
        sealed()

    def slow() -> int:
        with transaction.atomic():
            (number,) = acted("slow")
            written.set()
            go_on.wait(20)
        return number

    def quick() -> tuple[int, int]:
        written.wait(20)
        (number,) = acted("quick")
        early = sealing.seal()
        go_on.set()
        return number, early

    late, (later, early) = together(slow, quick)  # type: ignore[misc]

    assert late < later, "the slow one had its id first"
    assert early == at_once
    assert sealed() == 2 - at_once
    assert covered() == ([later, late] if first else [late, later])
    assert sealing.seal() == 0


def test_a_long_audit_is_sealed_in_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "BATCH", 2)
    sealed()
    everybody = acted("a", "b", "c", "d", "e")

    assert sealed() == 5
    assert [seal.count for seal in seals()] == [0, 2, 2, 1]
    assert covered() == everybody


def test_pumps_that_seal_at_the_same_moment_make_one_chain() -> None:
    sealed()
    everybody = acted(*"abcdefgh")

    together(*[sealed] * 4)

    assert covered() == everybody
    assert [seal.number for seal in seals()] == list(range(1, len(seals()) + 1))


def test_a_restored_database_goes_on_sealing_and_nothing_is_sealed_twice() -> None:
    old = acted("olga", "omar")
    sealed()
    left = acted("left over")
    restored()
    new = acted("vera")

    assert sealing.seal() == 2
    newest = acted("vasco")
    assert sealed() == 1

    assert sorted(covered()) == sorted(old + left + new + newest)
    assert seals()[-1].system == seals()[-2].system != "elsewhere"
    assert sealing.seal() == 0


def test_a_restored_database_is_caught_up_with_in_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    acted("olga")
    sealed()
    left = acted("a", "b", "c", "d", "e")
    restored()
    monkeypatch.setattr(sealing, "BATCH", 2)

    assert sealing.seal() == 5

    assert sorted(covered())[-5:] == left
    assert [seal.system == "elsewhere" for seal in seals()] == [True, True, True, False]


def test_a_restored_database_without_anything_new_says_that_it_took_over() -> None:
    acted("olga")
    sealed()
    restored()

    assert [sealing.seal(), sealing.seal()] == [0, 0]

    assert [seal.count for seal in seals()] == [1, 0]


def test_each_seal_is_in_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    acted("olga")

    sealed()

    assert bytes(seals()[-1].hash).hex() in capfd.readouterr().err
