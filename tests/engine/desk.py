"""An order desk for tests: starts real orders and plays the worker by hand, one attempt at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from workflows import interventions, registry
from workflows.core import facts
from workflows.core.state import Direction
from workflows.demo import contracts
from workflows.engine import apply, attempt, clock, delivery, ids, inbox, store
from workflows.engine.apply import Change
from workflows.engine.store import Claim
from workflows.models import Duty, Instance, Session

_numbers = count(600_000)
#: rows of a session that is alive for the whole test
_LONG = timedelta(hours=1)


def order(key: str | None = None, **changes: Any) -> dict[str, Any]:
    """An order as the shop sends it."""
    line = {"sku": "85123A", "description": "HEART T-LIGHT HOLDER", "quantity": 6, "unit_price": 2.55}
    base = {
        "order_id": key or str(next(_numbers)),
        "placed_at": "2010-12-01T08:26:00Z",
        "customer_id": "17850",
        "country": "United Kingdom",
        "currency": "GBP",
        "cancellation": False,
        "total": 15.3,
        "lines": [line],
    }
    return {**base, **changes}


def _answers(key: str) -> dict[str, BaseModel]:
    return {
        "stock": contracts.StockLevels(available=True, missing=[]),
        "risk": contracts.Risk(score=0.1, reasons=[]),
        "reserve": contracts.Reservation(reservation_id=f"RES-{key}"),
        "charge": contracts.Charge(charge_id=f"CH-{key}", amount=15.3),
        "submitted": contracts.Submission(reference=f"ERP-{key}"),
        "delivery": contracts.Shipment(shipment_id=f"SH-{key}", tracking="1Z"),
    }


@dataclass
class Desk:
    """One worker session and a pump that did its rounds just now."""

    session_id: UUID = field(default_factory=ids.new_id)

    def __post_init__(self) -> None:
        now = clock.read()
        for kind, session_id in (("worker", self.session_id), ("pump", ids.new_id())):
            Session.objects.create(
                id=session_id,
                kind=kind,
                host="desk",
                process=1,
                pools=list(registry.pools()),
                capabilities=list(registry.capabilities()),
                started_at=now - _LONG,
                alive_until=now + _LONG,
            )
        for name in ("timers", "hints", "sweep", "outbox", "verification", "rollups", "sealing"):
            Duty.objects.create(name=name, done_at=now + _LONG)

    def start(self, key: str | None = None, *, workflow: str = "order", **changes: Any) -> UUID:
        raw = order(key, **changes)
        return interventions.start(interventions.system(), workflow, raw, correlation_id=f"c-{raw['order_id']}").id

    def claim(self, instance_id: UUID, pool: str = "default") -> Claim | None:
        return store.claim_one(self.session_id, instance_id, pool, registry.capabilities(), [])

    def claimed(self, instance_id: UUID, step: str, pool: str = "default") -> Claim:
        """The lease of this step; leases of other steps taken on the way are given back."""
        others = []
        while (claim := self.claim(instance_id, pool)) is not None and claim.step != step:
            others.append(claim)
        for other in others:
            store.unclaim(other)
        assert claim is not None, f"{step} cannot be claimed now"
        return claim

    def succeed(self, claim: Claim, *, late: bool = False) -> None:
        """Report the step's usual answer."""
        output = _answers(claim.row.state.key).get(claim.step) if claim.direction is not Direction.COMPENSATE else None
        definition = registry.find(claim.row.workflow, claim.row.version)
        values = attempt.extracted(definition, claim.step, output) if output else {}
        fact = facts.Succeeded(has_output=output is not None, values=values, late=late, **_common(claim))
        self.report(claim, fact, output.model_dump_json() if output else None)

    def fail(self, claim: Claim, error: str = "did not answer", **more: Any) -> None:
        self.report(claim, facts.Failed(error=error, kind="TemporaryFailure", **more, **_common(claim)))

    def refuse(self, claim: Claim) -> None:
        self.report(claim, facts.RefusedBy(code="No", reason="The business says no", **_common(claim)))

    def report(self, claim: Claim, fact: facts.Fact, body: str | None = None) -> None:
        change = Change(fact, body, token=claim.token, finished=(claim.step, claim.direction))
        apply.change(claim.row.id, lambda row, leases: change)

    def play(self, instance_id: UUID, until: str = "") -> None:
        """Carry out everything that is ready, up to and including this step; everything there is without a name."""
        while (claim := self.claim(instance_id)) is not None:
            self.succeed(claim)
            if claim.step == until:
                return

    def answer(self, instance_id: UUID, *, accepted: bool = True, webhook_id: str = "w1") -> UUID:
        """The ERP's callback arrives and is delivered."""
        reference = f"ERP-{Instance.objects.get(id=instance_id).key}"
        answer = contracts.ErpAnswer(
            reference=reference, erp_number="45", accepted=accepted, reason=None if accepted else "limit"
        )
        received = inbox.receive(
            "erp", f"{reference}-{webhook_id}", "erp.registered", reference, answer.model_dump_json()
        )
        delivery.deliver(received.id)
        return received.id

    def delivered(self, key: str | None = None) -> UUID:
        """An order from start to its good end."""
        instance_id = self.start(key)
        self.play(instance_id)
        self.answer(instance_id)
        self.play(instance_id)
        return instance_id


def _common(claim: Claim) -> dict[str, Any]:
    return {"step": claim.step, "direction": claim.direction, "token": claim.token, "started_at": claim.leased_at}
