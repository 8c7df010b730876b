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
from tests.api.world import an_order, told
from tests.security.people import somebody
from workflows import telemetry
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


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-2+3",
        "@SUM(A1)",
        "  =cmd|' /C calc'!A0",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1",
        "\u00a0=1",
        '=HYPERLINK("x")',
    ],
)
def test_a_cell_of_an_export_is_never_a_formula(text: str) -> None:
    (row,) = csv.reader(io.StringIO(exports.text([[text]])))

    assert row == [f"'{text}"]


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
