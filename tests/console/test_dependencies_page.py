"""The systems and their breakers as people see them: how each stands, why, what waits, and who may see what."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from breakers import operations
from breakers.machine import State
from breakers.models import Breaker
from breakers.queries import news_id
from breakers.window import Tally
from tests.console.people import Seen, seen, signed_in
from tests.engine.desk import Desk
from tests.stories import an_instance
from workflows.engine import clock, gate
from workflows.models import OutboxEvent, ScopedRole, Subscription, Work
from workflows.queries import lags

pytestmark = pytest.mark.django_db

#: queries of the page itself; session, user and groups come on top
QUERIES, FRAME = 7, 3
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def declared(db: None) -> None:
    gate.open_up()


def failed(name: str = "fraud", calls: int = 5) -> None:
    tally = Tally()
    for _ in range(calls):
        tally = tally.with_call(failed=True, slow=False, error=f"{name} failed (500)")
    operations.seen(name, tally, Breaker.objects.get(name=name).generation, 0, clock.now())


def trying(name: str = "fraud") -> None:
    failed(name)
    operations.reset(name, clock.now(), actor="olga", reason="mended")


def held(state: State, name: str = "fraud") -> None:
    operations.hold(name, state, clock.now() + HOUR, clock.now(), actor="olga", reason="maintenance")


def parked(key: str, dependency: str = "fraud", workflow: str = "order") -> str:
    """An instance whose work waits for a breaker."""
    instance = an_instance(
        key, workflow=workflow, lifecycle="waiting", status="FraudCheckUnavailable", step="risk",
        dependency=dependency, waiting_kind="breaker", waiting_name=dependency, next_what="probe",
    )  # fmt: skip
    Work.objects.create(
        instance_id=UUID(instance), step="risk", direction="forward", workflow=workflow, version=1, pool="default",
        dependency=dependency, ready_at=clock.now(), parked=True, timeout_seconds=3,
    )  # fmt: skip
    return instance


def every(role: str = "support") -> Seen:
    return seen(signed_in(role).get("/dependencies/"))


def one(name: str = "fraud", role: str = "support") -> Seen:
    return seen(signed_in(role).get(f"/dependencies/{name}/"))


# --- all of them ------------------------------------------------------------------------------------------------------


def test_a_card_for_every_system_says_what_is_known_about_it() -> None:
    page = every()

    assert page.text.count("Calls pass.") == 6
    for known in (
        "Calls pass everywhere.",
        "risk scores",
        "slow at month end",
        "fraud-team",
        "Order: fraud check",
        "after 5 failures in a row, or when 50 % of at least 10 calls within 30 s fail",
        "after 10 s, twice as long after every failed try, at most 2 min; then 2 at a time, and 2 must succeed",
        "5 per second, the longest waiting first",
        "a call takes at most 3 s",
        "up to 8 attempts",
    ):
        assert known in page.text, known


def test_what_is_in_trouble_comes_first_and_says_why_since_when_and_what_waits() -> None:
    parked("1")
    parked("2")
    failed()

    page = every()

    assert page.text.index("Fraud Open") < page.text.index("Carrier Closed")
    assert "Calls are kept away from: Fraud." in page.text
    assert "Unavailable : 5 calls in a row failed. Calls are kept away. 2 orders wait" in page.text
    assert "next try" in page.text and 'data-how="until"' in page.html
    assert 'href="/work/?held_up_by=fraud"' in page.html
    assert 'class="switch switch-open tone-held"' in page.html


@pytest.mark.parametrize(
    ("state", "said", "drawn"),
    [
        (State.HELD_OPEN, "olga keeps calls away: “maintenance”.", "switch-open"),
        (State.HELD_CLOSED, "olga lets every call pass, whatever comes of it: “maintenance”.", "switch-closed"),
    ],
)
def test_a_hold_says_who_why_and_until_when_and_wears_a_padlock(state: State, said: str, drawn: str) -> None:
    held(state)

    page = every()

    assert said in page.text
    assert drawn in page.html and "shackle" in page.html
    assert "until" in page.text


def test_a_breaker_that_tries_has_a_pip_for_every_probe() -> None:
    trying()
    generation = Breaker.objects.get(name="fraud").generation
    operations.probed("fraud", 0, generation, clock.now(), failed=False)

    page = every()

    assert page.html.count('<circle class="pip') == 2
    assert page.html.count('<circle class="pip pip-done"') == 1
    assert "1 of 2 succeeded" in page.text


def test_what_comes_back_after_an_outage_is_still_shown() -> None:
    parked("1")

    assert "Calls pass again. 1 order comes back, at most 5 per second." in every().text


def test_rates_are_of_the_window() -> None:
    tally = Tally()
    for number in range(8):
        tally = tally.with_call(failed=number == 0, slow=number < 2)
    operations.seen("fraud", tally, 1, 0, clock.now())

    page = one()

    assert "Failed 12 % Slow 25 % over 1 s Calls 8 within 30 s" in page.text


def test_a_system_that_no_process_calls_any_more_is_still_there() -> None:
    Breaker.objects.create(name="fax", since=clock.now())

    page = every()

    assert "Fax Closed" in page.text
    assert "no process any more" in page.text


def test_more_systems_and_more_waiting_work_cost_no_more_queries(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(20):
        parked(f"a{number}")
        Breaker.objects.create(name=f"other{number}", since=clock.now())
    failed()
    browser = signed_in("support")

    with django_assert_max_num_queries(QUERIES + FRAME):
        browser.get("/dependencies/")


def test_subscribers_say_how_far_they_are_behind() -> None:
    assert "Nobody has subscribed to published events." in every().text
    now = clock.now()
    Subscription.objects.create(name="crm", url="https://crm.example", secret="s", created_at=now)
    OutboxEvent.objects.create(
        id=UUID(int=1), instance_id=UUID(int=2), number=1, workflow="order", type="OrderConfirmed", schema_version=1,
        subject="1", data={}, at=now - HOUR,
    )  # fmt: skip

    [lag] = lags.lags()
    page = every("operator")

    assert (lag.name, lag.waiting, lag.dead) == ("crm", 1, 0)
    assert "crm 1 waiting" in page.text and "the oldest for 1 h" in page.text
    assert "crm.example" not in page.html


def test_whoever_sees_one_process_sees_the_systems_it_calls() -> None:
    browser = signed_in("")
    ScopedRole.objects.create(user=User.objects.get(username="nobody"), role="support", workflow="return")
    parked("1", "payments", "order")
    parked("2", "payments", "return")

    page = seen(browser.get("/dependencies/"))

    assert "Payments" in page.text and "Fraud" not in page.text
    assert "1 return comes back" in page.text
    assert "Who is told of events" not in page.text
    assert browser.get("/dependencies/fraud/").status_code == 404


@pytest.mark.parametrize("path", ["/dependencies/", "/dependencies/fraud/"])
def test_it_is_for_people_who_may_read(path: str) -> None:
    assert signed_in("").get(path).status_code == 403
    assert Client().get(path).status_code == 302


@pytest.mark.parametrize("path", ["/dependencies/", "/dependencies/fraud/"])
def test_a_page_that_reads_itself_again_gets_only_its_changing_part(path: str) -> None:
    browser = signed_in("support")

    part = browser.get(path, headers={"HX-Request": "true"})

    assert part.content.lstrip().startswith(b'<div class="stack" id="dependenc')
    assert b"<html" in browser.get(path).content
    assert "HX-Request" in part["Vary"]


# --- one of them ------------------------------------------------------------------------------------------------------


def test_its_history_tells_cause_and_actor() -> None:
    trying()

    page = one()

    assert "Tries again by olga “mended” · was open" in page.text
    assert "Opened 5 calls in a row failed · was closed" in page.text
    assert "Its last answer: fraud failed (500)" in page.text


def test_a_long_history_has_pages() -> None:
    browser = signed_in("operator")
    for number in range(12):
        held(State.HELD_OPEN)
        operations.release("fraud", clock.now(), actor="olga", reason=f"again {number}")

    first = seen(browser.get("/dependencies/fraud/"))
    older = first.html.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
    second = seen(browser.get("/dependencies/fraud/" + older.split("#")[0].replace("&amp;", "&")))

    assert "again 11" in first.text and "again 0" not in first.text
    assert "again 0" in second.text and "again 11" not in second.text
    assert browser.get("/dependencies/fraud/?before=x").status_code == 302


@pytest.mark.parametrize("name", ["nobody", "internal", "orders", "%00", "a b"])
def test_what_is_no_system_is_not_found(name: str) -> None:
    assert signed_in("operator").get(f"/dependencies/{name}/").status_code == 404


def test_a_tuned_part_stands_beside_what_is_declared() -> None:
    operations.tune("fraud", {"failure_share": 0.3})

    assert "or at this share of failures 30 % 50 %" in one().text
    assert "1 part differs from what is declared" in one(role="admin").text


def test_a_hostile_reason_stays_text() -> None:
    hostile = '"><img src=x onerror=alert(1)>'
    operations.hold("fraud", State.HELD_OPEN, clock.now() + HOUR, clock.now(), actor="olga", reason=hostile)

    for page in (every(), one(role="operator"), seen(signed_in("approver").get("/"))):
        assert "<img" not in page.html
        assert "onerror=alert(1)" in page.text


# --- elsewhere --------------------------------------------------------------------------------------------------------


def test_the_home_page_names_what_is_unavailable_since_when_and_how_much_waits() -> None:
    browser = signed_in("support")
    for number in range(3):
        parked(str(number))
    failed()

    page = seen(browser.get("/"))

    assert "The fraud system is unavailable since" in page.text and "; 3 orders wait." in page.text
    assert (
        "The fraud system is unavailable: 5 calls in a row failed. 3 orders wait and go on by themselves." in page.text
    )
    assert "Fraud · 3 orders held up Open" in page.text
    assert "3 held up" in page.text
    assert "5 healthy" in page.text


def test_the_list_of_what_is_held_up_is_exactly_that() -> None:
    parked("1")
    an_instance("2", dependency="fraud", waiting_kind="retry", lifecycle="waiting", status="FraudCheckRetrying")
    browser = signed_in("support")

    page = seen(browser.get("/work/?held_up_by=fraud"))

    assert "1 result" in page.text and "Order 1" in page.text and "Order 2" not in page.text
    assert "held up by the fraud system" in page.text
    assert "when the fraud system is back" in page.text
    assert '<input type="hidden" name="held_up_by" value="fraud">' in page.html


def waiting_order() -> str:
    """A real order that waits for the fraud provider's breaker."""
    from workflows.core import facts
    from workflows.core.state import Direction

    desk = Desk()
    instance_id = desk.start("700001")
    claim = desk.claimed(instance_id, "risk")
    desk.report(claim, facts.Barred(step="risk", direction=Direction.FORWARD, token=claim.token, dependency="fraud"))
    desk.succeed(desk.claimed(instance_id, "stock"))
    return "/work/order/700001/"


@pytest.mark.parametrize(
    ("bring", "said"),
    [
        (failed, "Next: the fraud system is tried again at"),
        (trying, "Next: the fraud system is being tried; it goes on when that works. Nothing was sent."),
        (lambda: held(State.HELD_OPEN), "Next: olga keeps calls away from the fraud system until"),
        (lambda: None, "Next: the fraud system can be called again; what waited for it goes on bit by bit."),
    ],
)
def test_an_order_that_waits_says_what_its_breaker_does_next(bring: object, said: str) -> None:
    bring()  # type: ignore[operator]

    page = seen(signed_in("support").get(waiting_order()))

    assert "Fraud check unavailable" in page.text
    assert said in page.text
    assert 'href="/dependencies/fraud/"' in page.html
    assert "waits for the fraud system" in page.text
    assert str(news_id("fraud")) in page.html
