"""What each step of an order does: plain typed functions that call the far side and say no in business words."""

from __future__ import annotations

from workflows.demo.contracts import (
    Charge,
    Correction,
    ErpAnswer,
    Order,
    Reservation,
    Risk,
    Shipment,
    StockLevels,
    Submission,
)
from workflows.dsl import Call, Pending, Refused


def check_stock(order: Order, call: Call) -> StockLevels:
    """Is everything there?"""
    answer = call.http.post("/warehouse/stock", {"order_id": order.order_id, "lines": goods(order)})
    levels = StockLevels.model_validate(answer)
    if not levels.available:
        raise Refused("OutOfStock", f"Not in stock: {', '.join(levels.missing)}")
    return levels


def score_fraud(order: Order, call: Call) -> Risk:
    """How likely is it that nobody will pay?"""
    body = {
        "order_id": order.order_id,
        "customer_id": order.customer_id,
        "country": order.country,
        "total": order.total,
        "lines": len(order.lines),
    }
    return Risk.model_validate(call.http.post("/fraud/score", body))


def reserve_stock(order: Order, call: Call) -> Reservation:
    """Set the articles aside."""
    body = {"order_id": order.order_id, "lines": goods(order)}
    return Reservation.model_validate(call.http.post("/warehouse/reservations", body))


def release_stock(order: Order, reserve: Reservation | None, call: Call) -> Correction:
    """Give the articles back; does nothing if they were never set aside."""
    body = {
        "order_id": order.order_id,
        "reservation_key": call.forward_key,
        "reservation_id": reserve.reservation_id if reserve else None,
    }
    return Correction(done=call.http.post("/warehouse/releases", body)["released"])


def charge_card(order: Order, call: Call) -> Charge:
    """Take the money, once per key."""
    body = {"order_id": order.order_id, "amount": order.total, "currency": order.currency}
    return Charge.model_validate(call.http.post("/payments/charges", body))


def refund_card(order: Order, charge: Charge | None, call: Call) -> Correction:
    """Give the money back; does nothing if none was taken."""
    body = {
        "order_id": order.order_id,
        "charge_key": call.forward_key,
        "charge_id": charge.charge_id if charge else None,
        "amount": None,
    }
    refunded = float(call.http.post("/payments/refunds", body)["refunded"])
    return Correction(done=refunded > 0, amount=refunded)


def submit_to_erp(order: Order, call: Call) -> Submission:
    """Hand the order to the ERP, which answers later."""
    body = {"order_id": order.order_id, "total": order.total, "lines": len(order.lines)}
    return Submission.model_validate(call.http.post("/erp/orders", body))


def cancel_in_erp(order: Order, submitted: Submission | None, call: Call) -> Correction:
    """Take the order out of the ERP; does nothing if it never got there."""
    body = {
        "order_id": order.order_id,
        "order_key": call.forward_key,
        "reference": submitted.reference if submitted else None,
    }
    return Correction(done=call.http.post("/erp/cancellations", body)["cancelled"])


def ask_erp(submitted: Submission, call: Call) -> ErpAnswer | Pending:
    """No callback came: look whether the ERP has decided."""
    found = call.http.get(f"/erp/orders/{submitted.reference}")
    if found is None or found["state"] == "pending":
        return Pending()
    return ErpAnswer(
        reference=submitted.reference,
        erp_number=found.get("erp_number"),
        accepted=found["state"] == "registered",
        reason=found.get("reason"),
    )


def ship_parcel(order: Order, call: Call) -> Shipment:
    """Hand the parcel to the carrier."""
    body = {"order_id": order.order_id, "country": order.country, "lines": len(order.lines)}
    return Shipment.model_validate(call.http.post("/carrier/shipments", body))


def recall_parcel(order: Order, delivery: Shipment | None, call: Call) -> Correction:
    """Call the parcel back; does nothing if it never left."""
    body = {
        "order_id": order.order_id,
        "shipment_key": call.forward_key,
        "shipment_id": delivery.shipment_id if delivery else None,
    }
    return Correction(done=call.http.post("/carrier/recalls", body)["recalled"])


def send_thanks(order: Order, call: Call) -> None:
    """A thank-you note; nobody waits for it."""
    call.http.post("/crm/thanks", {"order_id": order.order_id})


def alert_order_desk(order: Order, call: Call) -> None:
    """Tell the order desk that an order is being corrected."""
    call.http.post("/crm/alerts", {"order_id": order.order_id, "reason": call.reason})


def goods(order: Order) -> list[dict[str, object]]:
    """The order's lines as the warehouse wants them."""
    return [{"sku": line.sku, "quantity": line.quantity} for line in order.lines]
