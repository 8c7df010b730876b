"""The forms for single steps: what each says before it is sent, and that nothing typed is lost when it is refused."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from tests.console.people import Seen, seen, signed_in
from tests.console.test_instance_actions import PAGE, SOMEBODY, passable, stuck, uncorrectable, waiting
from tests.engine.desk import Desk
from workflows import interventions
from workflows.interventions import verification
from workflows.models import AuditEntry, Event, Message, Operation

pytestmark = pytest.mark.django_db

ANSWER = {"data.reference": "ERP-1", "data.erp_number": "45", "data.accepted": "yes", "data.reason": ""}


def look(browser: Client) -> Seen:
    return seen(browser.get(PAGE))


def send(browser: Client, action: str, **typed: str) -> Seen:
    """The form as the page offers it, filled in."""
    return seen(browser.post(PAGE, {**look(browser).form(action), "reason": "asked for by phone", **typed}))


def story(page: Seen, title: str) -> str:
    """The text from the title of a form on."""
    return page.text[page.text.index(title) :]


# --- entering a result ----------------------------------------------------------------------------------------------


def test_a_result_has_the_fields_of_the_steps_contract() -> None:
    stuck(Desk())

    page = look(signed_in("operator"))

    told = story(page, "Enter the result of “Payment”")
    assert "What you enter counts as the result of “Payment”. Nothing is sent anywhere." in told
    assert "If this order is cancelled later, it is corrected like every other result." in told
    assert 'name="data.charge_id"' in page.html
    assert 'name="data.amount" type="number"' in page.html


def test_wrong_input_comes_back_beside_its_field_and_nothing_is_lost() -> None:
    stuck(Desk())
    browser = signed_in("operator")

    page = send(browser, "complete", **{"data.charge_id": "TR-7", "data.amount": "much"})

    assert page.status == 422
    assert "Enter a number, such as 12.50." in page.text
    assert 'value="TR-7"' in page.html and ">asked for by phone</textarea>" in page.html
    assert 'aria-invalid="true" aria-describedby="complete-data-amount-wrong"' in page.html
    assert page.html.count('id="act-complete" name="act" open') == 1
    assert not Operation.objects.exists()


def test_what_the_contract_refuses_comes_back_beside_its_field() -> None:
    stuck(Desk())
    browser = signed_in("operator")

    page = send(browser, "complete", **{"data.charge_id": "", "data.amount": "15.3"})

    assert page.status == 422
    assert "Field required" in page.text and 'value="15.3"' in page.html
    assert AuditEntry.objects.get(action="complete").refusal == "data.charge_id: Field required"


def test_nested_results_are_entered_as_json_and_every_wrong_place_is_named() -> None:
    desk = Desk()
    order = desk.start("700001")
    desk.fail(desk.claimed(order, "risk"), "closed", retryable=False)
    browser = signed_in("operator")

    wrong = send(browser, "complete", **{"data.score": "7", "data.reasons": "odd address\nnew customer"})
    right = send(browser, "complete", **{"data.score": "0.7", "data.reasons": "odd address\nnew customer"})

    assert (wrong.status, right.status) == (422, 302)
    assert "less than or equal to 1" in wrong.text
    assert ">odd address\nnew customer</textarea>" in wrong.html
    payload = Event.objects.get(instance_id=order, type="StepSucceeded", step="risk").data["values"]
    assert payload == {"score": 0.7}


def test_without_a_reason_nothing_typed_is_lost() -> None:
    stuck(Desk())

    page = send(signed_in("operator"), "complete", reason=" ", **{"data.charge_id": "TR-7", "data.amount": "15.3"})

    assert page.status == 422
    assert "Please give a reason" in page.text
    assert 'value="TR-7"' in page.html and 'value="15.3"' in page.html


def test_hostile_input_comes_back_as_text() -> None:
    stuck(Desk())

    page = send(
        signed_in("operator"), "complete", **{"data.charge_id": '"><svg onload=alert(1)>', "data.amount": "{{ x }}<b>"}
    )

    assert page.status == 422
    assert "<svg onload" not in page.html and "&quot;&gt;&lt;svg onload" in page.html


def test_a_nul_character_is_refused_like_everything_else_that_cannot_be_kept() -> None:
    stuck(Desk())
    browser = signed_in("operator")

    page = send(browser, "complete", reason="a\x00b", **{"data.charge_id": "a\x00b", "data.amount": "1"})

    assert page.status == 422
    assert "must not contain NUL characters" in page.text


# --- corrections ----------------------------------------------------------------------------------------------------


def test_a_correction_made_outside_asks_for_evidence() -> None:
    order = uncorrectable(Desk())
    browser = signed_in("operator")

    told = story(look(browser), "It was corrected outside")
    without = send(browser, "complete", evidence=" ")
    done = send(browser, "complete", evidence="They deleted it, ticket 4711")

    assert "“ERP submitted” counts as corrected by hand. Nothing is sent anywhere." in told
    assert "The corrections that are left go on." in told
    assert (without.status, done.status) == (422, 302)
    assert "say how one can see that it was done" in without.text
    note = Event.objects.get(instance_id=order, type="CompensationSucceeded").data["note"]
    assert note == "asked for by phone (They deleted it, ticket 4711)"


def test_leaving_an_effect_as_it_is_says_how_it_ends_and_needs_a_word() -> None:
    order = uncorrectable(Desk())
    browser = signed_in("operator")

    told = story(look(browser), "Leave it as it is")
    unsure = send(browser, "skip", word="yes")
    sure = send(browser, "skip", word=" Skip ")

    assert "“ERP submitted” stays as it is outside, and nobody corrects it." in told
    assert "After that it is at “compensation in progress”." in told
    assert (unsure.status, sure.status) == (422, 302)
    assert "Please type “skip” to confirm." in unsure.text
    assert Event.objects.filter(instance_id=order, type="CorrectionWaived").count() == 1


# --- passing over ---------------------------------------------------------------------------------------------------


def test_passing_over_says_what_follows_and_what_may_have_happened() -> None:
    passable(Desk())

    told = story(look(signed_in("operator")), "Pass over a step")

    assert "“Payment” is passed over, and the process goes on without it." in told
    assert "It may have happened all the same; if this order is cancelled later, that is corrected." in told
    assert "After that it is at “ERP submission pending”." in told


def test_a_step_that_others_need_is_refused_with_the_reason_in_words() -> None:
    desk = Desk()
    order = desk.start("700001")
    desk.play(order, until="reserve")
    desk.play(order, until="charge")
    desk.fail(desk.claimed(order, "submitted"), "closed", retryable=False)

    page = look(signed_in("operator"))

    assert 'name="action" value="skip"' not in page.html
    told = (
        "“ERP submission” cannot be passed over: “ERP registration” is found by its result; enter the result instead."
    )
    assert told in page.text


def two_stuck(desk: Desk) -> UUID:
    """An order for which both questions need a person."""
    order = desk.start("700001")
    for step in ("stock", "risk"):
        desk.fail(desk.claimed(order, step), f"{step} is closed", retryable=False)
    return order


def test_of_several_steps_one_is_chosen() -> None:
    order = two_stuck(Desk())
    browser = signed_in("operator")
    page = look(browser)

    assert page.html.count('type="radio" name="step"') == 5, "one of two, and to try again also both"
    assert page.html.count('id="act-complete') == 2
    refused = send(browser, "skip", word="skip", step="")
    chosen = send(browser, "skip", word="skip", step="stock")
    assert (refused.status, chosen.status) == (409, 302)
    assert "say which step" in refused.text
    assert Event.objects.get(instance_id=order, type="StepPassedOver").step == "stock"


def test_a_refused_choice_comes_back_chosen() -> None:
    two_stuck(Desk())

    page = send(signed_in("operator"), "retry", step="risk", reason=" ")

    assert page.status == 422
    assert 'name="step" value="risk" required checked' in page.html


def test_the_form_of_the_second_step_comes_back_open_and_not_the_first() -> None:
    two_stuck(Desk())
    typed = {"data.score": "0.5", "data.reasons": "", "reason": " "}

    page = send(signed_in("operator"), "complete", step="risk", **typed)

    assert page.status == 422
    assert 'id="act-complete-risk" name="act" open' in page.html
    assert 'id="act-complete" name="act" open' not in page.html


# --- answers --------------------------------------------------------------------------------------------------------


def test_an_answer_has_the_fields_of_the_message_that_is_waited_for() -> None:
    waiting(Desk())
    browser = signed_in("operator")

    page = look(browser)
    told = story(page, "Hand over the answer to “ERP registration”")
    wrong = send(browser, "signal", **{**ANSWER, "data.accepted": ""})
    right = send(browser, "signal", **ANSWER)

    assert "decides “ERP registration”, also if it is a refusal." in told
    assert "If the ERP answers later all the same, that message is kept beside yours and changes nothing." in told
    assert 'value="complete"' not in page.html, "an answer is handed over, so that it is kept as a message"
    assert (wrong.status, right.status) == (422, 302)
    assert "Field required" in wrong.text
    assert json.loads(Message.objects.get().body) == {
        "reference": "ERP-1", "erp_number": "45", "accepted": True, "reason": None,
    }  # fmt: skip


def test_a_refusing_answer_begins_the_correction() -> None:
    order = waiting(Desk())
    typed: dict[str, Any] = {**ANSWER, "data.accepted": "no", "data.reason": "credit limit"}

    assert send(signed_in("operator"), "signal", **typed).status == 302

    assert Event.objects.get(instance_id=order, type="StepRefused").data["reason"] == "credit limit"


# --- owner ----------------------------------------------------------------------------------------------------------


def test_a_new_owner_is_named_on_the_page_and_known_ones_are_offered() -> None:
    stuck(Desk())
    browser = signed_in("operator")

    page = look(browser)
    nobody = send(browser, "reassign", owner=" ")
    send(browser, "reassign", owner="night-shift")
    after = look(browser)

    assert '<option value="erp-team">' in page.html
    assert "payments-team looks after this order now" in page.text
    assert nobody.status == 422 and "name who looks after it from now on" in nobody.text
    assert (
        "night-shift" in story(after, "Needs a person")
        if "Needs a person" in after.text
        else "night-shift" in after.text
    )
    assert "Owner payments-team" not in after.text


# --- what was asked for ---------------------------------------------------------------------------------------------


def test_what_was_asked_for_is_told_from_accepted_to_failed_again() -> None:
    desk, browser = Desk(), signed_in("operator")
    order = stuck(desk)
    interventions.act(SOMEBODY, "retry", order, reason="they say it works")

    accepted = look(browser)
    claim = desk.claimed(order, "charge")
    verification.verify_open()
    running = look(browser)
    desk.fail(claim, "still closed", retryable=False)
    verification.verify_open()
    failed = look(browser)

    assert "accepted; nothing has moved yet" in accepted.text
    assert "running" in story(running, "What was asked for")
    assert "failed again" in failed.text and "still closed" in story(failed, "What was asked for")
    assert "history " in story(failed, "What was asked for")
