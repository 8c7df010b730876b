"""The ERP's callbacks are signed, sent until they are taken, and go astray as the dials say."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.demo.far_side import FarSide, far_side, receiver
from workflows.demo.simulators.callbacks import Delivery, outcome
from workflows.demo.simulators.serve import server
from workflows.demo.simulators.world import Options


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "simulators.sqlite3"


def wait_until(far: FarSide, reference: str, state: str) -> None:
    give_up_at = time.monotonic() + 15
    while time.monotonic() < give_up_at:
        if far.erp_state(reference) == state:
            return
    raise AssertionError(f"{reference} is {far.erp_state(reference)}, not {state}")


def test_a_registered_order_is_called_back_signed(store: Path) -> None:
    with receiver() as taker, far_side(store, callback_url=taker.url) as far:
        body = {"order_id": "536365", "total": 20, "lines": 2}
        answer = far.post("/erp/orders", body, key="k1", headers={"X-Correlation-ID": "trace-7"})
        reference = answer.json()["reference"]
        before = far.http.get(f"/erp/orders/{reference}").json()

        [message] = taker.wait_for(1)

        assert answer.status_code == 202
        assert (before["state"], before["erp_number"]) == ("pending", None)
        after = far.http.get(f"/erp/orders/{reference}").json()
        assert after["state"] == "registered"
        data = {"reference": reference, "erp_number": after["erp_number"], "accepted": True, "reason": None}
        assert message.verified() == {"type": "erp.registered", "key": reference, "data": data}
        assert message.headers["x-correlation-id"] == "trace-7"


def test_a_rejected_order_is_called_back_with_the_reason(store: Path) -> None:
    with receiver() as taker, far_side(store, callback_url=taker.url) as far:
        far.dial(erp={"reject_rate": 1, "callback": {"delay_s": 0}})
        reference = far.submit("k1")

        [message] = taker.wait_for(1)

        data = message.verified()["data"]
        assert (data["accepted"], data["erp_number"]) == (False, None) and data["reason"]
        assert far.erp_state(reference) == "rejected"


def test_a_callback_that_is_refused_is_sent_again_with_the_same_id_even_by_a_new_process(store: Path) -> None:
    with receiver(500, 500) as taker:
        with far_side(store, callback_url=taker.url) as far:
            far.dial(erp={"callback": {"delay_s": 0}})
            far.submit("k1")
            taker.wait_for(1)
        with far_side(store, callback_url=taker.url):
            messages = taker.wait_for(3)

    assert {message.id for message in messages} == {messages[0].id}
    assert {message.body for message in messages} == {messages[0].body}
    assert all(message.verified() for message in messages)


def test_a_callback_waits_for_its_receiver_and_a_restart(store: Path) -> None:
    with far_side(store) as far:
        reference = far.submit("k1")
        wait_until(far, reference, "registered")

    with receiver() as taker, far_side(store, callback_url=taker.url):
        [message] = taker.wait_for(1)

    assert message.verified()["key"] == reference


def test_a_dropped_callback_never_comes_but_the_order_can_be_asked_for(store: Path) -> None:
    with receiver() as taker, far_side(store, callback_url=taker.url) as far:
        far.dial(erp={"callback": {"delay_s": 0, "drop_rate": 1}})
        dropped = far.submit("k1")
        wait_until(far, dropped, "registered")
        far.dial(erp={"callback": {"drop_rate": 0}})
        sent = far.submit("k2")

        [message] = taker.wait_for(1)

    assert message.verified()["key"] == sent


def test_duplicates_come_with_the_same_id_and_with_new_ones(store: Path) -> None:
    with receiver() as taker, far_side(store, callback_url=taker.url) as far:
        far.dial(erp={"callback": {"delay_s": 0, "duplicate_rate": 1}})
        references = [far.submit(f"k{number}") for number in range(12)]

        messages = taker.wait_for(24)

    by_order = {key: [each.id for each in messages if each.verified()["key"] == key] for key in references}
    assert all(len(ids) == 2 for ids in by_order.values())
    assert {len(set(ids)) for ids in by_order.values()} == {1, 2}


def test_a_held_back_callback_is_overtaken(store: Path) -> None:
    with receiver() as taker, far_side(store, callback_url=taker.url) as far:
        far.dial(erp={"callback": {"delay_s": 0, "reorder_rate": 1}})
        first = far.submit("k1")
        wait_until(far, first, "registered")
        far.dial(erp={"callback": {"reorder_rate": 0}})
        second = far.submit("k2")

        messages = taker.wait_for(2)

    assert [message.verified()["key"] for message in messages] == [second, first]


def test_an_erp_that_is_down_sends_its_callbacks_when_it_is_back(store: Path) -> None:
    with receiver() as taker, far_side(store, callback_url=taker.url) as far:
        reference = far.submit("k1")
        far.dial(erp={"down": True})
        _wait_for_delivery_row(store)
        assert taker.messages == []

        far.dial(erp={"down": False})
        [message] = taker.wait_for(1)

    assert message.verified()["key"] == reference


def test_an_order_cancelled_while_pending_is_not_called_back(store: Path) -> None:
    with receiver() as taker, far_side(store, callback_url=taker.url) as far:
        cancelled = far.submit("k1")
        far.post("/erp/cancellations", {"order_id": "536365", "order_key": "k1"}, key="k1/compensate")
        other = far.submit("k2")

        [message] = taker.wait_for(1)

        assert message.verified()["key"] == other
        assert far.erp_state(cancelled) == "cancelled"
        assert far.http.get("/erp/orders/ERP-0").status_code == 404


def test_patience_doubles_and_ends_after_ten_minutes() -> None:
    waits, now, first = [], 1000.0, None
    for attempts in range(20):
        state, due_at = outcome("ConnectError", Delivery(1, "msg_1", "{}", None, attempts, first), now)
        if state == "given_up":
            break
        waits.append(due_at - now)
        first, now = 1000.0, due_at

    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert outcome("202", Delivery(1, "msg_1", "{}", None, 0, None), now)[0] == "delivered"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"webhook_secret": "whsec_"}, "webhook secret"),
        ({"events_secret": "whsec_a"}, "events secret"),
        ({"callback_url": "ftp://erp"}, "callback address"),
    ],
)
def test_odd_settings_are_refused_at_start(store: Path, options: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        server(Options(store, **options))


def _wait_for_delivery_row(store: Path) -> None:
    give_up_at = time.monotonic() + 15
    with closing(sqlite3.connect(store)) as db:
        while time.monotonic() < give_up_at:
            if db.execute("SELECT count(*) FROM deliveries").fetchone()[0]:
                return
    raise AssertionError("The callback was not even prepared.")
