"""What somebody types cannot become a log line, a header or a formula."""

from __future__ import annotations

import csv
import io
import json
from logging.config import dictConfig

import pytest
import structlog
from django.conf import settings
from django.http import BadHeaderError, HttpResponse
from django.test import Client, RequestFactory

from console import exports
from console.correlation import correlation_id
from tests import hostile
from tests.api.world import an_order, told
from tests.security.people import somebody
from tests.stories import an_instance
from workflows import audit, telemetry
from workflows.audit import Act
from workflows.models import Instance

NASTY = ["a\nb", "a\r\nSet-Cookie: x=1", "\x1b[31mred", "a b", "ä", "x" * 129, "a\x00b", "\u2028"]


@pytest.mark.parametrize("offered", NASTY)
def test_a_correlation_id_that_could_break_a_line_or_a_header_is_not_taken_over(offered: str) -> None:
    request = RequestFactory().get("/healthz", headers={"X-Correlation-ID": offered})

    taken = correlation_id(request)

    assert taken != offered and len(taken) == 36


@pytest.mark.django_db
def test_a_fit_correlation_id_is_taken_over_everywhere() -> None:
    olga = somebody("olga", "operator").api
    body = {"key": "9", "input": an_order("9")}

    answer = olga.post("workflows/order/instances", body, X_Correlation_ID="shop/77:a")

    assert answer["X-Correlation-ID"] == "shop/77:a" == told(answer)["correlation_id"]
    assert Instance.objects.get().correlation_id == "shop/77:a"


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.django_db
def test_nothing_from_a_request_begins_a_log_line(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    dictConfig(telemetry.configure("DEBUG", form))
    olga = somebody("olga", "operator")

    Client().get("/healthz", headers={"X-Correlation-ID": "evil\nlevel=error event=forged"})
    olga.get("/work/order/evil%0Aevent=forged/")
    olga.get("/search/", q="evil\nevent=forged")
    olga.api.post("callbacks/evil%0Aevent=forged", {"x": 1})
    structlog.get_logger().info("evil\nevent=forged", path="evil\r\nevent=forged")

    written = capsys.readouterr().err
    dictConfig(telemetry.configure(settings.LOG_LEVEL, settings.LOG_FORMAT))
    lines = [line for line in written.splitlines() if "django.db" not in line]
    assert lines and not [line for line in lines if line.startswith(("event=forged", "level=error", "evil"))]


def test_a_header_cannot_be_split() -> None:
    with pytest.raises(BadHeaderError):
        HttpResponse(headers={"X-Correlation-ID": "a\r\nSet-Cookie: x=1"})


@pytest.mark.django_db
def test_where_sign_in_leads_stays_here_and_in_one_header() -> None:
    somebody("olga", "operator")
    sent = {"username": "olga", "password": "x-secret-x", "next": "//elsewhere.example/\r\nSet-Cookie: x=1"}

    assert Client().post("/signin/", sent)["Location"] == "/"


@pytest.mark.parametrize("text", hostile.FORMULAS)
def test_a_cell_of_an_export_is_never_a_formula(text: str) -> None:
    (row,) = csv.reader(io.StringIO(exports.text([[text]])))

    assert row == [f"'{text}"]


@pytest.mark.django_db
def test_what_is_taken_from_the_record_begins_no_cell_with_a_formula_and_loses_nothing() -> None:
    olga = somebody("olga", "operator").browser
    for one in hostile.FORMULAS:
        act = Act("client", one, one, one, one, one)
        audit.record(act, allowed=False, refusal=one, workflow=one, target=one, before={one: one}, after={"a": one})

    sheet, lines = (
        b"".join(olga.post("/record/?kind=client", {"form": form, "reason": "=for the auditors"})).decode()
        for form in ("csv", "jsonl")
    )

    rows = list(csv.reader(io.StringIO(sheet, newline="")))
    assert len(rows) == len(hostile.FORMULAS) + 1 and {len(row) for row in rows} == {len(rows[0])}
    assert [cell for row in rows for cell in row if cell.strip().startswith(tuple("=+-@＝\t\r\n"))] == []
    assert {row["reason"] for row in map(json.loads, lines.splitlines())} >= set(hostile.FORMULAS)


def test_numbers_words_and_structures_survive_an_export() -> None:
    rows = [[1, -2.5, True, None, "plain", 'say "hi"\nthere', {"b": [1], "a": "=1"}]]

    found = list(csv.reader(io.StringIO("".join(exports.lines(["n"] * 7, [rows])))))

    assert found[0] == ["n"] * 7
    assert found[1][:6] == ["1", "-2.5", "yes", "", "plain", 'say "hi"\nthere']
    assert json.loads(found[1][6]) == {"a": "=1", "b": [1]}


@pytest.mark.parametrize("name", ['a"; filename=evil', "a\r\nX: y", "../../etc/passwd", "ä" * 300, ""])
def test_the_name_of_an_export_stays_within_its_header(name: str) -> None:
    kept = exports.filename(name)

    assert 0 < len(kept) <= 100 and not set(kept) & set('"\r\n;/\\ ') and not kept.startswith(".")


@pytest.mark.django_db
def test_pages_show_what_would_turn_a_sentence_around_and_the_interface_tells_it_as_it_is() -> None:
    olga = somebody("olga", "operator")
    turned = "fdp.\u202egnp\u2066"
    an_instance("1", owner=turned)

    page, answer = olga.get("/work/"), olga.get("/api/v1/instances")

    assert "fdp.\ufffdgnp\ufffd" in page.content.decode() and turned not in page.content.decode()
    assert told(answer)["results"][0]["owner"] == turned
    assert page.headers.get("Content-Length") in (None, str(len(page.content)))
