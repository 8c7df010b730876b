"""F14: callbacks come early, twice, late, out of order, contradict each other, or are not what they claim to be."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
from standardwebhooks import Webhook

from tests.chaos.records import plain
from tests.chaos.scene import Fault, Scene
from tests.demo.order_classes import ENDINGS, OrderClass

#: no answer comes for so long that the ERP is asked instead (20 minutes at the demo's pace), and some more (seconds)
UNANSWERED = 60.0


@dataclass(frozen=True)
class Sent:
    """What the console said to a message."""

    status: int
    state: str


@dataclass
class Postman:
    """Plays the ERP's side of the callbacks: knows its secret, and what it should not know."""

    scene: Scene
    client: httpx.Client
    #: what became of each order's messages must be one of these multisets of states
    wanted: dict[str, Sequence[list[str]]] = field(default_factory=dict)

    def send(
        self, reference: str, *, id_: str = "", accepted: bool = True, data: Any = None, kind: str = "erp.registered",
        secret: str = "", source: str = "erp", age: timedelta = timedelta(0), tampered: bool = False,
    ) -> Sent:  # fmt: skip
        """One signed message about an order, as the ERP would send it or as somebody else might."""
        answer = {"reference": reference, "erp_number": "4500", "accepted": accepted, "reason": None}
        body = json.dumps({"type": kind, "key": reference, "data": answer if data is None else data})
        webhook_id, at = id_ or f"msg_{uuid4().hex}", self._now() - age
        signature = Webhook(secret or self._secret()).sign(webhook_id, at, body)
        headers = {
            "content-type": "application/json",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signature,
        }
        sent = body.replace("4500", "6666") if tampered else body
        response = self.client.post(f"/api/v1/callbacks/{source}", content=sent, headers=headers)
        return Sent(response.status_code, response.json().get("state", "") if response.is_success else "")

    def expect(self, what: str, sent: Sent, *statuses: int) -> None:
        self.scene.struck(what)
        if sent.status not in statuses:
            self.scene.broken(f"{what}: answered {sent.status}, not {' or '.join(map(str, statuses))}")

    def wait_for(self, reference: str, *states: str) -> bool:
        """Until the order's wait is in one of these states. False: it never was."""
        until = time.monotonic() + UNANSWERED
        while time.monotonic() < until:
            found = self.scene.installation.ask("SELECT state FROM workflows_wait WHERE match = %s", reference)
            if found and found[0][0] in states:
                return True
            threading.Event().wait(0.1)
        self.scene.broken(f"the wait for {reference} never was {' or '.join(states)}")
        return False

    def _now(self) -> datetime:
        now: datetime = self.scene.installation.ask("SELECT clock_timestamp()")[0][0]
        return now

    def _secret(self) -> str:
        return (self.scene.installation.data_dir / "webhook_secret").read_text().strip()


def _early(post: Postman, reference: str, order: str) -> None:
    """Before the ERP's own answer to the submission, so before anybody waits."""
    sent = post.send(reference)
    if not post.scene.installation.ask("SELECT FROM workflows_wait WHERE match = %s", reference):
        post.expect("early", sent, 202)
    post.wanted[reference] = [["applied"]]


def _twice(post: Postman, reference: str, order: str) -> None:
    """Eight at once: four times the same message, and four that only say the same."""
    post.wait_for(reference, "open")
    same = f"msg_{uuid4().hex}"
    with ThreadPoolExecutor(8) as pool:
        repeated = [pool.submit(post.send, reference, id_=same) for _ in range(4)]
        others = [pool.submit(post.send, reference) for _ in range(4)]
    statuses = sorted(each.result().status for each in repeated)
    if statuses != [200, 200, 200, 202]:
        post.scene.broken(f"one message sent four times was answered {statuses}")
    post.scene.struck("the same message again", 3)
    for each in others:
        post.expect("another message that says the same", each.result(), 202)
    post.wanted[reference] = [["applied", *["duplicate"] * 4]]


def _contradicted(post: Postman, reference: str, order: str) -> None:
    """First yes, then no."""
    post.wait_for(reference, "open")
    post.expect("yes", post.send(reference), 202)
    post.expect("no after yes", post.send(reference, accepted=False), 202)
    post.wanted[reference] = [["applied", "conflicting"]]
    _expect_by_first(post, reference, order)


def _refused(post: Postman, reference: str, order: str) -> None:
    """First no, then yes: what was done is corrected, and stays so."""
    post.wait_for(reference, "open")
    post.expect("no", post.send(reference, accepted=False), 202)
    post.expect("yes after no", post.send(reference), 202)
    post.wanted[reference] = [["applied", "conflicting"]]
    _expect_by_first(post, reference, order)


def _expect_by_first(post: Postman, reference: str, order: str) -> None:
    """Which of two messages wins is decided where they meet; the order must end as the one that was applied says."""
    post.wait_for(reference, "satisfied", "closed")
    query = "SELECT body FROM workflows_message WHERE key = %s AND state = 'applied'"
    found = post.scene.installation.ask(query, reference)
    if found and not json.loads(found[0][0])["accepted"]:
        post.scene.expected[order] = ENDINGS[OrderClass.CORRECTED]


def _late(post: Postman, reference: str, order: str) -> None:
    """After the ERP was asked instead."""
    if post.wait_for(reference, "closed"):
        post.expect("late", post.send(reference), 202)
    post.wanted[reference] = [["late"]]


def _out_of_order(post: Postman, reference: str, order: str) -> None:
    """Held back for some seconds, so that later ones overtake it."""
    post.wait_for(reference, "open")
    threading.Event().wait(post.scene.luck.uniform(1, 8))
    post.expect("out of order", post.send(reference), 202)
    post.wanted[reference] = [["applied"]]


def _forged(post: Postman, reference: str, order: str) -> None:
    """Signed by somebody else, changed on the way, or kept for too long: not even stored."""
    post.wait_for(reference, "open")
    foreign = "whsec_c29tZWJvZHktZWxzZS1lbnRpcmVseQ=="
    post.expect("bad signature", post.send(reference, secret=foreign, accepted=False), 401)
    post.expect("bad signature", post.send(reference, tampered=True), 401)
    post.expect("bad signature", post.send(reference, age=timedelta(minutes=10), accepted=False), 401)
    post.expect("bad signature", post.send(reference, source="nobody", accepted=False), 401)
    post.expect("after bad signatures", post.send(reference), 202)
    post.wanted[reference] = [["applied"]]


def _broken(post: Postman, reference: str, order: str) -> None:
    """A body that breaks the contract is kept and shown; the next one counts."""
    post.wait_for(reference, "open")
    post.expect("broken body", post.send(reference, data={"accepted": "perhaps"}), 202)
    post.expect("after a broken body", post.send(reference), 202)
    post.wanted[reference] = [["applied", "invalid"], ["applied", "conflicting"]]


STORIES: Sequence[Callable[[Postman, str, str], None]] = (
    _early, _twice, _contradicted, _late, _out_of_order, _forged, _broken, _refused,
)  # fmt: skip


def _misdeliver(scene: Scene) -> None:
    """Each order's callbacks go astray in one of eight ways; the ERP's own never leave it."""
    told: set[str] = set()
    with scene.installation.client("support") as client, ThreadPoolExecutor(24, "post") as pool:
        post, running = Postman(scene, client), []
        while len(told) < len(scene.records) and not scene.pause(0.05):
            for reference, order in _submitted(scene):
                if reference not in told:
                    story = STORIES[len(told) % len(STORIES)]
                    told.add(reference)
                    running.append(pool.submit(story, post, reference, order))
        _to_nobody(post)
        for each in running:
            each.result()
    scene.notes["messages"] = post.wanted


def _submitted(scene: Scene) -> list[tuple[str, str]]:
    """References the ERP has given out, oldest first. It has them before it answers."""
    store = sqlite3.connect(f"file:{scene.installation.data_dir / 'simulators.sqlite3'}?mode=ro", uri=True)
    try:
        return store.execute("SELECT reference, order_id FROM erp_orders ORDER BY rowid").fetchall()
    finally:
        store.close()


def _to_nobody(post: Postman) -> None:
    """About orders the ERP never had, and of a kind nobody waits for."""
    for number in range(5):
        post.expect("to nobody", post.send(f"ERP-nobody-{number}"), 202)
        post.expect("to nobody", post.send(f"ERP-nobody-{number}", kind="erp.strange"), 202)


def _each_disposed(scene: Scene) -> None:
    """What became of every order's messages; those to nobody are still kept."""
    states: dict[str, list[str]] = {}
    for key, state in scene.installation.ask("SELECT key, state FROM workflows_message ORDER BY key, state"):
        states.setdefault(key, []).append(state)
    for reference, wanted in scene.notes["messages"].items():
        if states.get(reference, []) not in wanted:
            scene.broken(f"messages about {reference} became {states.get(reference)}, not {wanted[0]}")
    strangers = [key for key in states if key.startswith("ERP-nobody-")]
    if len(strangers) != 5 or any(states[key] != ["pending", "pending"] for key in strangers):
        scene.broken(f"messages to nobody became {[states[key] for key in strangers]}")


MISDELIVERED = Fault(
    name="F14",
    what="callbacks early, twice, late, out of order, contradicting, forged, broken, to nobody",
    phases="g",
    bound="one of them counts; each has a disposition",
    strike=_misdeliver,
    needs=(
        *("early", "the same message again", "another message that says the same", "no after yes", "yes after no"),
        *("late", "out of order", "bad signature", "broken body", "to nobody"),
    ),
    judge=_each_disposed,
    dials={"erp": {"latency_ms": 1500, "callback": {"drop_rate": 1.0, "delay_s": 0.5}}},
    orders=48,
    choice=plain,
    seconds=60,
)
