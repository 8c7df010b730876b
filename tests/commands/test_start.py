"""`manage.py start`: a whole file goes in, bad lines are named and stop nobody, twice changes nothing."""

from __future__ import annotations

import gzip
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command

from tests.engine.desk import order
from workflows.models import AuditEntry, Event, Instance, RefusedStart

pytestmark = pytest.mark.django_db(transaction=True)


def start(path: Path, *options: str) -> tuple[int, list[str], list[str]]:
    """Exit code, lines of standard output and of standard error."""
    out, err = StringIO(), StringIO()
    code = 0
    try:
        call_command("start", "order", "--file", str(path), *options, stdout=out, stderr=err)
    except SystemExit as end:
        code = int(str(end.code))
    return code, out.getvalue().splitlines(), err.getvalue().splitlines()


def written(path: Path, *lines: Any) -> Path:
    """A file whose lines are these objects; bytes are taken as they are."""
    path.write_bytes(b"\n".join(one if isinstance(one, bytes) else json.dumps(one).encode() for one in lines))
    return path


def test_every_line_is_started_and_twice_the_same_file_changes_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "orders.jsonl", order("1"), b"", order("2"))

    first = start(path)
    events = Event.objects.count()
    second = start(path)

    assert first == (0, ["2 lines: 2 started as order, 0 known already, 0 refused."], [])
    assert second == (0, ["2 lines: none started, 2 known already, 0 refused."], [])
    assert Instance.objects.count() == 2
    assert Event.objects.count() == events


def test_compressed_files_are_read_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(order("1")).encode()))

    assert start(path)[0] == 0


def test_a_cancellation_is_started_as_a_return(tmp_path: Path) -> None:
    path = written(tmp_path / "orders.jsonl", order("C1", cancellation=True), order("1"))

    code, out, _ = start(path)

    assert (code, out) == (0, ["2 lines: 1 started as order, 1 started as return, 0 known already, 0 refused."])


def test_broken_lines_are_named_with_number_field_and_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = written(
        tmp_path / "orders.jsonl",
        b'{"order_id": "1", ',
        b'{"order_id": "\xff"}',
        b"[1, 2]",
        {**order("4"), "total": "much"},
        {**order("5"), "surprise": 1},
        {name: value for name, value in order("6").items() if name != "country"},
        b'{"order_id": "7", "total": NaN}',
        b'{"order_id": "8", "total": 1e400}',
        b'{"order_id": "9", "total": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"order_id": "11", "country": "' + b"x" * (1024 * 1024) + b'"}',
        {**order("12"), "country": "Nul\x00land"},
        order("13"),
    )

    code, out, err = start(path)

    assert code == 1
    assert out == ["13 lines: 1 started as order, 0 known already, 12 refused."]
    told = "\n".join(err)
    assert [number for number in range(1, 14) if f"line {number}:" not in told] == [13]
    assert "line 1: line: is not JSON" in told
    assert "line 2: line: is not UTF-8 (byte 15)" in told
    assert "line 4: total: " in told
    assert "line 5: surprise: " in told
    assert "line 6: country: " in told
    assert "line 7: line: is not JSON (NaN is not a JSON number)" in told
    assert "line 11: line: is longer than" in told
    assert "line 12: country: " in told
    assert "Traceback" not in told


def test_broken_lines_are_accepted_when_asked_to(tmp_path: Path) -> None:
    code, _, err = start(written(tmp_path / "orders.jsonl", b"nonsense"), "--skip-invalid")

    assert code == 0
    assert len(err) == 1


def test_the_same_key_with_another_input_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "orders.jsonl", order("1"), order("1", total=99.0))

    code, _, err = start(path)

    assert (code, err) == (1, ["line 2: order_id: order 1 exists already with another input"])


def test_a_refused_input_can_be_found_afterwards(tmp_path: Path) -> None:
    start(written(tmp_path / "orders.jsonl", {**order("4"), "total": "much"}))

    assert [(kept.workflow, kept.key) for kept in RefusedStart.objects.all()] == [("order", "4")]
    assert AuditEntry.objects.filter(action="start", allowed=False, target="4").exists()


def test_orders_are_started_in_the_name_of_a_person(tmp_path: Path) -> None:
    account = User.objects.create_user("olga")
    account.groups.add(Group.objects.create(name="operator"))

    code, _, _ = start(written(tmp_path / "orders.jsonl", order("1")), "--as", "olga")

    instance = Instance.objects.get()
    assert (code, instance.initiator_kind, instance.initiator) == (0, "user", "olga")


def test_without_a_name_the_system_starts_them(tmp_path: Path) -> None:
    start(written(tmp_path / "orders.jsonl", order("1")))

    instance = Instance.objects.get()
    assert (instance.initiator_kind, instance.initiator) == ("system", "intake")
    assert instance.correlation_id


@pytest.mark.parametrize("name", ["nobody", "guest"])
def test_a_person_without_the_right_starts_nothing(tmp_path: Path, name: str) -> None:
    User.objects.create_user("guest")

    with pytest.raises(CommandError, match=r"There is no user|needs the right"):
        start(written(tmp_path / "orders.jsonl", order("1"), order("2")), "--as", name)

    assert not Instance.objects.exists()


def test_a_file_that_is_missing_or_damaged_is_said_in_a_sentence(tmp_path: Path) -> None:
    damaged = tmp_path / "orders.jsonl.gz"
    damaged.write_bytes(gzip.compress(json.dumps(order("1")).encode())[:-12])

    with pytest.raises(CommandError, match="cannot be read"):
        start(tmp_path / "missing.jsonl")
    with pytest.raises(CommandError, match="damaged"):
        start(damaged)


def test_an_unknown_workflow_is_named_with_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"known: .*order"):
        call_command("start", "ordr", "--file", str(written(tmp_path / "orders.jsonl", order())))
