"""Open pages hear that a breaker moved, whoever moved it, with Redis or without."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from breakers import operations
from breakers.machine import State
from breakers.queries import news_id
from tests.live.sockets import page, session_of
from tests.stories import person
from tests.worlds import principal
from workflows.engine import clock, gate
from workflows.interventions import breaking
from workflows.models import ScopedRole


@pytest.fixture(autouse=True)
def declared(transactional_db: None) -> None:
    gate.open_up()


def held_quietly(name: str) -> None:
    """Somebody holds it open, and nobody is told."""
    now = clock.now()
    operations.hold(name, State.HELD_OPEN, now + timedelta(hours=1), now, actor="olga", reason="maintenance")


def test_what_one_person_does_to_a_breaker_others_hear(web: str) -> None:
    with page(web, session_of(person("vera"))) as open_page:
        open_page.ask(watch=[str(news_id("fraud"))])
        open_page.hears("heartbeat")

        breaking.act(principal(), "hold-open", "fraud", reason="maintenance")

        assert open_page.hears("instance", str(news_id("fraud")), at_least=2)["revision"] == 2


@pytest.mark.parametrize("act", ["hold", "tune"])
def test_boards_hear_of_it(web: str, act: str) -> None:
    with page(web, session_of(person("vera"))) as open_page:
        open_page.ask(board=True)
        told = open_page.hears("board")["revision"]

        if act == "hold":
            breaking.act(principal(), "hold-open", "fraud", reason="maintenance")
        else:
            breaking.tune(principal("ada", "admin"), "fraud", {"probes": 1}, reason="careful")

        assert open_page.hears("board", at_least=told + 1)


def test_what_redis_lost_is_told_with_the_next_heartbeat(web: str) -> None:
    with page(web, session_of(person("vera"))) as open_page:
        open_page.ask(watch=[str(news_id("fraud"))])
        open_page.hears("heartbeat")

        held_quietly("fraud")

        assert open_page.hears("instance", str(news_id("fraud")), at_least=2)["revision"] == 2


def test_boards_notice_what_redis_lost_too(web: str) -> None:
    with page(web, session_of(person("vera"))) as open_page:
        open_page.ask(board=True)
        told = open_page.hears("board")["revision"]

        held_quietly("fraud")

        assert open_page.hears("board", at_least=told + 1)


def rita() -> User:
    """Somebody who sees returns only; those call payments, and not fraud."""
    account = person("rita", "")
    ScopedRole.objects.create(user=account, role="operator", workflow="return")
    return account


def test_a_board_hears_nothing_of_the_breaker_of_a_system_its_person_may_not_see(web: str) -> None:
    with page(web, session_of(rita())) as open_page:
        open_page.ask(board=True)
        told = open_page.hears("board")["revision"]
        breaking.act(principal(), "hold-open", "fraud", reason="maintenance")
        beat = open_page.hears("heartbeat")["revision"]
        open_page.hears("heartbeat", at_least=beat + 2)
        silent = [frame for frame in open_page.heard if frame["topic"] == "board" and frame["revision"] > told]
        breaking.act(principal(), "hold-open", "payments", reason="maintenance")

        assert silent == []
        assert open_page.hears("board", at_least=told + 1)


def test_nobody_watches_the_breaker_of_a_system_they_may_not_see(web: str) -> None:
    with page(web, session_of(rita())) as open_page:
        open_page.ask(watch=[str(news_id("fraud")), str(news_id("payments"))])
        breaking.act(principal(), "hold-open", "fraud", reason="maintenance")
        breaking.act(principal(), "hold-open", "payments", reason="maintenance")
        open_page.hears("instance", str(news_id("payments")), at_least=2)

        assert {frame["id"] for frame in open_page.heard if frame["topic"] == "instance"} == {str(news_id("payments"))}
