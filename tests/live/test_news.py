"""What one process commits, every open page that cares hears: at once with Redis, within a heartbeat without."""

from __future__ import annotations

import json
import threading
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.conf import settings

from console.live import publish
from tests.live.sockets import page, session_of
from tests.stories import an_instance, moved, person
from tests.waiting import wait_until


def test_a_watching_page_hears_of_its_instance_and_of_no_other(web: str) -> None:
    mine, other = an_instance("A1"), an_instance("A2")

    with page(web, session_of(person("vera"))) as open_page:
        open_page.ask(watch=[mine])
        open_page.hears("instance", mine)
        publish.changed([(other, 7), (mine, 9)])

        assert open_page.hears("instance", mine, at_least=9)["revision"] == 9
        assert all(frame["id"] != other for frame in open_page.heard)


def test_a_board_hears_that_something_changed_but_not_what(web: str) -> None:
    with page(web, session_of(person("vera"))) as open_page:
        open_page.ask(board=True)
        open_page.hears("heartbeat")
        before = len(open_page.heard)
        publish.changed([(str(uuid4()), 1)])

        assert open_page.hears("board")["id"] == ""
        assert all(frame["topic"] != "instance" for frame in open_page.heard[before:])


def test_older_news_than_already_told_is_not_passed_on(web: str) -> None:
    mine = an_instance("A1")

    with page(web, session_of(person("vera"))) as open_page:
        open_page.ask(watch=[mine])
        open_page.hears("instance", mine)
        publish.changed([(mine, 5)])
        open_page.hears("instance", mine, at_least=5)
        publish.changed([(mine, 4)])
        publish.changed([(mine, 6)])

        assert open_page.hears("instance", mine, at_least=4)["revision"] == 6


def test_what_redis_lost_is_told_with_the_next_heartbeat(web: str) -> None:
    mine = an_instance("A1")

    with page(web, session_of(person("vera"))) as open_page:
        open_page.ask(watch=[mine])
        revision = open_page.hears("instance", mine)["revision"]
        moved(mine)

        assert open_page.hears("instance", mine, at_least=revision + 1)["revision"] == revision + 1


def test_boards_notice_what_redis_lost_too(web: str) -> None:
    mine = an_instance("A1")

    with page(web, session_of(person("vera"))) as open_page:
        open_page.ask(board=True)
        revision = open_page.hears("board")["revision"]
        moved(mine)

        assert open_page.hears("board", at_least=revision + 1)


def test_without_redis_pages_are_told_that_news_is_slow(web: str, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    with page(web, session_of(person("vera"))) as open_page:
        assert open_page.hears("heartbeat")["id"] == "slow"


def test_pages_are_live_again_once_redis_is(web: str) -> None:
    client = redis.Redis.from_url(settings.REDIS_URL)

    with page(web, session_of(person("vera"))) as open_page:
        wait_until(lambda: open_page.hears("heartbeat")["id"] == "live", "the page is live")
        client.client_kill_filter(_type="pubsub")
        wait_until(lambda: open_page.hears("heartbeat")["id"] == "slow", "the page knows that Redis is away")
        wait_until(lambda: open_page.hears("heartbeat")["id"] == "live", "the page is live again")
    client.close()


def test_a_hostile_message_on_the_channel_is_ignored(web: str) -> None:
    mine = an_instance("A1")
    client = redis.Redis.from_url(settings.REDIS_URL)

    with page(web, session_of(person("vera"))) as open_page:
        open_page.ask(watch=[mine])
        open_page.hears("instance", mine)
        for nonsense in ("", "{", "[[1]]", '[["<script>", 1]]', '{"a": 1}', "[" * 10_000, "\xff"):
            client.publish(publish.CHANNEL, nonsense)
        publish.changed([(mine, 3)])

        assert open_page.hears("instance", mine, at_least=3)
    client.close()


def test_noting_a_change_never_waits_for_a_redis_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = publish.Publisher("redis://127.0.0.1:1/0")
    done = threading.Event()

    def note_many() -> None:
        for number in range(50_000):
            publisher.note([(str(number), 1)])
        done.set()

    threading.Thread(target=note_many, daemon=True).start()

    assert done.wait(timeout=5)
    publisher.close()


def test_a_burst_of_changes_becomes_few_messages_with_the_newest_revisions() -> None:
    client = redis.Redis.from_url(settings.REDIS_URL, decode_responses=True)
    ear = client.pubsub(ignore_subscribe_messages=True)
    ear.subscribe(publish.CHANNEL)
    ear.get_message(timeout=1)
    publisher = publish.Publisher(settings.REDIS_URL)
    about = str(uuid4())

    for revision in range(1, 2001):
        publisher.note([(about, revision)])
    publisher.close()

    heard: list[int] = []
    wait_until(lambda: _last(ear, about, heard) == 2000, "the last one is heard")
    assert len(heard) < 20
    assert heard == sorted(heard)
    ear.close()
    client.close()


def _last(ear: redis.client.PubSub, about: str, heard: list[int]) -> int:
    message = ear.get_message(timeout=0.1)
    if message:
        heard.extend(revision for one, revision in json.loads(message["data"]) if one == about)
    return heard[-1] if heard else 0
