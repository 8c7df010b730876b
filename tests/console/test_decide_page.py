"""What approvers see of what they are asked, and what they do about it; who is refused, and why."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from approvals.models import Approval, Vote
from tests.console.people import Seen, seen, signed_in
from tests.deciders import asked, decider, elder, gift, gifts, in_team
from tests.engine.desk import Desk
from workflows import audit, interventions
from workflows.audit import Act
from workflows.interventions.deciding import decide
from workflows.models import AuditEntry, Payload, ScopedRole

pytestmark = pytest.mark.django_db

ANSWERS = {"approve": "approved", "reject": "rejected"}
every_answer = pytest.mark.parametrize("verdict", list(ANSWERS))


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def approver(db: None) -> Client:
    """The browser of an approver of the fraud team, whose name is approver."""
    found = signed_in("approver")
    in_team(User.objects.get(username="approver"))
    return found


def card(question: Approval) -> str:
    return f"/decide/{question.id}/"


def look(approver: Client, question: Approval, query: str = "") -> Seen:
    return seen(approver.get(card(question) + query))


def form(approver: Client, question: Approval, verdict: str) -> dict[str, str]:
    """The form as the page offers it, filled in."""
    html = look(approver, question).html
    (given,) = re.findall(r'name="subject_hash" value="(\w+)"', html)
    assert f'name="verdict" value="{verdict}"' in html
    return {"verdict": verdict, "comment": "I called them", "subject_hash": given}


def rows(approver: Client, query: str = "") -> list[str]:
    html = approver.get(f"/decide/{query}").content.decode()
    return [unescape(one) for one in re.findall(r'data-row href="/decide/[^"]+">([^<]+)<', html)]


# --- the answers ------------------------------------------------------------------------------------------------------


@every_answer
def test_it_works_and_the_next_page_says_what_came_of_it(desk: Desk, approver: Client, verdict: str) -> None:
    question = asked(desk, "A1")

    answer = approver.post(card(question), form(approver, question, verdict))

    assert (answer.status_code, answer["Location"]) == (302, f"/decide/?after={question.id}")
    question.refresh_from_db()
    assert (question.state, question.decided_by) == (ANSWERS[verdict], "approver")
    assert Vote.objects.get().comment == "I called them"
    assert f"Order A1 : {ANSWERS[verdict].capitalize()} by approver." in seen(approver.get(answer["Location"])).text


@every_answer
def test_a_link_decides_nothing(desk: Desk, approver: Client, verdict: str) -> None:
    question = asked(desk)
    wanted = form(approver, question, verdict)

    answers = [approver.get(card(question), wanted), approver.head(card(question), wanted)]

    assert [answer.status_code for answer in answers] == [200, 200]
    question.refresh_from_db()
    assert question.state == "open" and not Vote.objects.exists()
    assert not AuditEntry.objects.filter(action=verdict).exists()


@every_answer
def test_without_the_right_it_is_refused_and_says_why(desk: Desk, verdict: str) -> None:
    question, approver = asked(desk), signed_in("support")

    page = seen(approver.post(card(question), {"verdict": verdict, "comment": "please", "subject_hash": "x"}))

    assert page.status == 403
    assert "needs the right to decide what they are asked to approve (approver or admin)." in page.text
    assert 'name="verdict"' not in page.html
    refused = AuditEntry.objects.get(action=verdict, allowed=False)
    assert (refused.actor, refused.reason, refused.through) == ("support", "please", "page")
    assert not Vote.objects.exists()


@every_answer
def test_twice_is_harmless_and_tells_who_decided_and_when(desk: Desk, approver: Client, verdict: str) -> None:
    question = asked(desk)
    wanted = form(approver, question, verdict)
    approver.post(card(question), wanted)

    page = seen(approver.post(card(question), wanted))

    assert page.status == 409
    assert f"It was already {ANSWERS[verdict]} by approver at " in page.text
    assert 'name="verdict"' not in page.html
    assert Vote.objects.count() == 1


@every_answer
def test_it_is_in_the_audit(desk: Desk, approver: Client, verdict: str) -> None:
    question = asked(desk, "A1")

    approver.post(card(question), form(approver, question, verdict))

    entry = AuditEntry.objects.get(action=verdict)
    assert (entry.actor, entry.allowed, entry.through, entry.target) == ("approver", True, "page", "A1")
    assert (entry.reason, entry.instance_id) == ("I called them", question.subject)
    assert (entry.before["decision"], entry.after["decision"]) == ("open", ANSWERS[verdict])


def test_the_initiator_sees_the_reason_instead_of_buttons_and_is_refused_on_record(
    desk: Desk, approver: Client
) -> None:
    question = asked(desk, by=interventions.user(User.objects.get(username="approver")))
    why = "Nobody decides about their own work: you started it."

    page = look(approver, question)
    answer = seen(approver.post(card(question), {"verdict": "approve", "subject_hash": question.subject_hash}))

    assert why in page.text and 'name="verdict"' not in page.html
    assert answer.status == 403 and why in answer.text
    entry = AuditEntry.objects.get(action="approve")
    assert (entry.actor, entry.allowed, entry.refusal, entry.through) == ("approver", False, why, "page")
    question.refresh_from_db()
    assert question.state == "open"
    assert rows(approver) == []


def test_whoever_edited_it_is_refused_too(desk: Desk, approver: Client) -> None:
    question = asked(desk)

    audit.record(Act("user", "approver", "skip"), allowed=True, workflow="order", instance_id=question.subject)

    assert "Nobody decides about their own work: you edited it." in look(approver, question).text
    assert rows(approver) == []


def test_an_approver_of_another_team_learns_whose_it_is(desk: Desk) -> None:
    question, approver = asked(desk), signed_in("approver")

    assert "fraud-team decides this, and you are not one of them." in look(approver, question).text
    assert approver.post(card(question), {"verdict": "approve", "subject_hash": ""}).status_code == 403
    assert (
        rows(approver) == [] and "Questions go to teams, and you belong to none" in seen(approver.get("/decide/")).text
    )


def test_a_form_without_the_hash_of_what_was_seen_is_refused_and_keeps_what_was_typed(
    desk: Desk, approver: Client
) -> None:
    question = asked(desk)

    page = seen(approver.post(card(question), {"verdict": "reject", "comment": "too large"}))

    assert page.status == 409
    assert "look again and decide anew" in page.text
    assert ">too large</textarea>" in page.html and f'value="{question.subject_hash}"' in page.html


def test_an_answer_nobody_knows_is_a_bad_request(desk: Desk, approver: Client) -> None:
    page = seen(approver.post(card(asked(desk)), {"verdict": "explode"}))

    assert page.status == 400 and "There is nothing to choose but Approve and Reject." in page.text


def test_a_form_from_elsewhere_is_refused(desk: Desk) -> None:
    question, approver = asked(desk), signed_in("approver", csrf=True)

    assert approver.post(card(question), {"verdict": "approve"}).status_code == 403
    assert not AuditEntry.objects.filter(action="approve").exists()


def test_deciding_leads_to_the_question_that_is_due_next(desk: Desk, approver: Client) -> None:
    first, second, third = (asked(desk, key) for key in ("A1", "A2", "A3"))

    answer = approver.post(card(second), form(approver, second, "approve"))
    page = seen(approver.get(answer["Location"]))

    assert answer["Location"] == f"/decide/{third.id}/?after={second.id}"
    assert "Order A2 : Approved by approver." in page.text
    assert "1 other question waits for you" in page.text and f'href="/decide/{first.id}/" rel="next"' in page.html


# --- the card ---------------------------------------------------------------------------------------------------------


def test_the_card_says_everything_a_decision_needs(desk: Desk, approver: Client) -> None:
    page = look(approver, asked(desk, "A1"))

    for words in (
        "Order A1", "Open", "Is this order genuine?", "£1,500.00", "Without a decision it is rejected",
        "Total is 1,500.00: more than 1,000", "Fraud check: score is 0.10: not at least 0.60", "17850", "85123A",
        "It goes on at once: Payment stock reservation, payment, order confirmed ERP registration",
        "It stops and ends as “order rejected”. Nothing has been done yet that would have to be undone.",
    ):  # fmt: skip
        assert words in page.text, words


def test_no_engine_word_number_or_raw_data_is_on_the_card(desk: Desk, approver: Client) -> None:
    page = look(approver, asked(desk))

    for word in ("PendingHumanDecision", "risk.score", "order.total", "subject_hash", "True", "None", "{"):
        assert word not in page.text, word
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", page.text)


def test_a_decided_card_says_who_decided_when_and_how_it_stands_now(desk: Desk, approver: Client) -> None:
    question = asked(desk, "A1")
    decide(decider("anna"), "approve", question.id, comment="a known customer")
    desk.play(question.subject)

    page = look(approver, question)

    for words in ("Approved by anna", "anna approved", "“a known customer”", "What came of it", "ERP registration"):
        assert words in page.text, words
    assert 'name="verdict"' not in page.html
    assert "Without a decision" not in page.text


def test_a_question_nobody_decided_in_time_says_what_followed(desk: Desk, approver: Client) -> None:
    question = asked(desk)
    Approval.objects.update(state="timed_out", decided_at=question.due_at)

    assert "Timed out rejected without a decision" in look(approver, question).text


def test_a_cancelled_order_s_question_is_withdrawn(desk: Desk, approver: Client) -> None:
    question = asked(desk)
    operator = interventions.user(User.objects.create_user("olga", is_superuser=True))
    interventions.act(operator, "cancel", question.subject, reason="the customer called")

    assert "Withdrawn" in look(approver, question).text


def test_a_question_to_several_says_how_many_are_missing_and_what_a_rejection_gives_back(
    transactional_db: None, approver: Client
) -> None:
    in_team(User.objects.get(username="approver"), "elders")
    with gifts():
        question = gift()
        first = look(approver, question)
        decide(elder("anna"), "approve", question.id, comment="well meant")
        second = look(approver, question)

    for words in (
        "Without a decision it is approved", "€500.00", "0 of 2 approved", "Nobody has voted yet.",
        "Your approval counts; 1 more person has to approve before it goes on. Thanking thanks",
        "It stops, these are corrected in this order, and it ends as “corrected”: Taking done €500.00 give back",
        "Amount is 500.00: more than 100", "Donor is Midas: other than nobody",
    ):  # fmt: skip
        assert words in first.text, words
    assert "1 of 2 approved" in second.text and "It goes on at once: Thanking thanks" in second.text
    assert "“well meant”" in second.text and 'name="verdict"' in second.html


def test_a_vote_that_is_not_the_last_says_so(transactional_db: None, approver: Client) -> None:
    in_team(User.objects.get(username="approver"), "elders")
    with gifts():
        question = gift()
        answer = approver.post(card(question), form(approver, question, "approve"))
        page, own = seen(approver.get(answer["Location"])), look(approver, question)
        late = approver.post(card(question), {"verdict": "approve", "subject_hash": question.subject_hash})

    assert "Gift G1 : your vote is recorded; 1 of 2 approved." in page.text
    assert "You have voted already; another person has to decide, too." in own.text and 'name="verdict"' not in own.html
    assert late.status_code == 403 and Vote.objects.count() == 1


def test_a_rule_about_something_personal_is_explained_without_it(transactional_db: None) -> None:
    with gifts():
        page = look(signed_in("support"), gift())

    assert "Donor, which you may not see" in page.text and "Midas" not in page.html


def test_six_hundred_lines_are_folded_until_somebody_asks_for_them(desk: Desk, approver: Client) -> None:
    line = {"sku": "85123A", "description": "HEART T-LIGHT HOLDER", "quantity": 6, "unit_price": 2.55}
    question = asked(desk, lines=[{**line, "sku": f"S{number}"} for number in range(675)])

    short, long = look(approver, question), look(approver, question, "?all")

    assert "Show all 675" in short.text and "S12" not in short.text and "S11" in short.text
    assert "S674" in long.text and "Show all" not in long.text


def test_personal_fields_are_masked_without_the_right_to_see_them(desk: Desk) -> None:
    page = look(signed_in("support"), asked(desk))

    assert "Personal fields are masked:" in page.text and "17850" not in page.html
    assert "£1,500.00" in page.text


def test_evidence_that_was_removed_is_said_to_be_gone(desk: Desk, approver: Client) -> None:
    question = asked(desk)
    Payload.objects.filter(instance_id=question.subject).update(body=None)

    page = look(approver, question)

    assert page.text.count("There is nothing: it was skipped, or has been removed.") == 2


def test_hostile_words_are_only_words(desk: Desk, approver: Client) -> None:
    hostile = "<img src=x onerror=alert(1)><b hx-get='/signout/'>"
    line = {"sku": "85123A", "description": hostile, "quantity": 6, "unit_price": 2.55}
    question = asked(desk, lines=[line], country=hostile)
    decide(decider("anna"), "reject", question.id, comment=hostile)
    Approval.objects.update(question=hostile, audience=hostile, key=hostile)

    for address in (card(question), "/decide/?tab=all&state=all", f"/decide/?after={question.id}"):
        page = seen(approver.get(address))
        assert "<img" not in page.html and "<b hx-get" not in page.html, address
        assert hostile in page.text, address


def test_what_one_may_not_see_is_not_there(desk: Desk) -> None:
    question = asked(desk)
    approver = signed_in("")
    account = User.objects.get(username="nobody")
    ScopedRole.objects.create(user=account, role="approver", workflow="return")

    assert approver.get(card(question)).status_code == 404
    assert approver.post(card(question), {"verdict": "approve"}).status_code == 404
    assert rows(approver, "?tab=all&state=all") == []


def test_an_unknown_question_is_not_found(approver: Client) -> None:
    assert approver.get("/decide/00000000-0000-7000-8000-000000000000/").status_code == 404


def test_a_card_costs_a_bounded_number_of_queries(
    desk: Desk, approver: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    question = asked(desk)
    for number in range(5):
        asked(desk, f"B{number}")

    # session, user, rights, the bar's count; the question with votes, instance, values; the instance in full (4);
    # evidence; groups, acts and starts; how many wait, and which is next
    with django_assert_max_num_queries(4 + 4 + 4 + 1 + 3 + 2):
        look(approver, question)


# --- the queue --------------------------------------------------------------------------------------------------------


def test_my_queue_holds_what_i_may_decide_and_what_is_due_next_stands_first(desk: Desk, approver: Client) -> None:
    for key in ("A1", "A2", "A3"):
        asked(desk, key)
    asked(desk, "OWN", by=interventions.user(User.objects.get(username="approver")))
    Approval.objects.filter(key="A3").update(due_at=Approval.objects.get(key="A1").opened_at)

    page = seen(approver.get("/decide/"))

    assert rows(approver) == ["Order A3", "Order A1", "Order A2"]
    for words in ("Is this order genuine?", "Total is 1,500.00: more than 1,000", "then rejected", "My queue 3"):
        assert words in page.text, words


def test_my_decisions_and_all_questions_have_lists_of_their_own(desk: Desk, approver: Client) -> None:
    for key in ("A1", "A2", "A3"):
        asked(desk, key)
    decide(decider("approver"), "approve", Approval.objects.get(key="A1").id)
    decide(decider("anna"), "reject", Approval.objects.get(key="A2").id)

    assert rows(approver, "?tab=decided") == ["Order A1"]
    assert rows(approver, "?tab=all") == ["Order A3"]
    assert rows(approver, "?tab=all&state=rejected") == ["Order A2"]
    assert rows(approver, "?tab=all&state=all") == ["Order A3", "Order A2", "Order A1"]
    assert "Rejected by anna" in seen(approver.get("/decide/?tab=all&state=all")).text


def test_the_queue_and_the_buttons_agree(desk: Desk, approver: Client) -> None:
    """Whoever is in the middle of something: what is in the queue has buttons, and nothing else has."""
    me = interventions.user(User.objects.get(username="approver"))
    for key, by in (("A1", None), ("A2", me), ("A3", None), ("A4", None)):
        asked(desk, key, by=by)
    decide(decider("anna"), "approve", Approval.objects.get(key="A3").id)
    Approval.objects.filter(key="A4").update(audience="another-team")

    offered = {
        f"Order {question.key}"
        for question in Approval.objects.all()
        if 'name="verdict"' in look(approver, question).html
    }

    assert set(rows(approver)) == offered == {"Order A1"}


def test_an_empty_queue_says_what_would_be_there(approver: Client) -> None:
    page = seen(approver.get("/decide/"))

    assert "Nothing waits for you" in page.text and "Questions to your teams (fraud-team) appear here" in page.text


def test_support_sees_what_everybody_is_asked(desk: Desk) -> None:
    asked(desk, "A1")
    approver = signed_in("support")

    assert rows(approver) == ["Order A1"]
    assert "needs the right to decide" in seen(approver.get("/decide/?tab=mine")).text


def test_the_queue_is_turned_page_by_page(desk: Desk, approver: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from console.views import decide as view

    monkeypatch.setattr(view, "SIZE", 2)
    for key in ("A1", "A2", "A3", "A4", "A5"):
        asked(desk, key)
    due = Approval.objects.get(key="A1").due_at
    Approval.objects.update(due_at=due)

    def follow(address: str, rel: str) -> str:
        found = re.search(rf'href="([^"]+)" rel="{rel}"', approver.get(address).content.decode())
        assert found
        return unescape(found[1])

    second = follow("/decide/", "next")
    third = follow(second, "next")

    walked = [rows(approver, address.removeprefix("/decide/")) for address in ("/decide/", second, third)]
    assert walked == [["Order A1", "Order A2"], ["Order A3", "Order A4"], ["Order A5"]]
    assert rows(approver, follow(third, "prev").removeprefix("/decide/")) == walked[1]
    assert approver.get("/decide/?cursor=nonsense").status_code == 302


def test_the_queue_costs_the_same_however_long_it_is(
    desk: Desk, approver: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(6):
        asked(desk, f"A{number}")

    # session, user, rights, the bar's count; questions, votes, instances, their values; two counts
    with django_assert_max_num_queries(4 + 4 + 2):
        assert len(rows(approver)) == 6


# --- around it --------------------------------------------------------------------------------------------------------


def test_the_bar_counts_what_waits_for_me(desk: Desk, approver: Client) -> None:
    def badge(address: str) -> str:
        (found,) = re.findall(r'<b class="badge"[^>]*>', approver.get(address).content.decode())
        return str(found)

    assert "hidden" in badge("/work/")
    question = asked(desk)

    page = seen(approver.get("/work/"))
    assert "hidden" not in badge("/work/") and "1 waiting for you" in page.text
    assert "1 waiting for you" in seen(approver.get("/decide/count/")).text
    decide(decider("anna"), "approve", question.id)
    assert "hidden" in badge("/decide/count/")


def test_the_order_s_page_leads_to_its_question(desk: Desk) -> None:
    question = asked(desk, "A1")

    page = seen(signed_in("support").get("/work/order/A1/"))

    assert "A question is open Is this order genuine?" in page.text and f'href="{card(question)}"' in page.html


def test_the_home_page_says_how_many_decisions_are_open(desk: Desk, approver: Client) -> None:
    quiet = seen(approver.get("/"))
    asked(desk)
    question = asked(desk)
    page = seen(approver.get("/"))
    Approval.objects.filter(id=question.id).update(
        opened_at=question.opened_at - (question.due_at - question.opened_at) * 8
    )
    pressing = seen(approver.get("/"))

    assert "Nobody is asked anything." in quiet.text
    assert "Decisions 2 open Next due in 2 h 59 min" in page.text and "due soon" not in page.text
    assert "1 decision is due soon" in pressing.text
