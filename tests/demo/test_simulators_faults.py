"""The fault dials break the simulated services as they say, and nothing else."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.demo.far_side import FarSide, far_side

CHARGE = {"order_id": "536365", "amount": 20, "currency": "GBP"}


@pytest.fixture
def far(tmp_path: Path) -> Iterator[FarSide]:
    with far_side(tmp_path / "simulators.sqlite3") as far:
        yield far


def test_dials_are_merged_and_reset(far: FarSide) -> None:
    calm = far.http.get("/faults").json()

    far.dial(payments={"error_rate": 0.5})
    far.dial(payments={"latency_ms": 20}, erp={"callback": {"drop_rate": 1}})
    dials = far.http.get("/faults").json()

    assert (dials["payments"]["error_rate"], dials["payments"]["latency_ms"]) == (0.5, 20)
    assert (dials["erp"]["callback"]["drop_rate"], dials["erp"]["callback"]["delay_s"]) == (1, 0.3)
    assert far.dial(reset=True, crm={"down": True}).json() == {**calm, "crm": {**calm["crm"], "down": True}}
    assert far.dial(reset=True).json() == calm


@pytest.mark.parametrize(
    ("patch", "named"),
    [
        ({"shop": {}}, "shop"),
        ({"payments": {"eror_rate": 0.1}}, "payments.eror_rate"),
        ({"payments": {"error_rate": 1.1}}, "payments.error_rate"),
        ({"payments": {"error_rate": -0.1}}, "payments.error_rate"),
        ({"payments": {"error_rate": "1"}}, "payments.error_rate"),
        ({"payments": {"error_rate": None}}, "payments.error_rate"),
        ({"payments": {"down": 1}}, "payments.down"),
        ({"payments": {"callback": {"drop_rate": 1}}}, "payments.callback"),
        ({"erp": {"callback": {"drop_rate": 2}}}, "erp.callback.drop_rate"),
        ({"carrier": {"reject_rate": 1}}, "carrier.reject_rate"),
        ({"payments": 3}, "payments"),
        ({"reset": "yes"}, "reset"),
        ([], "object"),
    ],
)
def test_an_unknown_dial_or_odd_value_is_refused_by_name_and_changes_nothing(
    far: FarSide, patch: Any, named: str
) -> None:
    calm = far.http.get("/faults").json()

    refused = far.http.put("/faults", json=patch)

    assert refused.status_code == 422 and named in refused.json()["detail"]
    assert far.http.get("/faults").json() == calm


def test_an_error_or_a_throttled_request_has_no_effect(far: FarSide) -> None:
    far.dial(payments={"error_rate": 1})
    broken = far.charge("k1")
    far.dial(payments={"error_rate": 0, "throttle_rate": 1})
    throttled = far.charge("k1")
    other_service = far.post("/crm/thanks", {"order_id": "536365"}, key="k1")

    assert broken.status_code == 500
    assert (throttled.status_code, throttled.headers["retry-after"]) == (429, "1")
    assert other_service.status_code == 201
    assert far.operations() == ["thank"]


def test_a_service_that_is_down_answers_nothing_useful_but_ledger_and_dials_do(far: FarSide) -> None:
    far.charge("k1")
    far.dial(payments={"down": True})

    assert far.charge("k2").status_code == 503
    assert far.http.get("/payments/charges", params={"idempotency_key": "k1"}).status_code == 503
    assert far.http.get("/healthz").status_code == 200
    far.dial(payments={"down": False})
    assert far.charge("k2").status_code == 201


def test_did_it_then_timed_out(far: FarSide) -> None:
    far.dial(payments={"timeout_after_effect_rate": 1})
    with pytest.raises(httpx.ReadTimeout):
        far.http.post("/payments/charges", json=CHARGE, headers={"Idempotency-Key": "k1"}, timeout=0.3)

    looked_up = far.http.get("/payments/charges", params={"idempotency_key": "k1"})
    far.dial(reset=True)
    again = far.charge("k1", amount=20)

    assert looked_up.status_code == 200
    assert again.headers["idempotent-replay"] == "true"
    assert far.operations() == ["charge"]


def test_a_hanging_answer_comes_when_the_dial_says(far: FarSide) -> None:
    far.dial(payments={"timeout_after_effect_rate": 1, "hang_s": 0.2})

    answer = far.charge("k1")

    assert answer.status_code == 201
    assert answer.elapsed.total_seconds() >= 0.2


def test_latency_comes_after_the_effect(far: FarSide) -> None:
    far.dial(payments={"latency_ms": 400})
    with pytest.raises(httpx.ReadTimeout):
        far.http.post("/payments/charges", json=CHARGE, headers={"Idempotency-Key": "k1"}, timeout=0.1)

    assert far.operations() == ["charge"]
    assert far.charge("k1").elapsed.total_seconds() >= 0.4


def test_a_closed_connection_leaves_open_whether_it_was_done_and_a_repeat_settles_it(far: FarSide) -> None:
    far.dial(payments={"reset_rate": 1})
    for number in range(20):
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):  # before or after it was read
            far.charge(f"k{number}")
    done = len(far.ledger())
    far.dial(reset=True)

    answers = [far.charge(f"k{number}") for number in range(20)]

    assert 0 < done < 20
    assert sum("idempotent-replay" in answer.headers for answer in answers) == done
    assert len(far.ledger()) == 20


def test_rates_are_rates_and_the_same_seed_gives_the_same_luck(far: FarSide) -> None:
    def play() -> list[int]:
        far.http.post("/faults/seed", json={"seed": 7})
        return [far.http.get("/payments/charges", params={"idempotency_key": "x"}).status_code for _ in range(200)]

    far.dial(payments={"error_rate": 0.2, "throttle_rate": 0.2})

    first = play()

    assert 15 <= first.count(500) <= 55 and 20 <= first.count(429) <= 65
    assert play() == first
    assert far.http.post("/faults/seed", json={"seed": "x"}).status_code == 422


def test_dials_survive_a_restart(tmp_path: Path) -> None:
    with far_side(tmp_path / "simulators.sqlite3") as far:
        far.dial(payments={"down": True})

    with far_side(tmp_path / "simulators.sqlite3") as far:
        assert far.charge("k1").status_code == 503


def test_every_order_gets_through_bad_weather_exactly_once_when_the_client_repeats(far: FarSide) -> None:
    far.dial(payments={"error_rate": 0.2, "throttle_rate": 0.1, "reset_rate": 0.2, "timeout_after_effect_rate": 0.1})

    def insist(number: int) -> int:
        while True:
            try:
                answer = far.http.post(
                    "/payments/charges", json=CHARGE, headers={"Idempotency-Key": f"k{number}"}, timeout=0.3
                )
            except httpx.TransportError:
                continue
            if answer.status_code == 201:
                return number

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(insist, range(60)))

    assert sorted(entry["idempotency_key"] for entry in far.ledger()) == sorted(f"k{number}" for number in range(60))
