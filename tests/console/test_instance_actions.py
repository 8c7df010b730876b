"""Each act from the page of an instance: it works, refuses GET and people without the right, and leaves its trace."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from django.test import Client

from tests.console.people import seen, signed_in
from tests.engine.desk import Desk
from workflows import interventions
from workflows.engine import clock
from workflows.interventions import CAPABILITIES, Principal
from workflows.models import AuditEntry, Event, Instance, Operation, Work

pytestmark = pytest.mark.django_db

SOMEBODY = Principal("user", "olga", frozenset(CAPABILITIES))
KEY = "700001"
PAGE = f"/work/order/{KEY}/"


def waiting(desk: Desk) -> UUID:
    """An order that is charged and waits for the ERP."""
    instance_id = desk.start(KEY)
    desk.play(instance_id)
    return instance_id


def paused(desk: Desk) -> UUID:
    instance_id = waiting(desk)
    interventions.act(SOMEBODY, "pause", instance_id, reason="the customer called")
    return instance_id


def stuck(desk: Desk) -> UUID:
    """An order whose charge needs a person."""
    instance_id = desk.start(KEY)
    desk.play(instance_id, until="reserve")
    desk.fail(desk.claimed(instance_id, "charge"), "The card issuer is closed", retryable=False)
    return instance_id


def passable(desk: Desk) -> UUID:
    """An order whose charge needs a person; it may have happened."""
    instance_id = desk.start(KEY)
    desk.play(instance_id, until="reserve")
    desk.fail(desk.claimed(instance_id, "charge"), "no answer", retryable=False, may_have_happened=True)
    return instance_id


def uncorrectable(desk: Desk) -> UUID:
    """A cancelled order that cannot be taken out of the ERP."""
    instance_id = waiting(desk)
    interventions.act(SOMEBODY, "cancel", instance_id, reason="the customer called")
    desk.succeed(desk.claimed(instance_id, "alert_order_desk"))
    desk.fail(desk.claimed(instance_id, "submitted"), "the ERP is closed", retryable=False)
    return instance_id


#: what is typed beside reason and word
TYPED = {
    "complete": {"data.charge_id": "TRANSFER-1", "data.amount": "15.30"},
    "signal": {"data.reference": "ERP-1", "data.erp_number": "45", "data.accepted": "yes", "data.reason": ""},
    "reassign": {"owner": "night-shift"},
}
WORDS = {"cancel": "cancel", "compensate": "correct", "skip": "skip"}

#: action -> how the order comes to where it makes sense, and the event that shows that it was done
STORIES: dict[str, tuple[Callable[[Desk], UUID], str]] = {
    "retry": (stuck, "RetryRequested"),
    "skip": (passable, "StepPassedOver"),
    "complete": (stuck, "StepSucceeded"),
    "signal": (waiting, "StepSucceeded"),
    "reassign": (waiting, "Reassigned"),
    "pause": (waiting, "InstancePaused"),
    "resume": (paused, "InstanceResumed"),
    "cancel": (waiting, "CorrectionBegan"),
    "compensate": (waiting, "CorrectionBegan"),
}
every_action = pytest.mark.parametrize("action", list(STORIES))


def begin(action: str) -> UUID:
    instance_id = STORIES[action][0](Desk())
    Operation.objects.all().delete()
    return instance_id


def form(browser: Client, action: str) -> dict[str, str]:
    """The form as the page offers it, filled in."""
    typed = {"reason": "asked for by phone", "word": WORDS.get(action, ""), **TYPED.get(action, {})}
    return {**seen(browser.get(PAGE)).form(action), **typed}


def done(instance_id: UUID, action: str) -> int:
    """How often a person has done it."""
    return Event.objects.filter(instance_id=instance_id, type=STORIES[action][1], actor_kind="user").count()


@every_action
def test_it_works_and_the_page_shows_what_came_of_it(action: str) -> None:
    instance_id, browser = begin(action), signed_in("operator")

    answer = browser.post(PAGE, form(browser, action))

    assert (answer.status_code, answer["Location"]) == (302, f"{PAGE}#operations")
    assert done(instance_id, action) == 1
    assert Operation.objects.get(instance_id=instance_id).action == action
    page = seen(browser.get(PAGE))
    assert "What was asked for" in page.text
    assert "asked for by phone" in page.text
    assert "accepted; nothing has moved yet" in page.text


@every_action
def test_a_link_does_nothing(action: str) -> None:
    instance_id, browser = begin(action), signed_in("operator")
    wanted = form(browser, action)

    answer = browser.get(PAGE, wanted)

    assert answer.status_code == 200
    assert done(instance_id, action) == 0
    assert not Operation.objects.exists()


@every_action
def test_without_the_right_it_is_refused_and_says_why(action: str) -> None:
    instance_id, browser = begin(action), signed_in("support")

    typed = {"reason": "please", "word": WORDS.get(action, ""), **TYPED.get(action, {})}
    page = seen(browser.post(PAGE, {"action": action, **typed}))

    assert page.status == 403
    assert "needs the right to" in page.text
    assert f'value="{action}"' not in page.html
    assert done(instance_id, action) == 0
    refused = AuditEntry.objects.get(action=action, allowed=False)
    assert (refused.actor, refused.reason, refused.through) == ("support", "please", "page")


@every_action
def test_twice_is_harmless(action: str) -> None:
    instance_id, browser = begin(action), signed_in("operator")
    wanted = form(browser, action)
    browser.post(PAGE, wanted)

    page = seen(browser.post(PAGE, wanted))

    assert page.status == 409
    assert done(instance_id, action) == 1
    assert Operation.objects.filter(instance_id=instance_id).count() == 1


@every_action
def test_it_is_in_the_audit(action: str) -> None:
    instance_id, browser = begin(action), signed_in("operator")

    browser.post(PAGE, form(browser, action))

    entry = AuditEntry.objects.get(actor="operator", action=action)
    assert (entry.instance_id, entry.allowed, entry.through) == (instance_id, True, "page")
    assert entry.reason == "asked for by phone"
    assert entry.before["revision"] < entry.after["revision"]


def test_a_reason_is_demanded_and_what_was_typed_is_kept() -> None:
    instance_id, browser = begin("cancel"), signed_in("operator")

    empty = seen(browser.post(PAGE, {**form(browser, "pause"), "reason": "  "}))
    unsure = seen(browser.post(PAGE, {**form(browser, "cancel"), "reason": "lost interest", "word": "cancle"}))

    assert (empty.status, unsure.status) == (422, 422)
    assert "Please give a reason" in empty.text
    assert "Please type “cancel” to confirm." in unsure.text
    assert ">lost interest</textarea>" in unsure.html
    assert not Operation.objects.filter(instance_id=instance_id).exists()


def test_an_instance_that_moved_meanwhile_is_left_alone() -> None:
    desk, browser = Desk(), signed_in("operator")
    instance_id = desk.start(KEY)
    desk.play(instance_id, until="reserve")
    wanted = form(browser, "cancel")
    desk.play(instance_id, until="charge")  # there is more to correct now than the form said

    page = seen(browser.post(PAGE, wanted))

    assert page.status == 409
    assert "It has moved since you looked at it" in page.text
    assert Instance.objects.get(id=instance_id).lifecycle != "compensating"


def test_an_attempt_that_failed_once_more_does_not_take_the_form_away() -> None:
    desk, browser = Desk(), signed_in("operator")
    instance_id = desk.start(KEY)
    desk.play(instance_id, until="reserve")
    desk.fail(desk.claimed(instance_id, "charge"))
    wanted = form(browser, "compensate")
    Work.objects.filter(instance_id=instance_id).update(ready_at=clock.now())
    desk.fail(desk.claimed(instance_id, "charge"))

    answer = browser.post(PAGE, wanted)

    assert answer.status_code == 302
    assert done(instance_id, "compensate") == 1


def test_cancelling_says_what_will_be_corrected_in_which_order() -> None:
    begin("cancel")

    page = seen(signed_in("operator").get(PAGE))

    story = page.text[page.text.index("Cancel this order") :]
    order = [
        "ERP submitted",
        "cancel in ERP",
        "Payment charged £15.30",
        "refund card",
        "Stock reserved",
        "release stock",
    ]
    places = [story.index(words) for words in order]
    assert places == sorted(places)
    assert "What keeps running:" in story


def test_trying_again_says_whether_it_can_do_harm() -> None:
    begin("retry")

    page = seen(signed_in("operator").get(PAGE))

    assert "Payment: safe." in page.text
    assert "Nothing has happened yet, and the same key is sent as before, so it happens at most once." in page.text
    assert "Payment is tried again at once, up to 10 times." in page.text
    assert page.html.count("act-main") == 1


def test_a_form_from_elsewhere_is_refused() -> None:
    instance_id, browser = begin("pause"), signed_in("operator", csrf=True)

    answer = browser.post(PAGE, {"action": "pause", "reason": "please"})

    assert answer.status_code == 403
    assert done(instance_id, "pause") == 0


def test_an_action_nobody_knows_is_a_bad_request() -> None:
    begin("pause")

    page = seen(signed_in("operator").post(PAGE, {"action": "explode", "reason": "please"}))

    assert page.status == 400
    assert "There is no action" in page.text
