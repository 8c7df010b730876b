"""A socket is for signed-in people who may read, on our own pages, and only for as long as that is so."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session

from console.live import hub, publish
from tests.live.sockets import page, session_of
from tests.stories import an_instance, moved, person
from workflows.models import ScopedRole


def test_a_signed_in_reader_is_told_that_the_page_is_live(web: str) -> None:
    session = session_of(person("vera"))

    with page(web, session) as open_page:
        assert open_page.hears("heartbeat")["revision"] >= 1


@pytest.mark.parametrize("origin", [None, "https://elsewhere.example", "null", "http://127.0.0.1:1"])
def test_a_page_from_elsewhere_is_refused_for_good(web: str, origin: str | None) -> None:
    session = session_of(person("vera"))

    with page(web, session, origin=origin) as open_page:
        assert open_page.closed_with() == 4401


def test_nobody_listens_without_signing_in(web: str) -> None:
    with page(web) as open_page:
        assert open_page.closed_with() == 4401


def test_a_made_up_session_is_refused(web: str) -> None:
    with page(web, "x" * 32) as open_page:
        assert open_page.closed_with() == 4401


def test_somebody_without_a_role_may_not_listen(web: str) -> None:
    account = person("nobody")
    account.groups.clear()

    with page(web, session_of(account)) as open_page:
        assert open_page.closed_with() == 4401


def test_sessions_and_rights_are_checked_again_within_seconds() -> None:
    assert 0 < hub.BEAT + hub.RECHECK <= 10


def test_signing_out_closes_the_socket(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "RECHECK", 0.0)
    session = session_of(person("vera"))

    with page(web, session) as open_page:
        open_page.hears("heartbeat")
        Session.objects.filter(session_key=session).delete()

        assert open_page.closed_with() == 4401


def test_a_removed_right_closes_the_socket(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "RECHECK", 0.0)
    account = person("vera")

    with page(web, session_of(account)) as open_page:
        open_page.hears("heartbeat")
        account.groups.clear()

        assert open_page.closed_with() == 4401


def test_a_changed_password_closes_the_socket(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "RECHECK", 0.0)
    account = person("vera")

    with page(web, session_of(account)) as open_page:
        open_page.hears("heartbeat")
        account.set_password("another")
        account.save()

        assert open_page.closed_with() == 4401


def test_a_right_removed_between_two_checks_stops_the_next_subscription(web: str) -> None:
    account = person("vera")

    with page(web, session_of(account)) as open_page:
        open_page.hears("heartbeat")
        account.is_active = False
        account.save()
        open_page.ask(board=True)

        assert open_page.closed_with() == 4401


@pytest.mark.parametrize(
    "message",
    ["", "[]", "{", "null", '{"watch": "all"}', '{"watch": ["1 or 1=1"]}', '{"board": 1}', "[" * 5000, "x" * 20_000],
)
def test_anything_but_a_subscription_ends_the_socket(web: str, message: str) -> None:
    with page(web, session_of(person("vera"))) as open_page:
        open_page.connection.send(message)

        assert open_page.closed_with() == 4400


def test_too_many_messages_end_the_socket(web: str) -> None:
    with page(web, session_of(person("vera"))) as open_page:
        for _ in range(31):
            open_page.connection.send(json.dumps({"board": True}))

        assert open_page.closed_with() == 4429


def rita() -> User:
    """Support for returns only."""
    account = person("rita", role="")
    ScopedRole.objects.create(user=account, role="support", workflow="return")
    return account


def test_a_page_hears_nothing_of_an_instance_that_its_person_may_not_see(web: str) -> None:
    hidden, mine = an_instance("O1"), an_instance("R1", workflow="return")

    with page(web, session_of(rita())) as open_page:
        open_page.ask(watch=[hidden, mine])
        open_page.hears("instance", mine)
        publish.changed([(hidden, 7), (mine, 7)])
        open_page.hears("instance", mine, at_least=7)
        moved(hidden)
        beat = open_page.hears("heartbeat")["revision"]
        open_page.hears("heartbeat", at_least=beat + 2)

        assert all(frame["id"] != hidden for frame in open_page.heard)


def test_a_board_hears_nothing_of_workflows_that_its_person_may_not_see(web: str) -> None:
    hidden, mine = an_instance("O1"), an_instance("R1", workflow="return")

    with page(web, session_of(rita())) as open_page:
        open_page.ask(board=True)
        before = open_page.hears("board")["revision"]
        publish.changed([(hidden, 7)])
        moved(hidden)
        beat = open_page.hears("heartbeat")["revision"]
        open_page.hears("heartbeat", at_least=beat + 2)
        silent = [frame for frame in open_page.heard if frame["topic"] == "board" and frame["revision"] > before]
        publish.changed([(mine, 7)])

        assert silent == []
        assert open_page.hears("board", at_least=before + 1)


def test_a_board_of_one_workflow_notices_what_redis_lost(web: str) -> None:
    mine = an_instance("R1", workflow="return")

    with page(web, session_of(rita())) as open_page:
        open_page.ask(board=True)
        before = open_page.hears("board")["revision"]
        moved(mine)

        assert open_page.hears("board", at_least=before + 1)


def test_changed_rights_end_the_socket_so_that_the_page_reads_everything_again(
    web: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "RECHECK", 0.0)
    account = person("vera")

    with page(web, session_of(account)) as open_page:
        open_page.hears("heartbeat")
        ScopedRole.objects.create(user=account, role="operator", workflow="order")

        assert open_page.closed_with() == 1012


def test_a_role_for_one_workflow_that_is_taken_away_closes_the_socket(
    web: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "RECHECK", 0.0)
    account = rita()

    with page(web, session_of(account)) as open_page:
        open_page.hears("heartbeat")
        account.scoped_roles.all().delete()

        assert open_page.closed_with() == 4401
