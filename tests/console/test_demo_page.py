"""The demo page: turning the dials works, refuses GET and people without the right, and leaves its trace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from tests.console.people import seen, signed_in
from tests.demo.far_side import FarSide, far_side
from workflows.demo.models import Playback
from workflows.demo.simulators.faults import Faults
from workflows.engine import clock
from workflows.models import AuditEntry

pytestmark = pytest.mark.django_db

HALF_BROKEN = {"system": "payments", "error_rate": "30", "latency_ms": "250"}


@pytest.fixture
def simulated(tmp_path: Path, settings: Settings) -> Iterator[FarSide]:
    with far_side(tmp_path / "simulators.sqlite3") as far:
        settings.SIMULATORS_URL = str(far.http.base_url).rstrip("/")
        yield far


def dials(far: FarSide) -> Faults:
    return Faults.model_validate(far.http.get("/faults").json())


def test_a_system_is_broken_and_the_page_says_how(simulated: FarSide) -> None:
    browser = signed_in("operator")

    answer = browser.post("/demo/", HALF_BROKEN)

    assert (answer.status_code, answer["Location"]) == (302, "/demo/#payments")
    assert (dials(simulated).payments.error_rate, dials(simulated).payments.latency_ms) == (0.3, 250)
    page = seen(browser.get("/demo/"))
    assert "It fails 30 % of calls." in page.text
    assert "Every answer takes 250 ms longer." in page.text


def test_presets_turn_several_dials_and_healthy_turns_them_back(simulated: FarSide) -> None:
    browser = signed_in("operator")

    browser.post("/demo/", {"preset": "payments-down"})
    broken = dials(simulated)
    marked = browser.get("/demo/").content.decode()
    browser.post("/demo/", {"preset": "healthy"})

    assert broken.payments.down
    assert 'value="payments-down" aria-pressed="true"' in marked
    assert dials(simulated) == Faults()


def test_a_link_turns_nothing(simulated: FarSide) -> None:
    signed_in("operator").get("/demo/", {"preset": "payments-down"})

    assert dials(simulated) == Faults()
    assert not AuditEntry.objects.filter(action="faults").exists()


def test_without_the_right_the_dials_are_locked_and_the_page_says_why(simulated: FarSide) -> None:
    browser = signed_in("support")

    page, refused = seen(browser.get("/demo/")), seen(browser.post("/demo/", {"preset": "payments-down"}))

    assert (page.status, refused.status) == (200, 403)
    assert "Faults needs the right to turn the fault dials of the demonstration (operator or admin)." in refused.text
    assert page.html.count("<fieldset disabled") == 6
    assert dials(simulated) == Faults()
    assert AuditEntry.objects.get(action="faults").allowed is False


def test_twice_is_harmless(simulated: FarSide) -> None:
    browser = signed_in("operator")

    answers = [browser.post("/demo/", HALF_BROKEN).status_code for _ in range(2)]

    assert answers == [302, 302]
    assert dials(simulated).payments.error_rate == 0.3


def test_every_turn_is_in_the_audit_with_what_it_was_before(simulated: FarSide) -> None:
    signed_in("operator").post("/demo/", {"preset": "payments-down"})

    entry = AuditEntry.objects.get(action="faults")
    assert (entry.actor, entry.allowed, entry.through, entry.target) == ("operator", True, "page", "dials")
    assert (entry.before, entry.after) == ({"payments.down": False}, {"payments.down": True})


@pytest.mark.parametrize("typed", ["101", "-1", "many", "nan"])
def test_a_value_out_of_range_is_refused_where_it_was_typed(simulated: FarSide, typed: str) -> None:
    page = seen(signed_in("operator").post("/demo/", {"system": "erp", "reject_rate": typed}))

    assert page.status == 422
    assert "“Refuses the order” takes a number from 0 to 100 %." in page.text
    assert dials(simulated) == Faults()


@pytest.mark.parametrize("form", [{"preset": "anything"}, {"system": "anything"}, {}])
def test_a_form_nobody_offers_is_a_bad_request(simulated: FarSide, form: dict[str, str]) -> None:
    assert signed_in("operator").post("/demo/", form).status_code == 400


def test_simulators_that_do_not_answer_are_said_to(settings: Settings) -> None:
    settings.SIMULATORS_URL = "http://127.0.0.1:9"
    browser = signed_in("operator")

    page, refused = seen(browser.get("/demo/")), seen(browser.post("/demo/", {"preset": "healthy"}))

    assert (page.status, refused.status) == (200, 503)
    assert "The simulated systems do not answer; are they running?" in page.text


@pytest.mark.parametrize(
    ("position", "text"),
    [
        (412, "412 of 2,025 real orders of December 2010 were played. The next comes in"),
        (2025, "All 2,025 orders of December 2010 were played."),
    ],
)
def test_the_page_says_how_far_the_orders_are(simulated: FarSide, position: int, text: str) -> None:
    Playback.objects.create(id=1, position=position, total=2025, played_at=clock.now())
    browser = signed_in("support")

    page, part = seen(browser.get("/demo/")), seen(browser.get("/demo/", headers={"HX-Request": "true"}))

    assert text in page.text
    assert text in part.text
    assert "<html" not in part.html


def test_before_the_first_order_and_for_strangers(simulated: FarSide) -> None:
    assert "begin in a moment" in seen(signed_in("support").get("/demo/")).text
    assert Client().get("/demo/")["Location"].startswith("/signin/")
    assert signed_in("").get("/demo/").status_code == 403
