"""The order process with a review: large and risky orders wait for a person before anybody is charged."""

from __future__ import annotations

from workflows.demo import steps
from workflows.demo.contracts import ErpAnswer, Order, OrderConfirmed
from workflows.demo.dependencies import carrier, crm, erp, fraud, payments, warehouse
from workflows.dsl import (
    ANSWER,
    IRREVERSIBLE,
    Deadline,
    Endings,
    Status,
    Workflow,
    alert,
    approval,
    callback,
    given,
    hours,
    minutes,
    publish,
    query,
    stage,
    step,
)


class ReviewedOrder(Workflow):
    """Take an order from checkout to delivery, past a person if it is large or risky, or correct what was done."""

    name, version = "order", 2
    noun, owner, runbook = "order", "order-desk", "runbooks/order.md"
    when_compensating = [alert(steps.alert_order_desk, calls=crm)]
    deadline = Deadline(after=hours(4), warn_before=minutes(30), escalate_to="duty-manager")
    endings = Endings(
        completed="Delivered", compensated="OrderCorrected", cancelled="OrderCancelled", failed="OrderRejected"
    )

    order = given(Order, key="order_id", attributes=["customer_id", "country", "total"])
    diverts = [(order["cancellation"] == True, "return")]  # noqa: E712 - a rule, not a truth value

    with stage("Checking"):
        stock = query(steps.check_stock, calls=warehouse, status="StockCheck")
        risk = query(steps.score_fraud, calls=fraud, status="FraudCheck", owner="fraud-team")
        review = approval(
            "Is this order genuine?",
            when=(risk["score"] >= 0.6) | (order["total"] > 1000),
            by="fraud-team",
            within=hours(3),
            evidence=[order, risk],
            owner="fraud-team",
        )

    with stage("Payment", owner="payments-team"):
        reserve = step(
            steps.reserve_stock,
            calls=warehouse,
            compensate=steps.release_stock,
            status=Status("StockReservation", done="StockReserved"),
            owner="warehouse",
        )
        charge = step(
            steps.charge_card,
            calls=payments,
            after=reserve,
            when=order["total"] > 0,
            compensate=steps.refund_card,
            status=Status("Payment", done="PaymentCharged", refused="PaymentDeclined"),
        )
        confirmed = publish(OrderConfirmed, after=charge)

    with stage("ERP registration", owner="erp-team", runbook="runbooks/erp.md"):
        submitted = step(
            steps.submit_to_erp,
            calls=erp,
            compensate=steps.cancel_in_erp,
            status=Status("ErpSubmission", done="ErpSubmitted"),
        )
        registered = callback(
            "erp.registered",
            ErpAnswer,
            match=submitted["reference"],
            within=minutes(20),
            otherwise=steps.ask_erp,
            calls=erp,
            refused_when=ANSWER["accepted"] == False,  # noqa: E712 - a rule, not a truth value
            refusal_reason=ANSWER["reason"],
            status=Status("ErpRegistration", done="ErpRegistered", refused="ErpRejected"),
        )

    with stage("Delivery", owner="shipping"):
        delivery = step(
            steps.ship_parcel,
            calls=carrier,
            after=registered,
            compensate=steps.recall_parcel,
            status=Status("Delivery", done="Shipped"),
        )
        thanks = step(
            steps.send_thanks,
            calls=crm,
            compensate=IRREVERSIBLE,
            after=delivery,
            critical=False,
            status="ThankYouNote",
        )

    sentences = {
        "StockCheckPending": (
            "Checking whether everything is in stock",
            "We are checking whether everything is in stock.",
        ),
        "FraudCheckPending": ("Waiting for the fraud provider's score", "We are checking your order."),
        "PendingHumanDecision": (
            "Waiting for the fraud team to say whether the order is genuine",
            "We are checking your order; this can take a few hours.",
        ),
        "PaymentPending": ("Charging the customer's card", "We are charging your card."),
        "PaymentRetrying": (
            "The payment provider did not answer; the charge is tried again with the same key, so nobody pays twice",
            "Your payment is taking longer than usual. You will be charged only once.",
        ),
        "ErpRegistrationPending": ("Waiting for the ERP to confirm the order", "Your order is being registered."),
        "ErpRegistrationFailed": (
            "The ERP has given no answer; somebody has to look there",
            "Your order is being registered; we are looking into a delay.",
        ),
        "DeliveryPending": ("Handing the parcel to the carrier", "Your parcel is being handed to the carrier."),
        "Delivered": ("Paid, registered and on its way", "Your order is on its way."),
        "OrderCorrected": (
            "Not fulfilled; what had been done was corrected",
            "Your order was cancelled and any payment was returned.",
        ),
        "OrderRejected": (
            "Not accepted; nothing had been done",
            "We could not accept your order. You were not charged.",
        ),
        "OrderCancelled": ("Cancelled, and what had been done was corrected", "Your order was cancelled as you asked."),
        "CompensationInProgress": (
            "What had been done is being corrected",
            "Your order is being cancelled; any payment will be returned.",
        ),
    }
