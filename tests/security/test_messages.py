"""Whoever can write into Redis gets no code executed and forges nothing: messages are JSON and carry ids only."""

from __future__ import annotations

import base64
import pickle
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from kombu.exceptions import ContentDisallowed
from kombu.message import Message as Received
from kombu.serialization import dumps

from console.celery import app
from console.live.frames import read_news
from tests.engine.desk import Desk
from tests.security.people import somebody
from tests.worlds import Kept
from workflows import tasks
from workflows.engine import executor, sessions

pytestmark = pytest.mark.django_db


class Bomb:
    """Does something when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a message executed code",))


@pytest.mark.parametrize("kind", ["pickle", "yaml"])
def test_a_worker_decodes_nothing_but_json(kind: str) -> None:
    body = pickle.dumps(Bomb()) if kind == "pickle" else b"!!python/object/apply:os.system ['true']"
    content_type = {"pickle": "application/x-python-serialize", "yaml": "application/x-yaml"}[kind]
    forged = Received(body, content_type=content_type, content_encoding="binary", accept=app.conf.accept_content)

    with pytest.raises(ContentDisallowed):
        forged.decode()


def test_what_we_send_is_json_and_no_result_is_kept() -> None:
    content_type, _, body = dumps({"pool": "default"}, serializer=app.conf.task_serializer)

    assert content_type == "application/json" and body == '{"pool": "default"}'
    assert app.conf.accept_content == ["json"] and app.conf.task_ignore_result


def test_sessions_are_signed_json_and_not_in_redis() -> None:
    person = somebody("olga", "operator")
    person.get("/work/")
    session = Session.objects.get()
    kept = session.session_data

    assert settings.SESSION_SERIALIZER.endswith("JSONSerializer")
    assert "db" in settings.SESSION_ENGINE
    Session.objects.update(session_data=base64.b64encode(pickle.dumps(Bomb())).decode() + kept[-50:])
    assert person.get("/work/").status_code == 302, "a forged session is no session"


@pytest.mark.django_db(transaction=True)
def test_a_forged_wake_up_for_anything_changes_nothing() -> None:
    instance = Kept(Desk().start("1"))
    before = (instance.row.revision, instance.history)

    for forged in (str(uuid4()), str(instance.id)):
        tasks.look(pool="no such pool", instance_id=forged, lifecycle="completed", state={})
        tasks.deliver(message_id=forged, body="{}")
    sessions.end()

    assert (instance.row.revision, instance.history) == before


def test_a_wake_up_takes_ids_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Any] = []
    monkeypatch.setattr(executor, "look", lambda *arguments: looked.append(arguments))

    tasks.look(pool="default", instance_id=None, token=7, outcome="succeeded")

    assert looked == [("default", None)]


@pytest.mark.parametrize("text", ['[["x", 1]]', '{"a": 1}', '[["00000000-0000-0000-0000-000000000000", "y"]]', "\xff"])
def test_forged_news_is_ignored(text: str) -> None:
    assert read_news(text) == {}
