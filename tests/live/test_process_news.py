"""Open boards hear what was decided about a process, those of people who see only some of them too."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from tests.live.sockets import Page, page, session_of
from tests.stories import person
from tests.worlds import principal
from workflows import audit
from workflows.audit import Act
from workflows.engine import clock, releases
from workflows.interventions import governing
from workflows.models import PausedIntake, ScopedRole

pytestmark = pytest.mark.usefixtures("transactional_db")


def rita() -> User:
    """Somebody who sees returns only."""
    account = person("rita", "")
    ScopedRole.objects.create(user=account, role="operator", workflow="return")
    return account


def heartbeats(open_page: Page) -> int:
    """The newest heartbeat that was heard."""
    return max(frame["revision"] for frame in open_page.heard if frame["topic"] == "heartbeat")


@pytest.mark.parametrize("act", ["rollout", "pause", "resume"])
def test_boards_hear_what_was_decided(web: str, act: str) -> None:
    if act == "resume":
        governing.pause_intake(principal("otto"), "order", reason="before")
    with page(web, session_of(person("vera"))) as open_page:
        open_page.ask(board=True)
        told = open_page.hears("board")["revision"]
        beat = open_page.hears("heartbeat")["revision"]

        match act:
            case "rollout":
                governing.roll_out(principal("ada", "admin"), "order", stable=1, reason="careful")
            case "pause":
                governing.pause_intake(principal("ada", "admin"), "order", reason="stock count")
            case _:
                governing.resume_intake(principal("ada", "admin"), "order", reason="counted")

        assert open_page.hears("board", at_least=told + 1)
        assert heartbeats(open_page) == beat, "the news came by itself, not with the next heartbeat"


def test_boards_hear_that_a_pause_is_over(web: str) -> None:
    now = clock.now()
    PausedIntake.objects.create(workflow="order", until=now - timedelta(minutes=1), by="ada", reason="x", at=now)
    with page(web, session_of(person("vera"))) as open_page:
        open_page.ask(board=True)
        told = open_page.hears("board")["revision"]

        releases.clear_expired()

        assert open_page.hears("board", at_least=told + 1)


def test_a_board_hears_only_of_processes_its_person_may_see(web: str) -> None:
    with page(web, session_of(rita())) as open_page:
        open_page.ask(board=True)
        told = open_page.hears("board")["revision"]
        governing.pause_intake(principal(), "order", reason="stock count")
        beat = open_page.hears("heartbeat")["revision"]
        beat = open_page.hears("heartbeat", at_least=beat + 2)["revision"]
        silent = [frame for frame in open_page.heard if frame["topic"] == "board" and frame["revision"] > told]
        governing.pause_intake(principal(), "return", reason="stock count")

        assert silent == []
        assert open_page.hears("board", at_least=told + 1)
        assert heartbeats(open_page) == beat, "the news came by itself, not with the next heartbeat"


def test_what_redis_lost_is_told_to_them_with_the_next_heartbeat(web: str) -> None:
    with page(web, session_of(rita())) as open_page:
        open_page.ask(board=True)
        told = open_page.hears("board")["revision"]

        audit.record(Act("user", "ada", "intake"), allowed=True, workflow="return", target="return")

        assert open_page.hears("board", at_least=told + 1)
