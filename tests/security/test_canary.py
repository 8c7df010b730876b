"""A secret in a personal field is found nowhere by somebody without the right to see it, nor confirmed by a guess."""

from __future__ import annotations

import json
from logging.config import dictConfig
from uuid import UUID

import pytest
import redis
from django.conf import settings
from django.test import Client
from django.urls import reverse

from approvals.models import Approval
from console.administration.looking import TABLES
from tests.api.world import told
from tests.live.sockets import page, session_of
from tests.security.flows_app.flows import CANARY
from tests.security.people import Somebody, somebody
from tests.waiting import wait_until
from tests.webserver import serving
from tests.worlds import settled
from workflows import interventions, telemetry
from workflows.engine import delivery, executor, inbox
from workflows.interventions import CAPABILITIES
from workflows.interventions.authority import ROLES
from workflows.models import Instance, Message

PATIENT = f"{CANARY}-patient-4711"
CLAIM = {
    "claim_id": "K-1",
    "patient": PATIENT,
    "policy": f"{CANARY}-policy",
    "contact": {"email": f"{CANARY}@example.com", "city": "Leeds"},
    "notes": [f"{CANARY} fell down the stairs"],
    "amount": 200.0,
}
TABS = ("milestones", "steps", "graph", "data", "technical")


def work() -> None:
    """Workers do what is ready, for as long as there is anything."""
    while executor.look("default", None):
        pass


@pytest.fixture
def claim(claims: None) -> UUID:
    """A claim that was assessed at the second attempt, booked, announced, decided from outside, and now needs a person.

    Beside it two messages: one that nobody waits for, and one that breaks its contract.
    """
    started = interventions.start(interventions.system(), "claim", CLAIM, correlation_id="c-1").id
    work()
    for webhook_id, key, body in (
        ("w1", f"{PATIENT}-reference", {"paid": True, "letter": f"{CANARY} dear patient"}),
        ("w2", "nobody", {"paid": True, "letter": CANARY}),
        ("w3", "nobody either", {"paid": CANARY, "other": CANARY}),
    ):
        received = inbox.receive("hospital", webhook_id, "hospital.verdict", key, json.dumps(body))
        delivery.deliver(received.id)
    work()
    assert Instance.objects.get(id=started).needs_person, Instance.objects.get(id=started).state
    return started


@pytest.fixture
def sam() -> Somebody:
    """Support for claims, without the right to personal fields."""
    return somebody("sam", claim="support")


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> Somebody:
    """Somebody who may do everything there is, except to see personal fields."""
    monkeypatch.setitem(ROLES, "blind", frozenset(CAPABILITIES) - {"payload"})
    return somebody("bea", "blind")


def addresses(claim: UUID) -> list[str]:
    """Every address a person or program reads about it."""
    message = Message.objects.order_by("received_at").values_list("id", flat=True)[0]
    question = Approval.objects.values_list("id", flat=True).get()
    pages = ["/", "/work/", "/work/?tab=person", f"/work/id/{claim}/", "/search/?q=K-1", "/permissions/"]
    pages += [f"/work/claim/K-1/?tab={tab}&all" for tab in TABS]
    pages += ["/dependencies/", "/dependencies/hospital/", "/repair/", "/repair/?tab=people&kind=all"]
    pages += ["/repair/?tab=corrections", "/repair/?tab=callbacks&state=all", "/repair/?tab=operations"]
    pages += ["/processes/", "/processes/claim/"]
    pages += ["/decide/", "/decide/?tab=all", f"/decide/{question}/", "/decide/count/"]
    api = ["instances", f"instances/{claim}", f"instances/{claim}/history?page_size=500", "callbacks", "events"]
    api += ["operations", "workflows", "workflows/claim", f"callbacks?instance={claim}", f"callbacks?key={message}"]
    api += ["approvals", f"approvals/{question}", "failures", "breakers"]
    return pages + [f"/api/v1/{one}" for one in api] + ["/metrics"]


def offices() -> list[str]:
    """Every address that takes more than the right to read."""
    found = ["/record/", "/record/?tab=events", "/record/?tab=ledger", "/record/?actor=system", "/admin/"]
    found += [f"/api/v1/{one}" for one in ("audit", "idempotency", "idempotency?scope=ledger", "subscriptions")]
    for model in TABLES:
        where = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        found.append(reverse(f"{where}_changelist"))
        found += [
            reverse(f"{where}_change", args=[pk]) for pk in model._default_manager.values_list("pk", flat=True)[:9]
        ]
    return found


def test_whoever_may_do_everything_else_finds_the_secret_nowhere(claim: UUID, blind: Somebody) -> None:
    settled("workflows_outboxevent")
    seen = {one: blind.browser.get(one, follow=True) for one in (*addresses(claim), *offices())}

    assert {one: answer.status_code for one, answer in seen.items() if answer.status_code != 200} == {}
    assert [one for one, answer in seen.items() if CANARY in answer.content.decode()] == []


def test_what_is_taken_away_holds_no_secret(claim: UUID, blind: Somebody) -> None:
    for form in ("csv", "jsonl"):
        answer = blind.browser.post("/record/", {"form": form, "reason": "for the auditors"})
        assert answer.status_code == 200, form
        assert CANARY not in b"".join(answer).decode()


def test_the_secret_is_on_no_page_and_in_no_answer(claim: UUID, sam: Somebody) -> None:
    settled("workflows_outboxevent")
    seen = {one: sam.browser.get(one, follow=True) for one in addresses(claim)}

    refused = {one for one, answer in seen.items() if answer.status_code != 200}
    assert all(one.startswith(("/repair/", "/decide/")) for one in refused), refused
    assert [one for one, answer in seen.items() if CANARY in answer.content.decode()] == []
    fragments = {one: sam.browser.get(one, headers={"HX-Request": "true"}) for one in addresses(claim)[:3]}
    assert [one for one, answer in fragments.items() if CANARY in answer.content.decode()] == []


def test_whoever_has_the_right_finds_it_where_it_belongs(claim: UUID) -> None:
    settled("workflows_outboxevent")
    olga = somebody("olga", claim="operator")

    found = {one for one in addresses(claim) if CANARY in olga.browser.get(one, follow=True).content.decode()}

    for place in (f"instances/{claim}", f"instances/{claim}/history?page_size=500", "events", "callbacks", "instances"):
        assert f"/api/v1/{place}" in found, place
    assert "/work/claim/K-1/?tab=data&all" in found and "/work/claim/K-1/?tab=technical&all" in found
    assert "/metrics" not in found


def test_status_and_reasons_stay_readable_without_the_right(claim: UUID, sam: Somebody) -> None:
    told_ = told(sam.api.get(f"instances/{claim}"))
    steps = {step["name"]: step for step in told_["steps"]}

    assert told_["attributes"] == {"patient": "•••", "amount": 200.0}
    assert told_["input"]["contact"] == {"email": "•••", "city": "Leeds"} and told_["input"]["notes"] == "•••"
    assert steps["assessed"]["output"] == {"score": 0.5, "reference": "•••", "remark": "•••"}
    assert steps["booked"]["idempotency_key"] == "•••"
    assert steps["announced"]["output"] == {"claim_id": "K-1", "patient": "•••"}
    assert "account has to be looked up" in told_["sentence"] or "account" in steps["paid"]["last_error"]
    history = told(sam.api.get(f"instances/{claim}/history?page_size=500"))["results"]
    rules = {event["data"]["rule"] for event in history if "rule" in event["data"]}
    assert rules == {"claim.patient != nobody is true (•••)"}
    (asked,) = [event for event in history if event["type"] == "PersonAsked"]
    assert asked["data"]["evidence"] == {"account": "•••"}


@pytest.mark.parametrize("guess", [PATIENT, PATIENT.lower(), f"{PATIENT}-reference", f"{CANARY}-policy"])
def test_a_guess_is_not_confirmed_by_search(claim: UUID, sam: Somebody, guess: str) -> None:
    answers = [sam.get("/search/", q=guess), sam.get("/work/", q=guess), sam.get("/work/", **{"attr.patient": guess})]
    answers += [sam.get("/api/v1/instances", q=guess), sam.get("/api/v1/instances", **{"attr.patient": guess})]

    assert all("K-1" not in answer.content.decode() for answer in answers)
    assert told(sam.get("/api/v1/callbacks", key=guess))["results"] == []


def test_whoever_has_the_right_finds_by_a_personal_value(claim: UUID) -> None:
    olga = somebody("olga", claim="operator")

    for query in ({"q": PATIENT}, {"attr.patient": PATIENT}, {"q": f"{PATIENT}-reference"}):
        assert [one["key"] for one in told(olga.get("/api/v1/instances", **query))["results"]] == ["K-1"], query
    assert len(told(olga.get("/api/v1/callbacks", key=f"{PATIENT}-reference"))["results"]) == 1


def test_the_secret_is_in_no_log_line(claims: None, capsys: pytest.CaptureFixture[str]) -> None:
    dictConfig(telemetry.configure("DEBUG", "json"))
    sam = somebody("sam", claim="support")

    started = interventions.start(interventions.system(), "claim", CLAIM, correlation_id="c-1").id
    work()
    for one in ("/work/claim/K-1/", f"/api/v1/instances/{started}", "/work/claim/nothing/"):
        sam.browser.get(one)
    sam.api.post("workflows/claim/instances", {"key": "K-2", "input": {**CLAIM, "amount": PATIENT}})
    sam.api.post("workflows/claim/instances", {"key": "K-1", "input": {**CLAIM, "amount": 1.0}})

    captured = capsys.readouterr()
    dictConfig(telemetry.configure(settings.LOG_LEVEL, settings.LOG_FORMAT))
    lines = [line for line in (captured.err + captured.out).splitlines() if "django.db.backends" not in line]
    assert len(lines) > 0
    assert [line for line in lines if CANARY in line] == []


def test_the_secret_is_in_no_frame_and_nowhere_in_redis(claim: UUID, sam: Somebody) -> None:
    client = redis.Redis.from_url(settings.REDIS_URL, decode_responses=True)
    ear = client.pubsub(ignore_subscribe_messages=True)
    ear.psubscribe("*")
    with serving() as web, page(web, session_of(sam.account)) as open_page:
        open_page.ask(watch=[str(claim)], board=True)
        interventions.act(
            interventions.user(somebody("olga", claim="operator").account), "pause", claim, reason="to look at it"
        )
        open_page.hears("instance", str(claim), at_least=2)
        heard = json.dumps(open_page.heard)
    said: list[str] = []
    wait_until(lambda: _overhear(ear, said), "the change was published")
    stored = [str(client.dump(key)) for key in client.scan_iter()]
    ear.close()
    client.close()

    assert CANARY not in heard and CANARY not in "".join(said) and CANARY not in "".join(stored)


def _overhear(ear: redis.client.PubSub, said: list[str]) -> bool:
    message = ear.get_message(timeout=0.1)
    if message is not None:
        said.append(str(message["data"]))
    return bool(said)


def test_the_refused_start_says_which_field_is_wrong_but_not_what_was_in_it(claims: None, sam: Somebody) -> None:
    sam.api.post(
        "workflows/claim/instances", {"key": "K-3", "input": {**CLAIM, "claim_id": "K-3", "patient": [CANARY]}}
    )

    html = sam.get("/work/claim/K-3/").content.decode()

    assert "patient" in html and CANARY not in html


def test_metrics_are_numbers_about_work_only(claim: UUID) -> None:
    assert CANARY not in Client().get("/metrics").content.decode()
