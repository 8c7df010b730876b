"""The record for people: who did what in a period and why, refused attempts too; exported, and never changed."""

from __future__ import annotations

import asyncio
import csv
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.core.handlers.asgi import ASGIRequest
from django.db import DatabaseError, connection, transaction
from django.http import StreamingHttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from console.presenters.record import exports
from console.streaming import streamed
from tests.console.people import seen, signed_in
from tests.engine.desk import Desk
from workflows import audit, interventions
from workflows.audit import Act
from workflows.interventions import CAPABILITIES, Principal, subscriptions
from workflows.models import AuditEntry, Delivery, IdempotentRequest, OutboxEvent, ScopedRole

pytestmark = pytest.mark.django_db

OLGA = Principal("user", "olga", frozenset(CAPABILITIES))
PAGE = "/record/"


def entries(browser: Client, address: str = PAGE) -> list[str]:
    """Who, what and on what of every line."""
    html = seen(browser.get(address)).html
    found = []
    for row in re.findall(r'<tr id="entry-\d+">(.*?)</tr>', html, re.S):
        cells = [
            " ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.findall(r"<td.*?>(.*?)</td>", row, re.S)
        ]
        found.append(" | ".join(cells[1:4]))
    return found


def at(row: AuditEntry, moment: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE workflows_auditentry DISABLE TRIGGER append_only")
        cursor.execute("UPDATE workflows_auditentry SET at = %s WHERE id = %s", [moment, row.id])
        cursor.execute("ALTER TABLE workflows_auditentry ENABLE TRIGGER append_only")


@pytest.fixture
def day() -> UUID:
    """An order that olga paused, vera may not resume, a policy's retry, a program's act from long ago."""
    instance_id = Desk().start("536365")
    interventions.act(OLGA, "pause", instance_id, reason="stocktaking")
    with pytest.raises(interventions.Forbidden):
        interventions.act(Principal("user", "vera", frozenset({"read"})), "resume", instance_id, reason="please")
    audit.record(Act("policy", "night watch", "retry", "engine", reason="the night"), allowed=True, workflow="return")
    old = audit.record(Act("client", "billing", "subscribe", "api"), allowed=True, target="crm", after={"host": "x.y"})
    at(old, datetime(2026, 1, 31, 12, tzinfo=UTC))
    return instance_id


class TestAudit:
    def test_it_says_who_did_what_on_what_why_and_what_was_other_afterwards(self, day: UUID) -> None:
        page = seen(signed_in("operator").get(PAGE))

        assert "on a page olga person Pause Order 536365" in page.text
        assert "“stocktaking”" in page.text
        assert "Lifecycle running paused" in page.text
        assert f'href="/work/id/{day}/"' in page.html
        assert "Resumption refused" in page.text
        assert "Resume needs the right to pause and resume instances (operator or admin)." in page.text
        assert "5 entries" in page.text

    def test_scenario_23_everything_somebody_did_in_a_period(self, day: UUID) -> None:
        browser = signed_in("operator")
        today = AuditEntry.objects.get(action="pause").at.date()

        assert entries(browser, f"{PAGE}?kind=user&actor=olga&from={today}&to={today}") == [
            "olga person | Pause | Order 536365"
        ]
        assert entries(browser, f"{PAGE}?kind=policy&actor=night+watch") == [
            "night watch policy | Another attempt | Return"
        ]
        assert entries(browser, f"{PAGE}?from=2026-01-31&to=2026-01-31") == ["billing program | New subscriber | crm"]
        assert entries(browser, f"{PAGE}?allowed=no") == ["vera person | Resumption refused | Order 536365"]
        assert entries(browser, f"{PAGE}?actor=olga&to=2026-01-31") == []

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("action=pause", 1),
            ("kind=deciders", 4),
            ("kind=system", 1),
            ("workflow=return", 1),
            ("number=536365", 3),
            ("number=crm", 1),
            ("allowed=yes", 4),
            ("from=2026-01-31T12:00:00Z&to=2026-01-31T12:00:01Z", 1),
            ("from=2026-01-31T13:00:00%2B01:00&to=2026-02-01", 1),
            ("nonsense=1", 5),
        ],
    )
    def test_each_filter_narrows(self, day: UUID, query: str, found: int) -> None:
        assert len(entries(signed_in("operator"), f"{PAGE}?{query}")) == found

    @pytest.mark.parametrize(
        ("query", "problem"),
        [
            ("from=yesterday", "“From” takes a day such as 2026-01-31."),
            ("to=31.1.2026", "“To” takes a day such as 2026-01-31."),
            ("to=9999-12-31", "“To” takes a day such as 2026-01-31."),
            ("from=2026-02-01&to=2026-01-01", "The period ends before it begins."),
            ("kind=robot", "“Who” is a person, a program, a policy or the system."),
            ("allowed=perhaps", "“Show” is everything, what was done, or what was refused."),
            ("act=1", "An act has an id such as"),
        ],
    )
    def test_a_slip_of_the_pen_is_named_and_shows_nothing_instead_of_everything(
        self, day: UUID, query: str, problem: str
    ) -> None:
        browser = signed_in("operator")

        page = seen(browser.get(f"{PAGE}?{query}"))
        taken = browser.post(f"{PAGE}?{query}", {"form": "csv"})

        assert page.status == taken.status_code == 422
        assert problem in page.text
        assert entries(browser, f"{PAGE}?{query}") == []
        assert not AuditEntry.objects.filter(action="export").exists()

    def test_everything_one_act_caused_is_one_click_away(self, day: UUID) -> None:
        bulk = Act("user", "omar", "cancel", "page", "c-42", "recall")
        for number in ("1", "2"):
            audit.record(bulk, allowed=True, workflow="order", target=number)
        browser = signed_in("operator")
        page = seen(browser.get(f"{PAGE}?actor=omar"))

        assert entries(browser, f"{PAGE}?act={bulk.id}") == entries(browser, f"{PAGE}?actor=omar")
        assert f'href="/record/?act={bulk.id}"' in page.html
        assert 'href="/record/?correlation=c-42"' in page.html
        assert f"everything that act {bulk.id} caused" in seen(browser.get(f"{PAGE}?act={bulk.id}")).text

    def test_pages_follow_each_other_without_gap_or_repetition(self) -> None:
        for number in range(250):
            audit.record(Act("user", "omar", "pause"), allowed=True, target=str(number))
        browser = signed_in("operator")
        address, found, pages = f"{PAGE}?actor=omar", [], 0
        while address:
            page = seen(browser.get(address))
            found += entries(browser, address)
            following = re.search(r'href="([^"]*)" rel="next"', page.html)
            address, pages = following[1].replace("&amp;", "&") if following else "", pages + 1

        assert pages == 3
        assert [line.rsplit(" ", 1)[1] for line in found] == [str(number) for number in range(249, -1, -1)]

    def test_a_broken_cursor_leads_to_the_beginning(self) -> None:
        browser = signed_in("operator")

        for address in (
            "?actor=olga&cursor=x",
            "?tab=events&cursor=x",
            f"?tab=events&cursor={uuid4()}",
            "?tab=ledger&cursor=x",
        ):
            answer = browser.get(PAGE + address)
            assert (answer.status_code, answer["Location"]) == (
                302,
                PAGE + address.split("&cursor")[0].split("?cursor")[0],
            )

    @pytest.mark.parametrize(
        "name", ["actor", "action", "number", "from", "act", "cursor", "tab", "key", "type", "scope"]
    )
    def test_no_address_breaks_the_page(self, name: str) -> None:
        browser = signed_in("operator")
        for tab in ("audit", "events", "ledger"):
            for value in ("%00", "%FF%FE", "'; DROP TABLE x; --", "a" * 5000, "%F0%9F%9A%A2"):
                address = f"{PAGE}?tab={tab}&{name}={value}"
                assert browser.get(address).status_code in (200, 302, 422), address

    def test_whatever_somebody_wrote_stays_text(self) -> None:
        hostile = "<script>alert(1)</script>"
        act = Act(hostile, hostile, hostile, hostile, hostile, f'"><svg onload=alert(1)> {hostile} {"long " * 100}')
        audit.record(
            act, allowed=False, refusal=hostile, workflow=hostile, target=hostile, before={hostile: hostile},
            after={hostile: [hostile]},
        )  # fmt: skip

        html = seen(signed_in("operator").get(PAGE)).html

        assert "<script>alert" not in html and "<svg onload" not in html
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html

    def test_a_long_reason_is_shortened_and_told_in_full_below(self) -> None:
        reason = "because " * 250
        audit.record(Act("user", "omar", "pause", reason=reason), allowed=True)

        html = seen(signed_in("operator").get(PAGE)).html

        assert f"“{reason[:240].strip()}…”" in html
        assert f"“{reason.strip()}”" in html

    def test_a_full_page_costs_no_more_queries_than_a_short_one(
        self, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        for number in range(150):
            audit.record(Act("user", f"u{number}", "pause"), allowed=True, instance_id=uuid4(), workflow="order")
        browser = signed_in("operator")

        with django_assert_max_num_queries(3 + 3):
            browser.get(PAGE)


class TestWhoMaySee:
    @pytest.mark.parametrize("role", ["", "support", "approver"])
    def test_without_the_right_it_is_not_in_the_bar_and_its_address_says_why(self, role: str) -> None:
        browser = signed_in(role)

        page = seen(browser.get(PAGE))

        assert page.status == 403
        assert "needs the right to read and export who did what (operator or admin)" in page.text
        assert f'href="{PAGE}"' not in page.html

    @pytest.mark.parametrize("role", ["operator", "admin"])
    def test_with_the_right_it_is_in_the_bar(self, role: str) -> None:
        assert f'<a href="{PAGE}" aria-current="page">' in seen(signed_in(role).get(PAGE)).html

    def test_nobody_sees_it_without_signing_in(self) -> None:
        for answer in (Client().get(PAGE), Client().post(PAGE, {"form": "csv"})):
            assert answer.status_code == 302 and answer["Location"].startswith("/signin/")

    def test_who_has_the_right_for_one_process_sees_and_exports_only_that(self, day: UUID) -> None:
        browser = signed_in("")
        ScopedRole.objects.create(user=User.objects.get(username="nobody"), role="operator", workflow="return")
        IdempotentRequest.objects.create(scope="user:olga", key="k-1", fingerprint="", at="2026-01-01T00:00:00Z")

        assert entries(browser) == ["night watch policy | Another attempt | Return"]
        assert [row["actor"] for row in exported(browser.post(PAGE, {"form": "jsonl"}))] == ["night watch"]
        assert "No key fits" in seen(browser.get(f"{PAGE}?tab=ledger")).text
        assert browser.post(f"{PAGE}?workflow=order", {"form": "csv"}).status_code == 403


def content(answer: Any) -> str:
    assert isinstance(answer, StreamingHttpResponse), answer.content[:300]
    return b"".join(answer.streaming_content).decode()  # type: ignore[arg-type]


def exported(answer: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content(answer).splitlines()]


class TestExport:
    def test_it_works_and_holds_exactly_what_was_filtered(self, day: UUID) -> None:
        browser = signed_in("operator")

        answer = browser.post(f"{PAGE}?actor=olga", {"form": "csv", "reason": "the yearly audit"})
        (row,) = csv.DictReader(StringIO(content(answer)))

        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        assert re.fullmatch(r'attachment; filename="audit-[\d-]+\.csv"', answer["Content-Disposition"])
        assert (row["actor"], row["action"], row["number"], row["allowed"]) == ("olga", "pause", "536365", "yes")
        assert (row["reason"], row["instance"]) == ("stocktaking", str(day))
        assert json.loads(row["before"])["lifecycle"] == "running" and json.loads(row["after"])["lifecycle"] == "paused"

    def test_json_lines_hold_the_same(self, day: UUID) -> None:
        browser = signed_in("operator")

        rows = exported(browser.post(PAGE, {"form": "jsonl"}))

        assert [row["action"] for row in rows] == ["subscribe", "retry", "resume", "pause", "start"]
        assert rows[2]["allowed"] is False and rows[2]["refusal"].startswith("Resume needs the right")
        assert rows[3]["after"]["lifecycle"] == "paused"
        assert rows[0]["at"] == "2026-01-31T12:00:00Z"

    def test_a_link_exports_nothing(self, day: UUID) -> None:
        answer = signed_in("operator").get(PAGE, {"form": "csv"})

        assert not isinstance(answer, StreamingHttpResponse)
        assert not AuditEntry.objects.filter(action="export").exists()

    def test_without_the_right_it_is_refused_and_on_record(self, day: UUID) -> None:
        answer = signed_in("support").post(PAGE, {"form": "csv", "reason": "curious"})

        assert answer.status_code == 403
        entry = AuditEntry.objects.get(action="export")
        assert (entry.actor, entry.allowed, entry.reason) == ("support", False, "curious")
        assert "needs the right to read and export who did what" in entry.refusal

    def test_twice_is_harmless_and_the_second_time_the_first_is_in_it(self, day: UUID) -> None:
        browser = signed_in("operator")

        first = exported(browser.post(PAGE, {"form": "jsonl"}))
        second = exported(browser.post(PAGE, {"form": "jsonl"}))

        assert second[1:] == first
        assert second[0]["action"] == "export"

    def test_it_is_on_record_with_what_was_taken_away_and_why(self, day: UUID) -> None:
        content(signed_in("operator").post(f"{PAGE}?actor=olga&from=2026-01-01", {"form": "csv", "reason": "audit"}))

        entry = AuditEntry.objects.get(action="export")
        assert (entry.actor, entry.allowed, entry.reason, entry.through) == ("operator", True, "audit", "page")
        assert entry.after == {"form": "csv", "actor": "olga", "from": "2026-01-01"}

    @pytest.mark.parametrize(("form", "reason"), [("xls", ""), ("", ""), ("csv", "x" * 2001)])
    def test_a_form_nobody_offers_is_refused_with_a_sentence(self, form: str, reason: str) -> None:
        page = seen(signed_in("operator").post(PAGE, {"form": form, "reason": reason}))

        assert page.status == 422
        assert "The record is exported as csv or jsonl." in page.text or "up to 2,000 characters" in page.text
        assert AuditEntry.objects.get(action="export").allowed is False

    def test_only_the_audit_is_taken_away_wherever_the_form_was_sent(self, day: UUID) -> None:
        rows = exported(signed_in("operator").post(f"{PAGE}?tab=events&workflow=return", {"form": "jsonl"}))

        assert [row["workflow"] for row in rows] == ["return"]
        assert AuditEntry.objects.get(action="export").after == {"form": "jsonl", "workflow": "return"}

    def test_a_form_without_its_token_exports_nothing(self) -> None:
        assert signed_in("operator", csrf=True).post(PAGE, {"form": "csv"}).status_code == 403

    @pytest.mark.parametrize(
        "text",
        ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1", '=cmd|" /C calc"!A0', "−1", "ok"],
    )
    def test_no_spreadsheet_takes_a_text_for_a_formula(self, text: str) -> None:
        audit.record(Act("user", text, "pause", reason=text), allowed=True, target=text)

        (row,) = csv.DictReader(StringIO(content(signed_in("operator").post(PAGE, {"form": "csv"}))))

        harmless = text in ("−1", "ok")
        assert row["reason"] == row["number"] == row["actor"] == (text if harmless else f"'{text}")

    def test_it_is_made_batch_by_batch(self, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        for number in range(1100):
            audit.record(Act("user", "omar", "pause"), allowed=True, target=str(number))
        answer = signed_in("operator").post(PAGE, {"form": "csv"})
        pieces = iter(answer.streaming_content)  # type: ignore[attr-defined]

        with django_assert_num_queries(0):
            next(pieces)  # the head
        with django_assert_num_queries(1):
            assert next(pieces).count(b"\r\n") == 500

        assert sum(piece.count(b"\r\n") for piece in pieces) == 600

    def test_served_asynchronously_it_is_sent_piece_by_piece_too(self) -> None:
        asked: list[int] = []

        def pieces() -> Iterator[str]:
            for number in range(3):
                asked.append(number)
                yield str(number)

        async def first_of() -> bytes:
            request = ASGIRequest({"type": "http", "method": "POST", "path": "/", "headers": []}, StringIO())
            answer = streamed(request, pieces(), name="x", content_type="text/plain")
            async for piece in answer:
                return bytes(piece)
            raise AssertionError("it is empty")

        assert asyncio.run(first_of()) == b"0"
        assert asked == [0]

    def test_rows_cannot_be_changed(self, day: UUID) -> None:
        for change in (AuditEntry.objects.all().delete, lambda: AuditEntry.objects.update(reason="-")):
            with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
                change()

    def test_a_file_has_the_columns_it_promises(self) -> None:
        assert next(exports.lines([], "csv")).strip() == ",".join(f'"{name}"' for name in exports.COLUMNS)


class TestPublishedEvents:
    def test_they_say_what_was_announced_about_what_and_who_has_it(self) -> None:
        desk = Desk()
        instance_id = desk.start("536365")
        desk.play(instance_id)
        made = subscriptions.subscribe(OLGA, "crm", "https://crm.example/")
        event = OutboxEvent.objects.get()
        Delivery.objects.create(
            subscription_id=made.id, event=event, instance_id=instance_id, number=1, state="dead", error="answered 500",
            next_at=event.at,
        )  # fmt: skip
        other = subscriptions.subscribe(OLGA, "shop", "https://shop.example/")
        Delivery.objects.create(
            subscription_id=other.id,
            event=event,
            instance_id=instance_id,
            number=1,
            state="delivered",
            next_at=event.at,
        )

        page = seen(signed_in("operator").get(f"{PAGE}?tab=events"))

        assert "Order confirmed Order 536365 crm: given up answered 500 shop has it" in page.text
        assert f'href="/work/id/{instance_id}/"' in page.html
        assert "OrderConfirmed 1" in page.text

    def test_filters_narrow_and_stay_in_links(self) -> None:
        desk = Desk()
        for key in ("1", "2"):
            desk.play(desk.start(key))
        browser = signed_in("operator")

        page = seen(browser.get(f"{PAGE}?tab=events&number=1&type=OrderConfirmed&workflow=order"))

        assert "Order 1" in page.text and "Order 2" not in page.text
        assert "Nothing was published that fits" in seen(browser.get(f"{PAGE}?tab=events&workflow=return")).text

    def test_pages_follow_each_other(self) -> None:
        instance_id = Desk().start("1")
        now = datetime(2026, 1, 1, tzinfo=UTC)
        for number in range(1, 131):
            OutboxEvent.objects.create(
                id=uuid4(), instance_id=instance_id, number=number, workflow="order", type="OrderConfirmed",
                schema_version=1, subject=str(number), data={}, at=now + timedelta(seconds=number),
            )  # fmt: skip
        browser, address, found = signed_in("operator"), f"{PAGE}?tab=events", list[str]()
        while address:
            page = seen(browser.get(address))
            found += re.findall(r"Order (\d+)</a>", page.html)
            following = re.search(r'href="([^"]*)" rel="next"', page.html)
            address = following[1].replace("&amp;", "&") if following else ""

        assert sorted(map(int, found)) == list(range(1, 131))


class TestLedger:
    def test_it_shows_keys_given_to_us_and_by_us(self) -> None:
        desk = Desk()
        desk.play(desk.start("536365"), until="reserve")
        IdempotentRequest.objects.create(
            scope="user:olga", key="k-1", fingerprint="", request="POST /api/v1/workflows/order/instances", status=201,
            at="2026-01-01T00:00:00Z", answered_at="2026-01-01T00:00:01Z", body='{"canary": "secret"}',
        )  # fmt: skip
        browser = signed_in("operator")

        page = seen(browser.get(f"{PAGE}?tab=ledger"))
        one = seen(browser.get(f"{PAGE}?tab=ledger&key=order/536365/r1/reserve"))

        assert "k-1 POST /api/v1/workflows/order/instances user:olga given to us" in page.text
        assert "answered 201" in page.text
        assert "canary" not in page.html
        assert "order/536365/r1/reserve/g1 Stock reservation warehouse given by us Order 536365" in one.text
        assert "done; the outcome is stored" in one.text
        assert "k-1" not in one.text

    def test_a_full_page_costs_few_queries(self, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
        desk = Desk()
        for number in range(24):
            desk.play(desk.start(str(number)), until="reserve")
        browser = signed_in("operator")

        with django_assert_max_num_queries(3 + 6):
            browser.get(f"{PAGE}?tab=ledger")
