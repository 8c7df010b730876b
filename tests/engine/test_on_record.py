"""Whatever comes through the one door is on record, refused attempts too, in business words and never with a secret."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.engine.desk import Desk, order
from tests.worlds import person, principal
from workflows import audit, interventions
from workflows.audit import Act
from workflows.engine.intake import Conflict
from workflows.interventions import CAPABILITIES, Principal, subscriptions, tokens
from workflows.interventions.subscriptions import UnsafeAddress
from workflows.models import AuditEntry, Instance, Operation, Subscription
from workflows.registry import UnknownWorkflow

pytestmark = pytest.mark.django_db

ADMIN = Principal("user", "ada", frozenset(CAPABILITIES), "api")
HOOK = "https://user-facing.example/hooks/T0/s3cret-path?token=s3cret"


def newest() -> AuditEntry:
    return AuditEntry.objects.order_by("-id")[0]


def test_an_accepted_start_says_what_became_of_it() -> None:
    instance_id = Desk().start("1")

    entry = newest()

    assert (entry.action, entry.instance_id, entry.target, entry.before) == ("start", instance_id, "1", {})
    row = Instance.objects.get(id=instance_id)
    assert entry.after == {"lifecycle": row.lifecycle, "status": row.status, "stage": row.stage}


def test_a_start_with_another_input_is_on_record_with_the_instance_that_has_the_key() -> None:
    instance_id = Desk().start("1")

    with pytest.raises(Conflict):
        interventions.start(ADMIN, "order", order("1", total=1.0), correlation_id="c")

    entry = newest()
    assert (entry.allowed, entry.actor, entry.target, entry.instance_id) == (False, "ada", "1", instance_id)
    assert entry.refusal == "order 1 exists already with another input"


def test_a_start_of_something_nobody_declares_is_on_record() -> None:
    with pytest.raises(UnknownWorkflow):
        interventions.start(ADMIN, "nonsense\x00", {}, correlation_id="c", key="1")

    entry = newest()
    assert (entry.allowed, entry.workflow, entry.target) == (False, "nonsense\ufffd", "1")


def test_an_act_on_something_that_is_not_there_is_on_record() -> None:
    nowhere = uuid4()

    with pytest.raises(interventions.Unknown):
        interventions.act(ADMIN, "pause", nowhere, reason="because")

    entry = newest()
    assert (entry.action, entry.allowed, entry.target, entry.reason) == ("pause", False, str(nowhere), "because")


def test_an_act_says_what_changed_and_its_operation_has_its_id() -> None:
    desk = Desk()
    instance_id = desk.start()
    desk.fail(desk.claimed(instance_id, "stock"), retryable=False)

    operation = interventions.act(ADMIN, "retry", instance_id, reason="mended")

    entry = newest()
    assert operation.id == entry.act_id == Operation.objects.get().id
    changed = {name for name in entry.after if entry.after[name] != entry.before[name]}
    assert changed == {"status", "needs_person", "revision"}
    assert (entry.before["needs_person"], entry.after["needs_person"]) == (True, False)


def test_a_reason_nobody_can_keep_does_not_hide_the_attempt() -> None:
    instance_id = Desk().start()

    with pytest.raises(interventions.ReasonMissing):
        interventions.act(ADMIN, "pause", instance_id, reason="x\x00" * 5000)

    assert len(newest().reason) == audit.LONGEST
    assert "\x00" not in newest().reason


def test_a_subscription_is_on_record_without_what_its_address_may_give_away() -> None:
    made = subscriptions.subscribe(ADMIN, "crm", HOOK, types=["OrderConfirmed"])

    entry = newest()
    assert (entry.action, entry.target, entry.allowed) == ("subscribe", "crm", True)
    assert entry.after == {"host": "user-facing.example", "types": ["OrderConfirmed"]}
    everything = str([vars(row) for row in AuditEntry.objects.all()])
    assert "s3cret" not in everything and made.secret not in everything


@pytest.mark.parametrize(
    ("who", "url", "refusal", "error"),
    [
        (ADMIN, "ftp://crm.example/", "must begin with https:// or http:// and name a host", UnsafeAddress),
        (ADMIN, HOOK, "There is a subscription named taken already.", interventions.Impossible),
        (Principal("user", "sam", frozenset()), HOOK, "Subscribe needs the right", interventions.Forbidden),
    ],
)
def test_a_refused_subscription_is_on_record(who: Principal, url: str, refusal: str, error: type[Exception]) -> None:
    subscriptions.subscribe(ADMIN, "taken", HOOK)

    with pytest.raises(error):
        subscriptions.subscribe(who, "taken", url)

    entry = newest()
    assert (entry.actor, entry.action, entry.target, entry.allowed) == (who.name, "subscribe", "taken", False)
    assert entry.refusal.startswith(refusal)
    assert Subscription.objects.count() == 1


def test_sending_events_again_is_on_record_and_so_is_what_was_refused() -> None:
    made = subscriptions.subscribe(ADMIN, "crm", HOOK)
    subscriptions.replay(ADMIN, made.id, after=None, reason="The CRM lost them")
    assert (newest().action, newest().reason, newest().after["events"]) == ("replay", "The CRM lost them", 0)

    for subscription, after in ((made.id, uuid4()), (made.id + 1, None)):
        with pytest.raises(interventions.Unknown):
            subscriptions.replay(ADMIN, subscription, after=after)
        assert (newest().action, newest().allowed) == ("replay", False)


def test_a_token_is_on_record_with_who_made_it_for_whom_but_not_itself() -> None:
    text = tokens.issue(person("olga"), by=principal("ada", "admin"), label="laptop", lifetime=timedelta(days=1))

    entry = newest()
    assert (entry.action, entry.actor, entry.target) == ("issue-token", "ada", "olga")
    assert entry.after["label"] == "laptop" and entry.after["expires_at"]
    assert text not in str(vars(entry)) and tokens.digest(text) not in str(vars(entry))


def test_a_refused_token_is_on_record() -> None:
    sam = person("sam")
    with pytest.raises(interventions.Impossible):
        tokens.issue(sam, limits=tokens.limits(["fly"]))
    assert (newest().action, newest().allowed, newest().target) == ("issue-token", False, "sam")

    with pytest.raises(interventions.Unknown):
        tokens.revoke(999_999)
    assert (newest().action, newest().allowed, newest().target) == ("revoke-token", False, "999999")


def test_everything_one_act_causes_can_carry_its_id() -> None:
    act = Act("user", "olga", "pause", reason="recall")

    rows = [audit.record(act, allowed=allowed) for allowed in (True, False)]

    assert {row.act_id for row in rows} == {act.id}
