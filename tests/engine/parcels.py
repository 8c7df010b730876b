"""Starts the test processes and plays worker, pump and post, through the engine's own entrances."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from tests.engine.flows_app.flows import raw
from tests.waiting import wait_until
from tests.worlds import Kept
from workflows import interventions, registry
from workflows.core.state import Direction
from workflows.engine import delivery, executor, inbox, sessions, store, sweeper
from workflows.engine.inbox import Received
from workflows.engine.store import Claim
from workflows.models import Work

_numbers = count(1)


def started(workflow: str = "parcel", key: str | None = None, **options: Any) -> Kept:
    """A new instance."""
    name = key or f"{workflow}-{next(_numbers)}"
    changes = {field: options.pop(field) for field in ("weight", "owner") if field in options}
    result = interventions.start(
        interventions.system(), workflow, raw(name, **changes), correlation_id=f"c-{name}", **options
    )
    return Kept(result.id)


def work(pool: str = "default", instance: Kept | None = None) -> int:
    """A worker looks into a pool; returns how many attempts it made."""
    return executor.look(pool, instance.id if instance else None)


def work_until(kept: Kept, *statuses: str, pools: tuple[str, ...] = ("default", "quarantine", "slow")) -> None:
    """Workers look into every pool until the instance has one of these statuses."""

    def there() -> bool:
        for pool in pools:
            work(pool)
        return kept.status in statuses

    wait_until(there, f"{kept.id} is one of {statuses}; it is {kept.status}")


def claim(kept: Kept, pool: str = "default") -> Claim:
    """A lease of the instance's oldest ready work."""
    found = store.claim_one(sessions.current().id, kept.id, pool, registry.capabilities(), [])
    assert found is not None, f"nothing to claim in {pool}: {kept.work}"
    return found


def lose(kept: Kept, why: str = sweeper.DEAD) -> None:
    """Every attempt that is running is taken for lost."""
    for row in [row for row in kept.work if row.session_id is not None]:
        sweeper.declare_lost(row.instance_id, row.step, Direction(row.direction), row.token, why)


def finish(held: Claim) -> None:
    """The worker that holds this lease executes and reports, as after a long sleep."""
    executor._run(held, sessions.current())


def taken(key: str | None = None) -> Kept:
    """A parcel that was taken with both hands and waits for its confirmation."""
    kept = started(key=key)
    work()
    return kept


def posted(kept: Kept, webhook_id: str = "w1", **answer: Any) -> Received:
    """The confirmation of this parcel arrives, and is not handed over yet."""
    body = json.dumps({"accepted": True, **answer})
    key = f"L-{kept.row.key}"
    return inbox.receive("post", f"{key}/{webhook_id}", "post.confirmed", key, body)


def confirmed(kept: Kept, webhook_id: str = "w1", **answer: Any) -> Received:
    """The confirmation arrives and is handed over."""
    received = posted(kept, webhook_id, **answer)
    delivery.deliver(received.id)
    return received


def sent(key: str | None = None) -> Kept:
    """A parcel from start to its good end."""
    kept = taken(key)
    confirmed(kept)
    work()
    assert kept.lifecycle == "completed", kept.history
    return kept


def ready_now(kept: Kept) -> None:
    """Pauses between attempts are over."""
    Work.objects.filter(instance_id=kept.id).update(ready_at=kept.row.started_at)
