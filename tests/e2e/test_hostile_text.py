"""Whatever people and systems send is only text, on every page, in a browser that would carry it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote, urlencode

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.urls import reverse
from playwright.sync_api import Page, expect

from console.administration.looking import TABLES
from console.live import publish
from tests import hostile
from tests.e2e.inert import Watch, foreign
from tests.e2e.planted import CAUSE, Planted, plant
from tests.engine.desk import Desk
from tests.stories import stuck
from tests.worlds import principal
from workflows import interventions
from workflows.engine import clock, gate, inbox
from workflows.interventions import breaking, governing, repairing
from workflows.models import ApiToken, Instance, Operation

SignIn = Callable[..., Page]
ASKED = hostile.text("asked", 150)
#: what is shortened after this many characters, is shown word for word before
BEGINNING = 60
#: Pages, with the places whose texts they have to show.
PAGES = {
    "/": "colleague error owner holding intake",
    "/work/": "error owner refusal comment cancelling",
    "/work/?tab=person": "error owner raw-stage raw-reason raw-key",
    "/permissions/": "", "/demo/": "",
    "/processes/": "colleague", "/processes/order/": "colleague rollout intake",
    "/processes/order/?version=1": "intake",
    "/dependencies/": "colleague holding subscription", "/dependencies/fraud/": "colleague holding",
    "/dependencies/payments/": "system-error",
    "/work/id/{row}/": "raw-reason raw-owner", "/work/order/1009/?tab=data": "raw-reason initiator",
    "/work/order/1001/": "error colleague reassigning owner",
    "/work/order/1001/?tab=data": "sku description country customer",
    "/work/order/1001/?tab=technical": "country error",
    "/work/order/1002/": "refusal", "/work/order/1002/?tab=technical": "refusal",
    "/work/order/1003/": "entering pausing", "/work/order/1003/?tab=steps": "entered entering pausing",
    "/work/order/1003/?tab=graph": "pausing", "/work/order/1003/?tab=data": "description",
    "/work/order/1003/?tab=technical": "entering pausing",
    "/work/order/1004/": "starter", "/work/order/1005/": "decider comment",
    "/work/order/1006/": "cancelling correction-error", "/work/order/1007/": "evidence done-outside",
    "/work/order/1008/": "answer",
    "/repair/": "error colleague note owner correction-error raw-reason",
    "/repair/?tab=people&kind=all": "error owner correction-error raw-reason raw-key",
    "/repair/?tab=corrections": "refusal comment cancelling correction-error",
    "/repair/?tab=callbacks": "body body-reason key", "/repair/?tab=callbacks&state=all": "source aside-key ignoring",
    "/repair/?tab=operations": "colleague reassigning entering pausing cancelling done-outside",
    "/record/": "note owner entering decider comment holding rollout intake token token-reason "
    "actor through correlation audit-reason audit-refusal target before after",
    "/record/?tab=events": "country", "/record/?tab=ledger": "error refusal scope idempotency request",
    "/decide/": "", "/decide/?tab=all&state=all": "country customer decider",
    "/decide/{question}/": "description country customer", "/decide/{decided}/": "decider comment",
}  # fmt: skip
OFFICE = {
    "auth_user": "colleague group me", "auth_group": "group",
    "workflows_instance": "owner raw-status raw-stage raw-key",
    "workflows_message": "webhook source type ignoring", "workflows_operation": "reassigning entering",
    "workflows_subscription": "subscription", "workflows_refusedstart": "wrong-key",
    "workflows_idempotentrequest": "scope idempotency request",
    "workflows_auditentry": "actor action audit-reason target",
    "workflows_rollout": "rollout", "workflows_pausedintake": "intake", "workflows_failurenote": "note",
    "approvals_vote": "comment", "workflows_apitoken": "token",
}  # fmt: skip
#: pages that are asked for something hostile
QUESTIONS = {
    "/work/": "q owner status stage step cause dependency attr.customer_id workflow version cursor",
    "/search/": "q", "/decide/": "cursor after state", "/dependencies/fraud/": "before",
    "/repair/?tab=callbacks&": "source type key cursor", "/repair/?tab=people&": "kind", "/repair/": "cause",
    "/record/": "actor action number act", "/record/?from=yesterday&": "to kind", "/record/?tab=events&": "type key",
    "/record/?tab=ledger&": "key scope", "/work/order/1003/": "tab run all", "/processes/order/": "version",
}  # fmt: skip


@dataclass
class World:
    """A hostile console, and a person with a hostile name and all rights who looks at it."""

    planted: Planted
    page: Page
    watch: Watch
    web: str

    def open(self, address: str, *places: str) -> list[str]:
        """What is wrong with a page, and which of these places it does not show word for word."""
        answer = self.page.goto(self.web + address)
        assert answer and answer.status < 500, address
        words = " ".join((self.page.locator("html").text_content() or "").split())
        said = {place: hostile.plain(self.planted.said[place])[:BEGINNING].strip() for place in places}
        return self.watch.look(self.page) + [f"{place} is not shown" for place, one in said.items() if one not in words]


@pytest.fixture
def world(sign_in: SignIn, web: str) -> Iterator[World]:
    page, watch = sign_in("/permissions/", role="admin"), Watch(web)
    planted = plant()
    User.objects.filter(username="olga").update(username=planted.say("me", 150))
    watch.over(page)
    yield World(planted, page, watch, web)
    assert watch.problems == []
    assert Session.objects.count() == 1, "somebody was signed out"


def nothing_wrong(found: dict[str, list[str]]) -> None:
    assert not any(found.values()), {address: problems for address, problems in found.items() if problems}


def test_every_page_shows_hostile_texts_and_does_nothing_with_them(world: World) -> None:
    pages = {address.format(**world.planted.about): said.split() for address, said in PAGES.items()}
    pages[f"/work/order/{quote('1001 ' + world.planted.said['wrong-key'])}/"] = ["wrong-key"]

    nothing_wrong({address: world.open(address, "me", *said) for address, said in pages.items()})


def test_the_administration_shows_them_too(world: World) -> None:
    world.watch.widths = ()  # Django's own tables scroll
    found = {}

    for model in {**dict.fromkeys(TABLES), User: None, Group: None, ApiToken: None}:
        table = f"{model._meta.app_label}_{model._meta.model_name}"
        addresses = [reverse(f"admin:{table}_changelist")]
        if (newest := model._default_manager.order_by("-pk").values_list("pk", flat=True).first()) is not None:
            addresses.append(reverse(f"admin:{table}_change", args=[newest]))
        for address in addresses:
            found[address] = world.open(address, *(OFFICE.get(table, "").split() if address == addresses[0] else ()))
    nothing_wrong(found)


def test_no_address_is_taken_at_its_word(world: World) -> None:
    asked_for = [
        path + ("" if path.endswith("&") else "?") + urlencode(dict.fromkeys(names.split(), ASKED))
        for path, names in QUESTIONS.items()
    ]
    lost = [
        f"/{place}{quote(ASKED, safe='')}/" for place in ("", "work/order/", "work/", "processes/", "dependencies/")
    ]

    nothing_wrong({address: world.open(address) for address in (*asked_for, *lost)})


def test_what_was_typed_comes_back_into_the_form_and_nowhere_else(world: World) -> None:
    world.page.goto(f"{world.web}/processes/order/")
    world.page.locator("#act-rollout summary").click()
    world.page.fill("#rollout-percent", "x")
    world.page.fill("#reason-rollout", hostile.text("typed", 1000))

    world.page.locator("#act-rollout button").click()

    expect(world.page.locator("#wrong-percent")).to_be_visible()
    assert "~typed~" in world.page.input_value("#reason-rollout")
    assert world.watch.look(world.page) == []


def test_the_sign_in_page_is_not_fooled_either(page: Page, web: str) -> None:
    watch = Watch(web)
    watch.over(page)
    page.goto(f"{web}/signin/?next={quote(ASKED)}")
    page.fill("[name=username]", ASKED)
    page.fill("[name=password]", ASKED)

    page.click("main button")

    expect(page.locator("[role=alert]")).to_be_visible()
    assert " ".join(page.input_value("[name=username]").split()) == hostile.plain(ASKED)
    assert watch.look(page) == []


def told(instance_id: str) -> None:
    """As the engine does after its commit."""
    publish.changed([(instance_id, 99)])


def test_what_arrives_while_a_page_is_open_is_as_harmless(world: World) -> None:
    page, late = world.page, hostile.text("late", 1000)
    instance = Instance.objects.get(key="1008").id
    arrivals: dict[str, Callable[[], object]] = {
        "/work/?tab=person": lambda: told(stuck(late[:60], reason=late, owner=late[:60], status=late[:60])),
        "/": lambda: breaking.act(principal("otto"), "hold-open", "erp", reason=late),
        "/repair/": lambda: repairing.note(principal("otto"), CAUSE, late),
        "/repair/?tab=callbacks": lambda: inbox.receive(late[:60], late[:200], late[:60], late, '{"a": "b"}'),
        "/dependencies/": lambda: breaking.act(principal("otto"), "hold-closed", "warehouse", reason=late),
        "/processes/order/": lambda: governing.roll_out(principal("ada", "admin"), "order", stable=1, reason=late),
        "/work/order/1008/": lambda: interventions.act(principal("otto"), "pause", instance, reason=late),
    }

    found = {}
    for address, arrive in arrivals.items():
        page.goto(world.web + address)
        arrive()
        expect(page.locator("main")).to_contain_text("~late~")
        found[address] = world.watch.look(page)
    nothing_wrong(found)


def test_a_sentence_keeps_its_order_whatever_is_quoted_in_it(sign_in: SignIn, web: str) -> None:
    gate.open_up()
    breaking.act(principal("otto"), "hold-open", "fraud", reason="\u202eevil \u2067 order")
    order = Desk().start("1001")
    interventions.act(principal("\u05d0\u05d1\u05d2"), "pause", order, reason="the customer called")
    Operation.objects.update(accepted_at=clock.now() - timedelta(hours=2))
    page = sign_in("/")

    for address, sentence in (("/dependencies/fraud/", ".breaker-words"), ("/repair/?tab=operations", ".asked li p")):
        page.goto(web + address)
        assert page.locator(sentence).first.evaluate(_LEFT_TO_RIGHT) == "", address


#: the first letter or digit of a sentence that stands left of one before it in the same line; Hebrew may
_LEFT_TO_RIGHT = """sentence => {
  const walker = document.createTreeWalker(sentence, NodeFilter.SHOW_TEXT), range = document.createRange();
  let last = null;
  for (let node = walker.nextNode(); node; node = walker.nextNode())
    for (let at = 0; at < node.data.length; at++) {
      if (!/[a-z0-9\\u05d0-\\u05ea]/i.test(node.data[at])) continue;
      range.setStart(node, at);
      range.setEnd(node, at + 1);
      const { left, bottom } = range.getBoundingClientRect();
      const hebrew = node.data[at] >= "\\u05d0", turned = last && left < last.left && !(hebrew && last.hebrew);
      if (turned && Math.abs(last.bottom - bottom) < 8) return node.data.slice(at);
      last = { left, bottom, hebrew };
    }
  return last ? "" : "there is no sentence";
}"""


def test_all_of_the_corpus_is_planted(transactional_db: None) -> None:
    said = "\n".join(plant().said.values())

    assert [one for one in hostile.CORPUS if one not in said] == []


def test_what_becomes_of_an_unescaped_text_is_noticed(page: Page, web: str) -> None:
    page.goto(f"{web}/signin/")
    around = (
        '<title>{0}</title><textarea>{0}</textarea><p>{0}</p><input value="{0}"><input value=\'{0}\'><a href="{0}">'
    )

    assert [one for one in hostile.MARKUP if not foreign(page, around.format(one))] == []
