"""A return: it finds the order it belongs to and corrects it, whole or in part."""

from __future__ import annotations

from workflows.demo import returns
from workflows.demo.contracts import Return, ReturnSettled
from workflows.demo.dependencies import orders, payments, warehouse
from workflows.dsl import (
    IRREVERSIBLE,
    Deadline,
    Endings,
    Status,
    Workflow,
    given,
    hours,
    publish,
    query,
    stage,
    step,
)


class ReturnHandling(Workflow):
    """Find the order a cancellation belongs to and correct it, whole or in part."""

    name, version = "return", 1
    noun, owner, runbook = "return", "order-desk", "runbooks/return.md"
    deadline = Deadline(after=hours(24), warn_before=hours(2), escalate_to="duty-manager")
    endings = Endings(
        completed="ReturnSettled", compensated="ReturnUndone", cancelled="ReturnCancelled", failed="ReturnUnmatched"
    )

    returned = given(Return, key="order_id", attributes=["customer_id", "country", "total"])
    diverts = [(returned["cancellation"] == False, "order")]  # noqa: E712 - a rule, not a truth value

    with stage("Matching"):
        match = query(
            returns.match_original,
            calls=orders,
            status=Status("ReturnMatching", done="ReturnMatched", failed="ReturnUnclear"),
        )
        original = query(
            returns.await_original,
            calls=orders,
            status=Status("OriginalOrder", retrying="OriginalOrderStillRunning", done="OriginalOrderEnded"),
        )

    with stage("Settling", owner="payments-team"):
        restock = step(
            returns.restock_lines,
            calls=warehouse,
            when=match["kind"] == "partial",
            after=original,
            compensate=returns.take_out_again,
            status=Status("Restocking", done="Restocked"),
            owner="warehouse",
        )
        refund = step(
            returns.refund_lines,
            calls=payments,
            when=(match["kind"] == "partial") & (match["amount"] > 0) & (original["charge_key"] != ""),
            after=restock,
            compensate=IRREVERSIBLE,
            status=Status("Refund", done="Refunded"),
        )
        correction = step(
            returns.correct_original,
            calls=orders,
            when=match["kind"] == "whole",
            after=original,
            compensate=IRREVERSIBLE,
            status=Status("OrderCorrection", done="OrderCorrectionRequested"),
        )
        corrected = query(
            returns.confirm_corrected,
            calls=orders,
            when=match["kind"] == "whole",
            after=correction,
            status=Status("OrderCorrection", retrying="OrderCorrectionPending", done="OrderCorrected"),
        )
        settled = publish(
            ReturnSettled,
            original=match["order_id"],
            kind=match["kind"],
            amount=match["amount"],
            after=[refund, corrected],
        )

    sentences = {
        "ReturnUnclear": (
            "It is not clear which order came back; somebody has to choose",
            "We have received your return and are finding the order it belongs to.",
        ),
        "ReturnUnmatched": ("No order fits this return", "We could not find an order for this return."),
        "ReturnSettled": ("The return is settled", "Your return is settled."),
        "OriginalOrderStillRunning": ("Waiting until the original order has ended", "We have received your return."),
    }
