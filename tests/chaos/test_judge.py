"""The judge of the chaos run sees what it is there to see."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from typing import Any, cast

from tests.chaos import judge, report
from tests.chaos.installation import Installation
from tests.chaos.intake import Acknowledged
from tests.chaos.judge import Standing
from tests.chaos.report import Report, Row
from tests.chaos.storm import Trouble
from tests.demo.order_classes import Ending

RECORD: dict[str, Any] = {
    "order_id": "536365",
    "placed_at": "2010-12-01T08:26:00Z",
    "customer_id": "17850",
    "country": "United Kingdom",
    "currency": "GBP",
    "cancellation": False,
    "total": 15.3,
    "lines": [{"sku": "85123A", "description": None, "quantity": 6, "unit_price": 2.55}],
}
DELIVERED = Standing("id-1", "536365", 1, Ending("completed", "Delivered"), "")
TOLD = Acknowledged({"536365": "id-1"})


def test_an_acknowledged_start_that_exists_once_is_fine() -> None:
    assert judge.acknowledged([DELIVERED], TOLD).passed
    assert judge.acknowledged([DELIVERED], Acknowledged({"536365": ""})).passed


def test_a_lost_a_doubled_a_replaced_and_an_unknown_start_are_seen() -> None:
    def offence(found: list[Standing], told: Acknowledged = TOLD) -> str:
        return " ".join(judge.acknowledged(found, told).offenders)

    assert "is lost" in offence([])
    assert "exists 2 times" in offence([DELIVERED, replace(DELIVERED, id="id-2", run=2)])
    assert "was acknowledged as id-1 and is id-2" in offence([replace(DELIVERED, id="id-2")])
    assert "never sent" in offence([DELIVERED, replace(DELIVERED, id="id-3", key="1")])


def test_an_ending_other_than_the_documented_one_is_seen_with_its_reason() -> None:
    stuck = replace(
        DELIVERED, ending=Ending("waiting", "PaymentFailed", needs_person=True), reason="payments failed (500)"
    )
    expected = judge.expectations([RECORD])

    assert judge.endings([DELIVERED], expected).passed
    (offender,) = judge.endings([stuck], expected).offenders
    assert "PaymentFailed, needs a person (payments failed (500))" in offender
    assert judge.endings([], expected).offenders == ("536365 was never started",)


def test_a_trouble_that_struck_too_seldom_or_was_followed_by_too_long_a_silence_proves_nothing() -> None:
    def trouble(strikes: int, recovered: float) -> Trouble:
        return Trouble(
            "database", "restart", lambda _: None, at_least=2, bound=15, strikes=strikes, recovered=[recovered]
        )

    assert report.of_trouble(trouble(2, 3.0)).passed
    assert not report.of_trouble(trouble(1, 3.0)).passed
    assert not report.of_trouble(trouble(2, 15.1)).passed
    assert not report.of_dial("payments fail", "an error", 0).passed


def test_one_broken_promise_breaks_the_whole_report_and_is_named_in_it() -> None:
    good = Row("F06", "FLUSHALL", "all", "10 s", {"FLUSHALL": 20}, {"the longest standstill": [0.4, 2.5]}, 60, 70)
    bad = replace(good, name="F08", offenders=("E1: two charges under one key",))

    assert Report(1, (good,)).passed
    assert "2.5 s" in Report(1, (good,)).text()
    broken = Report(1, (good, bad))
    assert not broken.passed
    assert "F08  E1: two charges under one key" in broken.text()


def test_each_offender_that_verify_finds_is_named_and_what_it_could_not_judge_does_not_pass() -> None:
    class Verified:
        """An installation whose `verify` says this."""

        def __init__(self, *verdicts: dict[str, Any], says: str = "") -> None:
            self.says = says or json.dumps({"invariants": verdicts})

        def manage(self, *words: str) -> Any:
            return subprocess.CompletedProcess(words, 0, self.says, "")

    def offence(installation: Verified) -> tuple[str, ...]:
        return judge.invariants(cast("Installation", installation), patience=0).offenders

    fine = {"invariant": "I10", "offenders": [], "not_judged": ""}
    broken = {**fine, "offenders": [{"invariant": "I11", "subject": "order 7", "problem": "an old token committed"}]}
    assert offence(Verified(fine)) == ()
    assert offence(Verified(fine, broken)) == ("I11 order 7: an old token committed",)
    assert offence(Verified({**fine, "not_judged": "no pump"})) == ("I10 was not judged: no pump",)
    assert offence(Verified(says="the database is away")) == ("the database is away",)
