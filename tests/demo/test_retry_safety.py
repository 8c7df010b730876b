"""The four verdicts on trying again, each made true once against the simulated systems and their ledger of effects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test.utils import modify_settings
from pytest_django.fixtures import Settings

from tests.console.people import Seen, seen, signed_in
from tests.demo.far_side import FarSide, far_side
from tests.waiting import wait_until
from tests.worlds import Kept, principal
from workflows import interventions, registry
from workflows.engine import executor, sessions
from workflows.interventions import verification
from workflows.models import AuditEntry, Operation, Work
from workflows.verify import verify

pytestmark = pytest.mark.django_db(transaction=True)

DID_IT_THEN_HUNG = {"timeout_after_effect_rate": 1.0, "hang_s": 30.0}


def _forget() -> None:
    for remembered in (registry.definitions, registry.capabilities, registry.pools, executor._declared):
        remembered.cache_clear()


@pytest.fixture
def simulated(tmp_path: Path, settings: Settings) -> Iterator[FarSide]:
    """The simulators on a port, and processes that call them."""
    sessions.end()
    settings.REDIS_URL = ""
    with (
        far_side(tmp_path / "simulators.sqlite3") as far,
        modify_settings(INSTALLED_APPS={"append": "tests.demo.safety_app"}),
    ):
        settings.SIMULATORS_URL = str(far.http.base_url).rstrip("/")
        _forget()
        yield far
        sessions.end()
    _forget()


def work_until_stuck(workflow: str) -> Kept:
    """A bill whose only step has used up its attempts."""
    made = interventions.start(interventions.system(), workflow, {"bill_id": "B1"}, correlation_id="c-B1")
    kept = Kept(made.id)
    wait_until(lambda: _worked(kept) and kept.row.needs_person, f"{workflow} needs a person; {kept.history}")
    return kept


def work_until_ended(kept: Kept) -> None:
    wait_until(lambda: _worked(kept) and kept.row.ended_at is not None, f"it ends; {kept.history}")
    kept.check()
    assert verify().clean


def _worked(kept: Kept) -> bool:
    Work.objects.filter(instance_id=kept.id, session_id=None).update(ready_at=kept.row.started_at)
    for pool in ("default", "quarantine"):
        executor.look(pool)
    return True


def verdict(kept: Kept) -> str:
    """What is said before anybody tries again, to programs."""
    (retry,) = [one for one in interventions.allowed_actions(principal(), kept.row) if one.action == "retry"]
    return retry.safety


def page(kept: Kept) -> Seen:
    """What is said before anybody tries again, to people."""
    return seen(signed_in("operator").get(f"/work/{kept.row.workflow}/B1/"))


def retry(kept: Kept, reason: str = "looked at their books") -> Operation:
    with pytest.raises(interventions.ReasonMissing):
        interventions.act(principal(), "retry", kept.id, reason="  ")
    assert AuditEntry.objects.filter(action="retry", allowed=False).count() == 1
    return interventions.act(principal(), "retry", kept.id, reason=reason)


def charges(far: FarSide) -> int:
    return far.operations().count("charge")


def state(operation: Operation) -> str:
    verification.verify_open()
    operation.refresh_from_db()
    return operation.state


def test_safe_a_question_that_was_answered_with_an_error(simulated: FarSide) -> None:
    simulated.dial(fraud={"error_rate": 1.0})
    bill = work_until_stuck("safe")

    assert verdict(bill) == "safe"
    text = page(bill).text
    assert "Risk check: safe. Asking changes nothing." in text
    simulated.dial(fraud={"error_rate": 0.0})
    operation = retry(bill)
    work_until_ended(bill)

    assert (bill.lifecycle, state(operation)) == ("completed", "verified")
    assert simulated.ledger() == []


def test_stored_a_payment_that_was_made_before_the_answer_was_lost(simulated: FarSide) -> None:
    simulated.dial(payments=DID_IT_THEN_HUNG)
    bill = work_until_stuck("stored")

    assert verdict(bill) == "returns the stored outcome"
    assert (
        "Payment: returns the stored outcome. It may have happened already. The same key is sent again"
        in page(bill).text
    )
    assert charges(simulated) == 1
    simulated.dial(payments={"timeout_after_effect_rate": 0.0})
    operation = retry(bill)
    work_until_ended(bill)

    assert (bill.lifecycle, state(operation), charges(simulated)) == ("completed", "verified", 1)
    assert bill.said("StepSucceeded")[0]["key"] == simulated.ledger()[0]["idempotency_key"]


def test_unknown_a_payment_is_looked_up_before_it_is_made_again(simulated: FarSide) -> None:
    simulated.dial(payments={"latency_ms": 2500.0})
    bill = work_until_stuck("checked")  # looking it up takes too long as well

    assert verdict(bill) == "unknown: check the provider first"
    looked = page(bill)
    assert "Payment: unknown, check the provider first." in looked.text
    assert "Say what you found out about it at the provider, and why it is right to try again." in looked.text
    assert charges(simulated) == 1
    simulated.dial(payments={"latency_ms": 0.0})
    operation = retry(bill)
    assert [work.direction for work in bill.work] == ["check"]
    work_until_ended(bill)

    assert (bill.lifecycle, state(operation), charges(simulated)) == ("completed", "verified", 1)
    assert bill.said("StepSucceeded")[0]["how"] == "check"


def test_unknown_what_is_not_found_is_made_once(simulated: FarSide) -> None:
    simulated.dial(payments={"error_rate": 1.0})
    bill = work_until_stuck("checked")

    assert (verdict(bill), charges(simulated)) == ("unknown: check the provider first", 0)
    simulated.dial(payments={"error_rate": 0.0})
    retry(bill)
    work_until_ended(bill)

    assert (bill.lifecycle, charges(simulated)) == ("completed", 1)
    assert "NothingHadHappened paid" in bill.history


def test_unsafe_whoever_looked_enters_the_result_and_nothing_happens_twice(simulated: FarSide) -> None:
    simulated.dial(payments=DID_IT_THEN_HUNG)
    bill = work_until_stuck("blind")

    assert verdict(bill) == "unsafe"
    looked = page(bill)
    assert (
        "Payment: unsafe. It may have happened already and would happen again, and nothing here can look."
        in looked.text
    )
    assert "Type “repeat” to confirm" in looked.text
    assert looked.html.index("act-main") < looked.html.index("act-complete"), "entering what one found is recommended"
    (found,) = simulated.ledger()
    result = {"charge_id": found["reference"], "amount": found["amount"]}
    interventions.act(principal(), "complete", bill.id, reason="it is in their books", data=result)

    work_until_ended(bill)
    assert (bill.lifecycle, charges(simulated)) == ("completed", 1)


def test_unsafe_is_true_trying_again_pays_twice_and_asks_for_a_word_before(simulated: FarSide) -> None:
    simulated.dial(payments=DID_IT_THEN_HUNG)
    bill = work_until_stuck("blind")
    browser = signed_in("operator")
    form = {**seen(browser.get("/work/blind/B1/")).form("retry"), "reason": "they say there is nothing"}
    simulated.dial(payments={"timeout_after_effect_rate": 0.0})

    unsure = browser.post("/work/blind/B1/", {**form, "word": "yes"})
    assert unsure.status_code == 422 and bill.row.needs_person
    assert browser.post("/work/blind/B1/", {**form, "word": "repeat"}).status_code == 302
    work_until_ended(bill)

    assert (bill.lifecycle, charges(simulated)) == ("completed", 2)
