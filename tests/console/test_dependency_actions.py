"""Each act on a breaker's page: it works, refuses GET and people without the right, is harmless twice, leaves a row."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from breakers import operations
from breakers.machine import State
from breakers.models import Breaker, Transition
from breakers.window import Tally
from tests.console.people import Seen, seen, signed_in
from workflows.engine import clock, gate
from workflows.interventions import breaking
from workflows.models import AuditEntry

pytestmark = pytest.mark.django_db

PAGE = "/dependencies/fraud/"
BECOMES = {"reset": "half_open", "hold-open": "held_open", "hold-closed": "held_closed", "release": "half_open"}
ACTIONS = [*BECOMES, "tune"]
every_action = pytest.mark.parametrize("action", ACTIONS)
every_move = pytest.mark.parametrize("action", list(BECOMES))


@pytest.fixture(autouse=True)
def declared(db: None) -> None:
    gate.open_up()


def begin(action: str) -> None:
    """Bring the breaker to where the act makes sense."""
    now = clock.now()
    if action == "reset":
        tally = Tally()
        for _ in range(5):
            tally = tally.with_call(failed=True, slow=False, error="fraud failed (500)")
        operations.seen("fraud", tally, 1, 0, now)
    if action == "release":
        until = now + timedelta(hours=1)
        operations.hold("fraud", State.HELD_OPEN, until, now, actor="otto", reason="before")


def form(browser: Client, action: str) -> dict[str, str]:
    """The form as the page offers it, filled in."""
    extra = {"probes": "4", "failure_share": "30"} if action == "tune" else {"minutes": "30"}
    return {**seen(browser.get(PAGE)).form(action), "reason": "asked for by phone", **extra}


def breaker() -> Breaker:
    return Breaker.objects.get(name="fraud")


def done(action: str) -> bool:
    if action == "tune":
        return breaker().tuned != {}
    return Transition.objects.filter(became=BECOMES[action], reason="asked for by phone").exists()


def able() -> Client:
    """Somebody who may do everything that can be done to a breaker."""
    return signed_in("admin")


def sent(browser: Client, **form: str) -> Seen:
    return seen(browser.post(PAGE, {"reason": "asked for by phone", **form}))


@every_action
def test_it_works_and_the_page_shows_what_came_of_it(action: str) -> None:
    begin(action)
    browser = able()

    answer = browser.post(PAGE, form(browser, action))

    assert (answer.status_code, answer["Location"]) == (302, f"{PAGE}#history")
    assert done(action)
    page = seen(browser.get(PAGE))
    assert ("2 parts differ from what is declared" if action == "tune" else "asked for by phone") in page.text


@every_action
def test_a_link_does_nothing(action: str) -> None:
    begin(action)
    browser = able()
    wanted = form(browser, action)

    assert browser.get(PAGE, wanted).status_code == 200
    assert browser.head(PAGE, wanted).status_code == 200

    assert not done(action)
    assert not AuditEntry.objects.filter(action=action).exists()


@every_action
def test_without_the_right_it_is_refused_and_says_why(action: str) -> None:
    begin(action)
    browser = signed_in("support")

    offered = seen(browser.get(PAGE))
    page = sent(browser, action=action, probes="4")

    assert f'value="{action}"' not in offered.html
    assert "needs the right to" in offered.text
    assert page.status == 403
    assert "needs the right to" in page.text
    assert not done(action)
    refused = AuditEntry.objects.get(action=action, allowed=False)
    assert (refused.actor, refused.target, refused.reason, refused.through) == (
        "support", "fraud", "asked for by phone", "page",
    )  # fmt: skip


@every_action
def test_twice_is_harmless(action: str) -> None:
    begin(action)
    browser = able()
    wanted = form(browser, action)
    browser.post(PAGE, wanted)
    before = (breaker().generation, breaker().tuned)

    page = seen(browser.post(PAGE, wanted))

    assert page.status == 409
    assert (breaker().generation, breaker().tuned) == before


@every_action
def test_it_leaves_an_audit_row_with_what_changed(action: str) -> None:
    begin(action)
    browser = able()

    browser.post(PAGE, form(browser, action))

    entry = AuditEntry.objects.get(action=action)
    assert (entry.allowed, entry.actor, entry.target, entry.reason, entry.through) == (
        True, "admin", "fraud", "asked for by phone", "page",
    )  # fmt: skip
    if action == "tune":
        assert (entry.before, entry.after) == ({"probes": 2, "failure_share": 0.5}, {"probes": 4, "failure_share": 0.3})
    else:
        assert entry.before["state"] != entry.after["state"]
        assert ("until" in entry.after) is action.startswith("hold")


@every_action
@pytest.mark.parametrize("reason", ["", "  ", "x" * 2001])
def test_it_needs_a_reason_and_keeps_what_was_typed(action: str, reason: str) -> None:
    begin(action)
    browser = able()

    page = seen(browser.post(PAGE, {**form(browser, action), "reason": reason}))

    assert page.status == 422
    assert "Please give a reason" in page.text
    assert f'id="act-{action}" name="act" open' in page.html
    assert action != "tune" or 'name="probes" value="4"' in page.html
    assert not done(action)


@every_move
def test_a_post_without_the_token_of_the_page_is_refused(action: str) -> None:
    begin(action)

    answer = signed_in("admin", csrf=True).post(PAGE, {"action": action, "reason": "asked for by phone"})

    assert answer.status_code == 403
    assert not done(action)


@pytest.mark.parametrize(("minutes", "length"), [("15", 15), ("10080", 10_080), ("7", 60), ("x", 60), ("", 60)])
def test_a_hold_lasts_as_long_as_one_of_the_offered_lengths(minutes: str, length: int) -> None:
    browser = signed_in("operator")
    before = clock.now()

    browser.post(PAGE, {"action": "hold-open", "reason": "asked for by phone", "minutes": minutes})

    until = breaker().held_until
    assert until is not None
    assert timedelta(0) <= until - before - timedelta(minutes=length) < timedelta(minutes=1)


def test_an_operator_may_hold_and_reset_but_not_tune() -> None:
    browser = signed_in("operator")

    page = seen(browser.get(PAGE))

    assert 'value="hold-open"' in page.html and 'value="tune"' not in page.html
    assert "Tune needs the right to change the rules of circuit breakers (admin)." in page.text
    assert sent(browser, action="tune", probes="4").status == 403


@pytest.mark.parametrize(
    ("part", "typed", "said"),
    [
        ("probes", "many", "Calls that try at a time: please enter a number."),
        ("probes", "0", "must be a whole number from 1 to 10,000"),
        ("probes", "2.5", "must be a whole number"),
        ("probes", "nan", "must be a number"),
        ("failure_share", "130", "must be above 0 % and at most 100 %"),
        ("open_for", "99999999999999999999", "must be a number"),
        ("open_cap", "1", "must not be shorter than open_for"),
    ],
)
def test_an_odd_part_is_refused_at_its_field(part: str, typed: str, said: str) -> None:
    browser = able()

    page = seen(browser.post(PAGE, {**form(browser, "tune"), "probes": "2", "failure_share": "50", part: typed}))

    assert page.status == 422
    assert said in page.text
    field = page.html.split(f'id="part-{part}"')[1].split("</div>")[0]
    assert 'aria-invalid="true"' in field and f'value="{typed}"' in field
    assert breaker().tuned == {}


def test_an_emptied_field_goes_back_to_what_is_declared() -> None:
    operations.tune("fraud", {"probes": 4, "window": 60})
    browser = able()

    browser.post(PAGE, {**form(browser, "tune"), "probes": "", "failure_share": "50", "window": "60"})

    assert breaker().tuned == {"window": 60}
    entry = AuditEntry.objects.get(action="tune")
    assert (entry.before, entry.after) == ({"probes": 4}, {"probes": 2})


def test_a_form_that_changes_nothing_says_so() -> None:
    browser = able()

    page = seen(browser.post(PAGE, {**form(browser, "tune"), "probes": "2", "failure_share": "50"}))

    assert page.status == 409
    assert "The rule says so already." in page.text


def test_nobody_does_what_there_is_no_form_for() -> None:
    page = sent(able(), action="explode")

    assert page.status == 400
    assert "There is no action" in page.text
    assert set(breaking.ACTIONS) == set(BECOMES)


def test_a_page_without_a_breaker_offers_nothing() -> None:
    Breaker.objects.filter(name="fraud").delete()
    browser = able()

    page = seen(browser.get(PAGE))

    assert page.status == 200
    assert "It has no breaker: every call is made." in page.text
    assert "What you can do" not in page.text
    assert sent(browser, action="reset").status == 400
    assert sent(browser, action="tune", probes="4").status == 400
