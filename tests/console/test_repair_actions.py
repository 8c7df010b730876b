"""Each act from the Repair page: it works, refuses links and people without the right, and leaves its trace once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.test import Client

from tests.console.people import seen, signed_in
from tests.engine.desk import Desk
from workflows.demo.contracts import ErpAnswer
from workflows.engine import inbox
from workflows.models import AuditEntry, FailureNote, Message, Operation, Wait

pytestmark = pytest.mark.django_db

KEY = "700001"
CAUSE = "order/charge/payments/permanent"


def stuck() -> str:
    """An order whose charge cannot succeed. Returns the page with its cause."""
    desk = Desk()
    instance_id = desk.start(KEY)
    desk.play(instance_id, until="reserve")
    desk.fail(desk.claimed(instance_id, "charge"), "The card issuer is closed", retryable=False)
    return "/repair/"


def astray() -> str:
    """An order that waits for the ERP, whose answer came with a mistyped key. Returns the page with the answer."""
    desk = Desk()
    instance_id = desk.start(KEY)
    desk.play(instance_id)
    answer = ErpAnswer(reference=f"ERP-{KEY}", erp_number="45", accepted=True, reason=None)
    inbox.receive("erp", "w1", "erp.registered", "ERP 700001", answer.model_dump_json())
    return "/repair/?tab=callbacks"


@dataclass(frozen=True)
class Story:
    """How the page comes to offer an act, what is filled in, and whether it was done."""

    begin: Callable[[], str]
    filled: dict[str, str]
    done: Callable[[], bool]
    #: the page says so afterwards
    said: str
    at: str


def note() -> FailureNote | None:
    return FailureNote.objects.filter(cause=CAUSE).first()


STORIES = {
    "take": Story(stuck, {}, lambda: note() is not None and note().owner == "operator", "operator has it", ""),  # type: ignore[union-attr]
    "note": Story(
        stuck, {"note": "The issuer opens at nine."}, lambda: note() is not None and note().note != "",  # type: ignore[union-attr]
        "The issuer opens at nine.", "",
    ),
    "mark": Story(
        stuck, {"state": "waiting"}, lambda: note() is not None and note().state == "waiting",  # type: ignore[union-attr]
        "waits for a fix; operator has it", "",
    ),
    "apply": Story(
        astray, {"reason": "the ERP mistyped its key"},
        lambda: Wait.objects.get().state == "satisfied" and Message.objects.get().state == "applied",
        "ERP registered from erp", "?tab=callbacks&state=applied",
    ),
    "ignore": Story(
        astray, {"reason": "from the test system"}, lambda: Message.objects.get().state == "ignored",
        "Set aside", "?tab=callbacks&state=ignored",
    ),
}  # fmt: skip
every_act = pytest.mark.parametrize("act", list(STORIES))


def form(browser: Client, page: str, act: str) -> dict[str, str]:
    """The form as the page offers it, filled in."""
    html = seen(browser.get(page))
    chosen = {"instance": _chosen(html.html)} if act == "apply" else {}
    return {**html.form(act), **chosen, **STORIES[act].filled}


def _chosen(html: str) -> str:
    at = html.index('type="radio" name="instance" value="')
    return html[at:].split('value="')[1].split('"')[0]


@every_act
def test_it_works_and_the_page_shows_what_came_of_it(act: str) -> None:
    story, browser = STORIES[act], signed_in("operator")
    page = story.begin()

    answer = browser.post(page, form(browser, page, act))

    assert answer.status_code == 302
    assert answer["Location"].startswith(f"{page}#")
    assert story.done()
    assert story.said in seen(browser.get(f"/repair/{story.at}")).text


@every_act
def test_a_link_does_nothing(act: str) -> None:
    story, browser = STORIES[act], signed_in("operator")
    page = story.begin()
    wanted = form(browser, page, act)

    answer = browser.get(page, wanted)

    assert answer.status_code == 200
    assert not story.done()
    assert not AuditEntry.objects.filter(action=act).exists()


@every_act
def test_without_the_right_it_is_refused_and_says_why(act: str) -> None:
    story, browser = STORIES[act], signed_in("support")
    page = story.begin()
    sent = {"action": act, "cause": CAUSE, "message": str(getattr(Message.objects.first(), "id", "")), **story.filled}

    refused = seen(browser.post(page, sent))

    assert refused.status == 403
    assert "needs the right to look after causes of trouble and unmatched callbacks" in refused.text
    assert f'value="{act}"' not in refused.html
    assert not story.done()
    entry = AuditEntry.objects.get(action=act)
    assert (entry.allowed, entry.actor, entry.through) == (False, "support", "page")
    assert entry.refusal.startswith(f"{act.capitalize()} needs the right to")


@every_act
def test_twice_is_harmless(act: str) -> None:
    story, browser = STORIES[act], signed_in("operator")
    page = story.begin()
    wanted = form(browser, page, act)
    browser.post(page, wanted)
    before = list(FailureNote.objects.values()) + list(Message.objects.values()) + list(Operation.objects.values())

    again = seen(browser.post(page, wanted))

    assert again.status == 409
    assert story.done()
    after = list(FailureNote.objects.values()) + list(Message.objects.values()) + list(Operation.objects.values())
    assert after == before


@every_act
def test_it_is_in_the_audit(act: str) -> None:
    story, browser = STORIES[act], signed_in("operator")
    page = story.begin()

    browser.post(page, form(browser, page, act))

    entry = AuditEntry.objects.get(action=act)
    assert (entry.actor, entry.allowed, entry.through) == ("operator", True, "page")
    assert entry.reason == story.filled.get("reason", "")
    assert entry.before != entry.after
    assert entry.target == (CAUSE if story.begin is stuck else "erp w1")


def test_whoever_looked_at_an_older_page_takes_it_from_nobody_unseen() -> None:
    page = stuck()
    browser = signed_in("operator")
    wanted = form(browser, page, "take")
    other = signed_in("admin")
    other.post(page, form(other, page, "take"))

    late = seen(browser.post(page, wanted))

    assert late.status == 409
    assert "admin has it now; look again." in late.text
    assert "Take it over from admin" in late.text
    assert note().owner == "admin"  # type: ignore[union-attr]


def test_a_reason_is_demanded_and_what_was_typed_is_kept() -> None:
    page, browser = astray(), signed_in("operator")
    wanted = form(browser, page, "apply")

    empty = seen(browser.post(page, {**wanted, "reason": " "}))
    unknown = seen(browser.post(page, {**wanted, "reason": "it is for the other", "other": "#700099"}))

    assert (empty.status, unknown.status) == (422, 409)
    assert "Please give a reason" in empty.text
    assert "No case with the number 700099 is under way." in unknown.text
    assert ">it is for the other</textarea>" in unknown.html
    assert 'value="#700099"' in unknown.html
    assert not STORIES["apply"].done()


def test_an_answer_is_handed_to_an_order_by_its_number() -> None:
    page, browser = astray(), signed_in("operator")

    browser.post(page, {**form(browser, page, "apply"), "instance": "", "other": f" #{KEY} "})

    assert STORIES["apply"].done()


@pytest.mark.parametrize("sent", [{"action": "explode"}, {}, {"action": "apply", "message": "x", "reason": "y"}])
def test_what_nobody_knows_is_a_bad_request(sent: dict[str, str]) -> None:
    assert signed_in("operator").post("/repair/", sent).status_code == 400


def test_a_form_from_elsewhere_is_refused() -> None:
    page, browser = stuck(), signed_in("operator", csrf=True)

    answer = browser.post(page, {"action": "take", "cause": CAUSE})

    assert answer.status_code == 403
    assert not STORIES["take"].done()
