"""What each step of a return does: find the order, wait for its end, then correct it whole or in part."""

from __future__ import annotations

from uuid import UUID

from workflows import interventions
from workflows.demo.contracts import (
    Correction,
    Match,
    Order,
    Original,
    Refunded,
    Restocked,
    Return,
    ReturnedLine,
)
from workflows.demo.matching import match
from workflows.dsl import Call, PersonNeeded, Refused, TemporaryFailure, seconds
from workflows.models import Event, Instance, Payload

_ENDED = ("completed", "compensated", "failed", "cancelled")


def match_original(returned: Return, call: Call) -> Match:
    """Find the one order that came back, or say why there is none or not just one."""
    records = _earlier_records(returned)
    verdict = match(returned, [order for _, order in records])
    if verdict.kind == "none":
        raise Refused("ReturnUnmatched", f"No order fits this return: {verdict.reason}.")
    if verdict.kind in ("several", "unclear"):
        raise PersonNeeded(
            f"It is not clear which order came back: {verdict.reason}.", {"candidates": list(verdict.candidates)}
        )
    instance_id, order = next((id_, order) for id_, order in records if order.order_id == verdict.candidates[0])
    lines = [
        ReturnedLine(sku=line.sku, quantity=-line.quantity, unit_price=line.unit_price)
        for line in returned.lines
        if line.quantity < 0
    ]
    amount = round(sum(line.quantity * line.unit_price for line in lines), 2)
    return Match(kind=verdict.kind, order_id=order.order_id, instance_id=str(instance_id), amount=amount, lines=lines)


def _earlier_records(returned: Return) -> list[tuple[UUID, Order]]:
    """The same customer's orders and returns placed before this one, oldest first."""
    if returned.customer_id is None:
        return []
    instances = Instance.objects.filter(
        workflow__in=("order", "return"), attributes__contains={"customer_id": returned.customer_id}
    ).values_list("id", flat=True)
    bodies = Payload.objects.filter(instance_id__in=list(instances), seq=1, body__isnull=False)
    records = [(payload.instance_id, Order.model_validate_json(payload.body or "")) for payload in bodies]
    mine = (returned.placed_at, returned.order_id)
    earlier = [(id_, order) for id_, order in records if (order.placed_at, order.order_id) < mine]
    return sorted(earlier, key=lambda pair: (pair[1].placed_at, pair[1].order_id))


def await_original(match: Match) -> Original:
    """Wait until the order has ended: what is still running cannot be returned yet."""
    instance = Instance.objects.get(id=UUID(match.instance_id))
    if instance.lifecycle not in _ENDED:
        raise TemporaryFailure(f"order {match.order_id} has not ended yet")
    charged = Event.objects.filter(instance_id=instance.id, type="StepSucceeded", step="charge").first()
    if match.kind == "partial" and instance.lifecycle != "completed":
        raise PersonNeeded(
            f"Order {match.order_id} ended as {instance.lifecycle}, so there may be nothing left to return.",
            {"candidates": [match.order_id]},
        )
    return Original(
        lifecycle=instance.lifecycle, status=instance.status, charge_key=charged.data["key"] if charged else ""
    )


def restock_lines(returned: Return, match: Match, call: Call) -> Restocked:
    """Put what came back into stock."""
    lines = [{"sku": line.sku, "quantity": line.quantity} for line in match.lines]
    body = {"return_id": returned.order_id, "order_id": match.order_id, "lines": lines}
    return Restocked.model_validate(call.http.post("/warehouse/restocks", body))


def take_out_again(match: Match, restock: Restocked | None, call: Call) -> Correction:
    """Set aside what was put into stock by mistake; does nothing if it never was."""
    if restock is None:
        return Correction(done=False)
    lines = [{"sku": line.sku, "quantity": line.quantity} for line in match.lines]
    call.http.post("/warehouse/reservations", {"order_id": match.order_id, "lines": lines})
    return Correction(done=True)


def refund_lines(match: Match, original: Original, call: Call) -> Refunded:
    """Give back the money for what came back."""
    body = {
        "order_id": match.order_id,
        "charge_key": original.charge_key,
        "charge_id": None,
        "amount": match.amount,
    }
    return Refunded.model_validate(call.http.post("/payments/refunds", body))


def correct_original(match: Match, call: Call) -> None:
    """Ask for the correction of the whole order. Repeating it is harmless: it is asked only while it is completed."""
    instance = Instance.objects.get(id=UUID(match.instance_id))
    if instance.lifecycle == "completed":
        interventions.act(
            interventions.policy(f"return {call.business_key}"),
            "compensate",
            instance.id,
            reason=f"Everything of order {match.order_id} came back with return {call.business_key}",
            correlation_id=call.correlation_id,
        )


def confirm_corrected(match: Match) -> Original:
    """Wait until the order has been corrected."""
    instance = Instance.objects.get(id=UUID(match.instance_id))
    if instance.lifecycle == "completed" or instance.lifecycle not in _ENDED:
        raise TemporaryFailure(f"order {match.order_id} is still being corrected", after=seconds(1))
    return Original(lifecycle=instance.lifecycle, status=instance.status, charge_key="")
