"""A console in which everything that comes from outside or from people is hostile."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group, User

from breakers.models import Breaker
from tests import hostile
from tests.deciders import asked, in_team
from tests.engine.desk import Desk
from tests.stories import an_instance
from tests.worlds import person
from workflows import audit, interventions
from workflows.audit import Act
from workflows.core import facts
from workflows.core.state import Direction
from workflows.engine import clock, delivery, gate, inbox
from workflows.interventions import Principal, breaking, governing, repairing, strays, tokens
from workflows.interventions.deciding import decide
from workflows.models import IdempotentRequest, Instance, Subscription

CAUSE = "order/charge/payments/permanent"
LINE = {"sku": "85123A", "quantity": 6, "unit_price": 2.55}


@dataclass
class Planted:
    """What was said, by the name of the place, and what pages are about."""

    said: dict[str, str] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)

    def say(self, place: str, most: int = 2000) -> str:
        """A hostile text for this place, to be looked for later."""
        return self.said.setdefault(place, hostile.text(place, most))

    def boss(self, place: str = "colleague") -> Principal:
        """Somebody with all rights and a hostile name."""
        return interventions.user(in_team(person(self.say(place, 150), "admin")))


def plant() -> Planted:
    """Do everything that people and systems can do, in the worst words."""
    found, desk = Planted(), Desk()
    gate.open_up()
    for grow in (_stuck, _stories, _decisions, _corrections, _callbacks, _systems, _processes, _offices, _rows):
        grow(found, desk)
    return found


def _order(found: Planted, desk: Desk, key: str) -> UUID:
    """An order whose every free text is hostile."""
    line = {**LINE, "sku": found.say("sku", 40), "description": found.say("description", 500)}
    return desk.start(key, country=found.say("country", 200), customer_id=found.say("customer", 40), lines=[line])


def _stuck(found: Planted, desk: Desk) -> None:
    order = _order(found, desk, "1001")
    desk.play(order, until="reserve")
    desk.fail(desk.claimed(order, "charge"), found.say("error"), retryable=False)
    repairing.take(found.boss(), CAUSE)
    repairing.note(found.boss(), CAUSE, found.say("note", 4000))
    interventions.act(
        found.boss(), "reassign", order, reason=found.say("reassigning"), data={"owner": found.say("owner", 100)}
    )


def _stories(found: Planted, desk: Desk) -> None:
    refused = _order(found, desk, "1002")
    claim = desk.claimed(refused, "risk")
    no = facts.RefusedBy(
        step="risk", direction=Direction.FORWARD, token=claim.token, started_at=claim.leased_at,
        code=found.say("code", 60), reason=found.say("refusal"),
    )  # fmt: skip
    desk.report(claim, no)
    entered = _order(found, desk, "1003")
    desk.play(entered, until="reserve")
    desk.fail(desk.claimed(entered, "charge"), "closed", retryable=False)
    values = {"charge_id": found.say("entered"), "amount": 15.3}
    interventions.act(found.boss(), "complete", entered, reason=found.say("entering"), step="charge", data=values)
    interventions.act(found.boss(), "pause", entered, reason=found.say("pausing"))
    with contextlib.suppress(interventions.InvalidInput):
        desk.start("1001 " + found.say("wrong-key", 150), country="")


def _decisions(found: Planted, desk: Desk) -> None:
    line = {**LINE, "description": found.say("description", 500)}
    order = {"country": found.say("country", 200), "customer_id": found.say("customer", 40), "lines": [line]}
    found.about["question"] = str(asked(desk, "1004", by=found.boss("starter"), **order).id)
    decided = asked(desk, "1005", **order)
    decide(found.boss("decider"), "reject", decided.id, comment=found.say("comment"))
    found.about["decided"] = str(decided.id)


def _corrections(found: Planted, desk: Desk) -> None:
    order = _order(found, desk, "1006")
    desk.play(order)
    interventions.act(found.boss(), "cancel", order, reason=found.say("cancelling"))
    desk.succeed(desk.claimed(order, "alert_order_desk"))
    desk.fail(desk.claimed(order, "submitted"), found.say("correction-error"), retryable=False)
    done = _order(found, desk, "1007")
    desk.play(done)
    interventions.act(found.boss(), "cancel", done, reason="the customer called")
    desk.succeed(desk.claimed(done, "alert_order_desk"))
    desk.fail(desk.claimed(done, "submitted"), "closed", retryable=False)
    evidence = {"evidence": found.say("evidence")}
    interventions.act(
        found.boss(), "complete", done, reason=found.say("done-outside", 500), step="submitted", data=evidence
    )


def _callbacks(found: Planted, desk: Desk) -> None:
    waiting = _order(found, desk, "1008")
    desk.play(waiting)
    answer = {"reference": "ERP-1008", "erp_number": found.say("erp-number"), "accepted": False}
    told = json.dumps({**answer, "reason": found.say("answer")})
    delivery.deliver(inbox.receive("erp", "w1", "erp.registered", "ERP-1008", told).id)
    body = {found.say("field", 60): [found.say("body"), hostile.ENDLESS], "reason": found.say("body-reason")}
    inbox.receive("erp", found.say("webhook", 200), "erp.registered", found.say("key", 200), json.dumps(body))
    aside = inbox.receive(found.say("source", 60), "w2", found.say("type", 60), found.say("aside-key"), '"pwned"')
    strays.ignore(found.boss(), aside.id, reason=found.say("ignoring"))


def _systems(found: Planted, desk: Desk) -> None:
    breaking.act(found.boss(), "hold-open", "fraud", reason=found.say("holding"))
    now = clock.now()
    Breaker.objects.filter(name="payments").update(
        state="open", next_probe_at=now + timedelta(hours=1), last_error=found.say("system-error", 500)
    )


def _processes(found: Planted, desk: Desk) -> None:
    governing.roll_out(found.boss(), "order", stable=2, candidate=1, percent=10, reason=found.say("rollout"))
    governing.pause_intake(found.boss(), "order", reason=found.say("intake"))


def _offices(found: Planted, desk: Desk) -> None:
    account, now = User.objects.get(username=found.said["colleague"]), clock.now()
    account.groups.add(Group.objects.create(name=found.say("group", 150)))
    tokens.issue(account, by=found.boss(), label=found.say("token", 100), reason=found.say("token-reason"))
    Subscription.objects.create(
        name=found.say("subscription", 100), url="https://crm.example", secret="whsec_1", created_at=now
    )
    IdempotentRequest.objects.create(
        scope=f"user:{found.say('scope', 80)}", key=found.say("idempotency", 120), fingerprint="f", at=now,
        request=f"POST {found.say('request', 200)}", status=200, body=found.say("first-answer"), answered_at=now,
    )  # fmt: skip
    names = ("actor", "action", "through", "correlation", "audit-reason")
    audit.record(
        Act("client", *(found.say(name, 200) for name in names)), allowed=False, refusal=found.say("audit-refusal"),
        workflow="order", target=found.say("target"), before={found.say("before-name", 60): found.say("before")},
        after={found.say("after-name", 60): [found.say("after")]},
    )  # fmt: skip


def _rows(found: Planted, desk: Desk) -> None:
    """What no contract lets in today: a status, a stage, a step, a key."""
    said: dict[str, Any] = {name: found.say(f"raw-{name}", 60) for name in ("status", "stage", "step", "owner")}
    an_instance("1009", reason=found.say("raw-reason"), initiator=found.say("initiator", 60), **said)
    an_instance(found.say("raw-key", 60), version=1, needs_person=True, reason=found.say("raw-reason"), **said)
    found.about["row"] = str(Instance.objects.get(key="1009").id)
