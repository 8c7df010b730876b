"""F15: one question is approved, rejected, left to its deadline and cancelled away at the same moment."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

import httpx

from tests.chaos import people
from tests.chaos.records import dear
from tests.chaos.scene import Fault, Scene
from tests.demo.order_classes import Ending

#: clicks on one question, by two people who do not agree
CLICKS = 16
#: business time passes so much faster that a question of three hours waits for ten seconds
PACE = 1080
#: what somebody who clicks may be told: it counts, it was decided already, or you have voted
TOLD = (200, 403, 409)
#: how an order ends by what became of its question
ENDINGS = {
    "approved": Ending("completed", "Delivered"),
    "rejected": Ending("failed", "OrderRejected"),
    "timed_out": Ending("failed", "OrderRejected"),
}
CANCELLED = (Ending("cancelled", "OrderCancelled"), Ending("failed", "OrderRejected"))


def _click(scene: Scene) -> None:
    """Every question in one of four ways, as soon as it is open or at the moment its time runs out."""
    seen: set[str] = set()
    with ExitStack() as stack, ThreadPoolExecutor(96, "click") as pool:
        names, running = (*people.DECIDERS, "operator"), list[Future[None]]()
        clients = {name: stack.enter_context(scene.installation.client(name)) for name in names}
        while not scene.pause(0.1):
            for approval in people.waiting(clients[people.DECIDERS[0]]):
                if approval["id"] not in seen:
                    running += _clicks(scene, clients, approval, len(seen), pool)
                    seen.add(approval["id"])
        for each in running:
            each.result()


def _clicks(
    scene: Scene, clients: dict[str, httpx.Client], approval: dict[str, Any], number: int, pool: ThreadPoolExecutor
) -> list[Future[None]]:
    """Everybody clicks when the barrier falls; a cancellation falls with it every third time."""
    cancels = number % 3 == 0
    barrier = threading.Barrier(CLICKS + cancels)
    wait = _until_due(scene, approval) if number % 2 else 0.0
    running = []
    for n in range(CLICKS):
        verdict, who = ("approve", "reject")[n % 4 // 2], people.DECIDERS[n % 2]
        running.append(pool.submit(_vote, scene, clients[who], approval, verdict, barrier, wait))
    if cancels:
        running.append(pool.submit(_cancel, scene, clients["operator"], approval, barrier, wait))
    return running


def _until_due(scene: Scene, approval: dict[str, Any]) -> float:
    """Seconds until its time runs out, a little more or less."""
    now: datetime = scene.installation.ask("SELECT clock_timestamp()")[0][0]
    left: timedelta = datetime.fromisoformat(approval["due_at"]) - now
    return max(left.total_seconds() + scene.luck.uniform(-0.3, 0.3), 0.0)


def _vote(
    scene: Scene, client: httpx.Client, approval: dict[str, Any], verdict: str, barrier: threading.Barrier, wait: float
) -> None:
    threading.Event().wait(wait)
    barrier.wait(60)
    told = people.decide(client, approval, verdict)
    scene.struck(f"{verdict}: {told}")
    if told == "200":
        scene.notes.setdefault(approval["id"], []).append(verdict)
    elif told.isdigit() and int(told) not in TOLD:
        scene.broken(f"{verdict} of {approval['key']} was answered {told}")


def _cancel(
    scene: Scene, client: httpx.Client, approval: dict[str, Any], barrier: threading.Barrier, wait: float
) -> None:
    threading.Event().wait(wait)
    barrier.wait(60)
    try:
        answer = client.post(
            f"/api/v1/instances/{approval['instance']}/actions/cancel", json={"reason": "The customer called"}
        )
    except httpx.HTTPError as error:
        scene.struck(f"cancel: {type(error).__name__}")
        return
    scene.struck(f"cancel: {answer.status_code}")
    if answer.status_code not in (202, 409):
        scene.broken(f"cancelling {approval['key']} was answered {answer.status_code}")


def _decided_once(scene: Scene) -> None:
    """At most one click counted, the question is as it says, and the order goes the way of its question."""
    for id_, key, state, votes, cancelled in scene.installation.ask(_QUESTIONS):
        scene.struck(state)
        counted = scene.notes.get(id_, [])
        if len(counted) > 1 or votes > 1:
            scene.broken(f"{key} was decided {max(len(counted), votes)} times: {', '.join(counted)}")
        if counted and state != {"approve": "approved", "reject": "rejected"}[counted[0]]:
            scene.broken(f"{key}: somebody was told that {counted[0]} counts, and the question is {state}")
        if cancelled:
            scene.expected[key] = _cancelled_as(scene, key)
        elif state in ENDINGS:
            scene.expected[key] = ENDINGS[state]
        else:
            scene.broken(f"the question about {key} is {state}")


def _cancelled_as(scene: Scene, key: str) -> Ending:
    """A cancelled order is corrected, unless it had ended before; either is fine, nothing else is."""
    query = "SELECT lifecycle, status FROM workflows_instance WHERE key = %s"
    found = Ending(*scene.installation.ask(query, key)[0])
    return found if found in CANCELLED else CANCELLED[0]


_QUESTIONS = """
SELECT a.id::text, a.key, a.state, (SELECT count(*) FROM approvals_vote v WHERE v.approval_id = a.id),
       EXISTS (SELECT FROM workflows_event e WHERE e.instance_id = a.subject AND e.type = 'CorrectionBegan'
               AND e.data->>'cause' = 'cancelled')
FROM approvals_approval a ORDER BY a.opened_at
"""

DECIDED = Fault(
    name="F15",
    what=f"{CLICKS} clicks at once: approve and reject, with a cancellation, at the deadline",
    phases="h",
    bound="decided once; the order goes that way",
    strike=_click,
    needs=("approve: 200", "reject: 200", "cancel: 202", "approved", "rejected", "timed_out", "h kill9"),
    judge=_decided_once,
    failpoints="h:kill9/12",
    orders=40,
    choice=dear,
    seconds=45,
    pace=PACE,
    decided=False,
)
