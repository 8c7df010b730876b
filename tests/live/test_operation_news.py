"""An open page hears what becomes of what was asked for, although the instance itself does not move any more."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.contrib.auth.models import User

from tests.engine.desk import Desk
from tests.live.sockets import page, session_of
from tests.stories import person
from tests.worlds import principal
from workflows import interventions
from workflows.interventions import verification
from workflows.models import Operation, ScopedRole

pytestmark = pytest.mark.usefixtures("transactional_db")


def retried() -> UUID:
    """The operation of a retry, whose step has succeeded and nobody has looked since."""
    desk = Desk()
    instance_id = desk.start()
    desk.play(instance_id, until="reserve")
    desk.fail(desk.claimed(instance_id, "charge"), "The card issuer is closed", retryable=False)
    operation = interventions.act(principal("otto"), "retry", instance_id, reason="they are open again")
    desk.play(instance_id)
    return operation.id


def test_a_page_hears_that_an_operation_is_verified(web: str) -> None:
    operation = retried()
    with page(web, session_of(person("vera"))) as open_page:
        open_page.ask(watch=[str(operation)])
        open_page.hears("heartbeat")

        verification.verify_open()

        assert Operation.objects.get(id=operation).state == "verified"
        assert open_page.hears("instance", at_least=3)["id"] == str(operation)


def test_news_that_was_lost_comes_with_the_heartbeat(web: str) -> None:
    operation = retried()
    with page(web, session_of(person("vera"))) as open_page:
        open_page.ask(watch=[str(operation)])

        assert open_page.hears("instance")["revision"] == 1


def test_nobody_hears_of_operations_they_may_not_see(web: str) -> None:
    operation = retried()
    with page(web, session_of(rita())) as open_page:
        open_page.ask(watch=[str(operation)])
        open_page.hears("heartbeat")
        verification.verify_open()
        open_page.hears("heartbeat", at_least=2)

        assert [frame for frame in open_page.heard if frame["topic"] == "instance"] == []


def rita() -> User:
    """Somebody who sees returns only."""
    account = person("rita", "")
    ScopedRole.objects.create(user=account, role="operator", workflow="return")
    return account
