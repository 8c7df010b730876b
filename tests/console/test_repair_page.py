"""The Repair page: one line per cause, who is needed, what is being corrected, stray callbacks, what was asked for."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.console.people import Seen, seen, signed_in
from tests.engine.desk import Desk
from tests.stories import alive, an_instance, person, retrying, stuck
from tests.worlds import principal
from workflows import interventions
from workflows.engine import clock, inbox
from workflows.interventions import repairing
from workflows.models import Event, FailureNote, Instance, Message, ScopedRole

pytestmark = pytest.mark.django_db

TABS = ["causes", "people", "corrections", "callbacks", "operations"]
#: queries of a part of the page with the counts of its tabs; session, user and roles come on top
QUERIES, FRAME = 8, 4


def look(browser: Client, tab: str = "causes", **narrowed: str) -> Seen:
    return seen(browser.get("/repair/", {"tab": tab, **narrowed}))


def kept(step: str, kind: str, error: str) -> dict[str, Any]:
    """The state of an instance that is stuck at a step, as far as causes read it."""
    return {"steps": {step: {"phase": "stuck", "patience": [1, 1, 0, False, None, error, kind]}}}


def asked(instance_id: str, step: str, code: str, reason: str, **more: Any) -> None:
    """The history says that a person was asked."""
    data = {"step": step, "code": code, "reason": reason, "direction": "forward", "evidence": {}, **more}
    Event.objects.create(
        instance_id=instance_id, seq=9, at=clock.now(), type="PersonAsked", step=step, hash=b"", data=data
    )


def unclear() -> str:
    """A return that fits two orders."""
    error = "It is not clear which order came back: two fit."
    found = an_instance(
        "C536379", workflow="return", lifecycle="waiting", needs_person=True, status="ReturnUnclear", stage="Matching",
        step="match", waiting_kind="person", reason=error, state=kept("match", "asked", error),
    )  # fmt: skip
    asked(found, "match", "asked", error, evidence={"candidates": ["536365", "536366"]})
    return found


@pytest.mark.parametrize("tab", TABS)
def test_an_empty_part_teaches_what_will_appear_there(tab: str) -> None:
    page = look(signed_in("support"), tab)

    assert page.status == 200
    assert "Here" in page.text or "kept here" in page.text


@pytest.mark.parametrize("tab", TABS)
def test_the_address_chooses_the_part_and_an_odd_one_the_first(tab: str) -> None:
    browser = signed_in("support")

    assert f'tab={tab}" aria-current="page"' in look(browser, tab).html or tab == "causes"
    assert '/repair/" aria-current="page"' in seen(browser.get("/repair/?tab=explode")).html


def test_a_part_that_reads_itself_again_gets_only_what_changes() -> None:
    browser = signed_in("support")

    whole, part = browser.get("/repair/"), browser.get("/repair/", headers={"HX-Request": "true"})

    assert b"<html" in whole.content
    assert part.content.lstrip().startswith(b'<div class="stack" id="repair" data-live="board"')
    assert "HX-Request" in part["Vary"]


@pytest.mark.parametrize("tab", TABS)
def test_more_work_costs_no_more_queries(tab: str, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    browser = signed_in("operator")
    for number in range(30):
        asked(stuck(f"a{number}", state=kept("charge", "permanent", "x")), "charge", "permanent", "x")
        retrying(f"b{number}")
        inbox.receive("erp", f"w{number}", "erp.registered", f"{number}", '{"reference": "r"}')

    with django_assert_max_num_queries(QUERIES + FRAME):
        look(browser, tab)


class TestCauses:
    def test_1482_failures_after_an_outage_are_one_line(self) -> None:
        now, browser = clock.now(), signed_in("operator")
        common = {"workflow": "order", "version": 1, "stage": "Payment", "step": "charge", "dependency": "payments",
                  "initiator_kind": "user", "initiator": "v", "input_hash": "", "seq": 1, "head_hash": b"",
                  "started_at": now, "updated_at": now, "owner": "payments-team", "lifecycle": "waiting"}  # fmt: skip
        tired = {"status": "PaymentFailed", "needs_person": True, "waiting_kind": "person",
                 "state": kept("charge", "exhausted", "payments asks to wait (503)")}  # fmt: skip
        again = {
            "status": "PaymentRetrying",
            "waiting_kind": "retry",
            "next_at": now + timedelta(seconds=30),
            "state": {},
        }
        Instance.objects.bulk_create(
            Instance(
                id=f"01900000-0000-7000-8000-{number:012}", key=str(number), correlation_id=str(number),
                since=now - timedelta(minutes=number % 60), **common, **(tired if number % 3 else again),
            )
            for number in range(1482)
        )  # fmt: skip

        page = look(browser)

        assert page.html.count('class="cause"') == 1
        assert "The payments system fails or does not answer" in page.text
        assert "1,482 orders · 988 need a person · 494 are tried again by themselves, the next in" in page.text
        assert "payments-team" in page.text and "runbooks/order.md" in page.text
        assert "nobody has it" in page.text
        listed = seen(browser.get("/work/", {"cause": "*/*/payments/failing"}))
        assert "more than 1,000" in listed.text and "cause: payments fails" in listed.text

    def test_what_a_process_calls_it_is_what_people_read(self) -> None:
        unclear()

        page = look(signed_in("operator"))

        assert "It is not clear which order came back; somebody has to choose" in page.text
        assert "“It is not clear which order came back: two fit.”" not in page.text  # the quotes are drawn
        assert "It is not clear which order came back: two fit." in page.text

    def test_one_cause_has_an_address_of_its_own(self) -> None:
        unclear()
        stuck("1", state=kept("charge", "permanent", "x"))

        page = look(signed_in("operator"), cause="return/match//asked")

        assert page.html.count('class="cause"') == 1
        assert "All causes" in page.text

    def test_a_note_stays_when_nothing_hangs_on_it_any_more_and_comes_back_with_the_trouble(self) -> None:
        browser, cause = signed_in("operator"), "order/charge/payments/permanent"
        FailureNote.objects.create(
            cause=cause, owner="olga", note="Ask the issuer first.", state="done", by="olga",
            at=clock.now() - timedelta(days=1),
        )  # fmt: skip

        assert "Ask the issuer first." not in look(browser).text
        assert "Nothing hangs on it now." in look(browser, show="done").text
        stuck("1", state=kept("charge", "permanent", "x"))
        page = look(browser)
        assert "Ask the issuer first." in page.text
        assert "is back since it was marked done" in page.text

    def test_somebody_who_may_only_read_sees_who_has_it_and_why_they_cannot_take_it(self) -> None:
        stuck("1", state=kept("charge", "permanent", "x"))
        repairing.take(principal("olga"), "order/charge/payments/permanent")

        page = look(signed_in("support"))

        assert "olga has it" in page.text
        assert "Repair needs the right to look after causes of trouble" in page.text
        assert 'name="action"' not in page.html

    def test_somebody_with_a_role_for_returns_only_sees_what_concerns_returns(self) -> None:
        unclear()
        stuck("1", state=kept("charge", "permanent", "x"))
        stuck("2", state=kept("charge", "exhausted", "x"))
        repairing.note(principal("olga"), "order/charge/payments/permanent", "a secret of the orders")
        retired = person("retour", role="")
        ScopedRole.objects.create(user=retired, role="operator", workflow="return")
        browser = Client()
        browser.force_login(retired)

        page = look(browser)
        refused = browser.post("/repair/", {"action": "take", "cause": "order/charge/payments/permanent"})
        taken = browser.post("/repair/", {"action": "take", "cause": "return/match//asked"})

        assert page.html.count('class="cause"') == 1
        assert "a secret of the orders" not in page.text
        assert (refused.status_code, taken.status_code) == (400, 302)

    def test_hostile_texts_stay_text(self) -> None:
        hostile, browser = '"><svg onload=alert(1)><div hx-get="/signout/">', signed_in("operator")
        stuck(hostile, reason=hostile, owner=hostile, state=kept("charge", "permanent", hostile))
        repairing.note(principal("olga"), "order/charge/payments/permanent", hostile)
        asked(str(Instance.objects.get().id), "charge", "permanent", hostile, evidence={hostile: [hostile]})
        inbox.receive(hostile, hostile, hostile, hostile, json.dumps({hostile: hostile}))

        for tab in TABS:
            assert "<svg onload" not in look(browser, tab).html


class TestPeople:
    def test_an_unclear_return_lists_its_candidates(self) -> None:
        unclear()

        page = look(signed_in("operator"), "people")

        assert "Return C536379 It is not clear which order came back; somebody has to choose" in page.text
        assert "Candidates 536365 536366" in page.text
        assert 'href="/search/?q=536365"' in page.html
        assert 'href="/work/return/C536379/#acts"' in page.html

    def test_an_unknown_outcome_says_where_to_look_first(self) -> None:
        found = stuck("1", state=kept("charge", "unknown", "no answer"))
        asked(found, "charge", "unknown", "no answer", may_have_happened=True)

        page = look(signed_in("operator"), "people")

        assert "Payment: nobody knows whether it happened" in page.text
        assert "Look into the payments system first: doing it again could do it twice." in page.text

    def test_a_correction_that_failed_leads_to_where_it_can_be_said_to_be_done(self) -> None:
        desk, browser = Desk(), signed_in("operator")
        order = desk.start("700001")
        desk.play(order)
        interventions.act(principal("olga"), "cancel", order, reason="The customer called")
        desk.fail(desk.claimed(order, "submitted"), "already shipped", retryable=False)

        page = look(browser, "people")

        assert "ERP submission cannot be corrected by trying again" in page.text
        assert "Say it was done outside" in page.text
        assert "already shipped" in page.text
        assert "Corrections 1" in page.text
        assert look(browser, "people", kind="correction").html.count("data-row") == 1
        assert look(browser, "people", kind="unknown").html.count("data-row") == 0

    def test_what_gave_up_together_is_counted_and_listed_only_on_request(self) -> None:
        browser = signed_in("operator")
        for number in range(3):
            asked(stuck(str(number), state=kept("charge", "exhausted", "503")), "charge", "exhausted", "503")

        first, given_up = look(browser, "people"), look(browser, "people", kind="failing")

        assert "3 more used up their attempts." in first.text
        assert "Nothing has to be looked at one by one" in first.text
        assert given_up.html.count("data-row") == 3
        assert "nobody has its cause" in given_up.text

    def test_who_has_the_cause_is_said_beside_the_case(self) -> None:
        unclear()
        repairing.take(principal("olga"), "return/match//asked")

        assert "olga has its cause" in look(signed_in("operator"), "people").text

    def test_every_kind_the_causes_know_is_a_list_of_its_own(self) -> None:
        browser = signed_in("operator")
        for kind in ("permanent", "asked", "unanswered", "unknown", "lost", "exhausted"):
            asked(stuck(kind, state=kept("charge", kind, "x")), "charge", kind, "x")

        shown = look(browser, "people", kind="all")

        assert shown.html.count("data-row") == 6
        for kind in ("permanent", "asked", "unanswered", "unknown", "lost", "failing"):
            assert look(browser, "people", kind=kind).html.count("data-row") == 1, kind


class TestCorrections:
    def test_the_board_counts_effects_and_leads_to_their_instances(self) -> None:
        desk, browser = Desk(), signed_in("operator")
        stuck_one, running = desk.start("700001"), desk.start("700002")
        for order in (stuck_one, running):
            desk.play(order)
            interventions.act(principal("olga"), "cancel", order, reason="The customer called")
        desk.fail(desk.claimed(stuck_one, "submitted"), "already shipped", retryable=False)
        desk.succeed(desk.claimed(running, "submitted"))

        page = look(browser, "corrections")

        assert (
            "Cancel in ERP Order, ERP submission Needs a person 1 Tried again – Running – Planned – Corrected 1"
            in page.text
        )
        assert "Refund card Order, payment Needs a person – Tried again – Running 1 Planned 1 Corrected –" in page.text
        assert "0 of 3 effects corrected The customer called already shipped" in page.text
        assert "1 of 3 effects corrected" in page.text
        listed = seen(browser.get("/work/?workflow=order&step=submitted&tab=undo"))
        assert "700001" in listed.text and "700002" not in listed.text


class TestCallbacks:
    def order(self, key: str = "700001") -> str:
        desk = Desk()
        order = desk.start(key)
        desk.play(order)
        return str(order)

    def came(self, key: str, webhook_id: str = "w1", **answer: Any) -> None:
        body = {"reference": "?", "erp_number": "45", "accepted": True, "reason": None, **answer}
        inbox.receive("erp", webhook_id, "erp.registered", key, json.dumps(body))

    @pytest.mark.parametrize(
        ("key", "answer", "said"),
        [
            ("erp 700001", {"reference": "ERP-700001"}, ("This order waits for what the message calls "
             "“reference”. Would decide what order 700001 waits for from the ERP: accepted.")),
            ("700001", {"accepted": False, "reason": "credit limit"}, ("Its key is the number of this "
             "order. Would decide what order 700001 waits for from the ERP: refused (credit limit).")),
            ("700001", {"accepted": "perhaps"}, "Cannot be taken: its body breaks the contract (accepted: "),
            ("erp-700001", {}, "This order waits for exactly this."),
            ("nobody", {}, "Nobody known waits for it, and nothing has its number."),
        ],
    )  # fmt: skip
    def test_it_says_for_whom_a_message_might_be_and_what_it_would_do(
        self, key: str, answer: dict[str, Any], said: str
    ) -> None:
        self.order()
        self.came(key, **answer)

        assert said in look(signed_in("operator"), "callbacks").text

    def test_of_a_paused_order_it_says_what_happens(self) -> None:
        order = self.order()
        interventions.act(principal("olga"), "pause", order, reason="stocktaking")  # type: ignore[arg-type]
        self.came("ERP-700001")

        page = look(signed_in("operator"), "callbacks")

        assert "Waits until it is resumed" in page.text
        assert "This order is paused; what comes in is kept until somebody resumes it." in page.text

    def test_a_late_contradiction_names_the_order_it_was_for(self) -> None:
        Desk().delivered("700001")
        self.came("ERP-700001", accepted=False, reason="limit")

        page = look(signed_in("operator"), "callbacks")

        assert "Contradicts an earlier one" in page.text
        assert "It was for this order when it came. This order waits for no such message now (delivered)." in page.text

    def test_the_list_is_narrowed_by_disposition_source_type_and_key(self) -> None:
        browser = signed_in("operator")
        Desk().delivered("700001")
        self.came("nobody", "w1")
        self.came("somebody", "w2")

        def count(**narrowed: str) -> int:
            return look(browser, "callbacks", **narrowed).html.count('class="stray"')

        assert (count(), count(state="applied"), count(state="all"), count(state="late")) == (2, 1, 3, 0)
        assert (count(key="nobody"), count(source="crm"), count(type="erp.registered")) == (1, 0, 2)
        assert "Nobody waits for it 2" in look(browser, "callbacks").text

    def test_without_the_right_to_payloads_neither_body_nor_reason_is_shown(self) -> None:
        self.order()
        self.came("700001", accepted=False, reason="a canary")
        inbox.receive("erp", "w9", "unheard.of", "k", '{"name": "another canary"}')

        for role, shown in (("support", False), ("operator", True)):
            page = look(signed_in(role), "callbacks")
            assert ("another canary" in page.html) is shown
            assert ("refused (a canary)" in page.text) is shown
            assert "waits for from the ERP: refused" in page.text

    def test_long_lists_are_paged(self) -> None:
        browser = signed_in("operator")
        for number in range(26):
            self.came(f"nobody {number:02}", f"w{number}")

        first = look(browser, "callbacks")
        older = first.html[: first.html.index('rel="next"')].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")

        assert first.html.count('class="stray"') == 25
        assert seen(browser.get(older)).html.count('class="stray"') == 1
        assert browser.get("/repair/?tab=callbacks&cursor=nonsense").status_code == 302


class TestOperations:
    def test_everybody_sees_what_anybody_asked_for_and_what_came_of_it(self) -> None:
        desk, browser = Desk(), signed_in("support")
        order = desk.start("700001")
        interventions.act(principal("olga"), "pause", order, reason="the customer called")

        page = look(browser, "operations")

        assert "Order 700001 Pause by olga" in page.text
        assert "accepted; nothing has moved yet" in page.text
        assert "“the customer called”" in page.text

    def test_they_are_narrowed_by_state_and_to_ones_own(self) -> None:
        desk, browser = Desk(), signed_in("operator")
        for name in ("olga", "operator"):
            interventions.act(principal(name), "pause", desk.start(), reason=f"{name} wants it")

        assert "olga wants it" not in look(browser, "operations", actor="operator").text
        assert "operator wants it" in look(browser, "operations", state="open").text
        assert "wants it" not in look(browser, "operations", state="failed").text


class TestFromWatch:
    def test_a_row_leads_to_its_cause_and_says_who_has_it(self) -> None:
        alive("worker", "pump")
        for number in range(3):
            stuck(str(number), state=kept("charge", "permanent", "x"))
        browser = signed_in("operator")

        before = seen(browser.get("/"))
        browser.post("/repair/", before.form("take"))
        after = seen(browser.get("/"))

        assert 'href="/repair/?cause=order%2Fcharge%2Fpayments%2Fpermanent"' in before.html
        assert "operator has it" in after.text
        assert 'value="take"' not in after.html

    def test_without_the_right_nothing_is_offered_to_take(self) -> None:
        stuck("1", state=kept("charge", "permanent", "x"))

        assert 'value="take"' not in seen(signed_in("support").get("/")).html

    def test_stray_callbacks_lead_to_the_inbox(self) -> None:
        inbox.receive("erp", "w1", "erp.registered", "k", "{}")
        Message.objects.update(received_at=clock.now() - timedelta(hours=1))

        assert 'href="/repair/?tab=callbacks&amp;state=pending"' in seen(signed_in("support").get("/")).html
