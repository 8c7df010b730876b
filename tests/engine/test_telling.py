"""Those who are asked are told once each, by a mail that leads to a page and holds nothing else."""

from __future__ import annotations

from datetime import timedelta
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client

from approvals.models import Approval, Notice
from console import letters
from tests.console.people import signed_in
from tests.deciders import TEAM, asked, decider, in_team
from tests.engine.desk import Desk
from tests.worlds import person, together
from workflows import interventions
from workflows.engine import clock
from workflows.interventions import telling
from workflows.interventions.deciding import decide

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = "https://console.example.com"


@pytest.fixture(autouse=True)
def _letters(settings: Any) -> None:
    settings.CONSOLE_URL = ADDRESS


@pytest.fixture
def desk() -> Desk:
    return Desk()


def member(name: str, role: str = "approver", team: str = TEAM, email: str = "") -> User:
    """Somebody with an address in a team."""
    account = in_team(person(name, role), team)
    User.objects.filter(id=account.id).update(email=email or f"{name}@example.com")
    return account


def told() -> list[str]:
    """Who got mail, in order."""
    return [address for message in mail.outbox for address in message.to]


class Moody(EmailBackend):
    """A mail server that refuses mail to whomever `refuses` names, and does not answer at all while it is `away`."""

    refuses: tuple[str, ...] = ()
    away = False

    def open(self) -> None:
        if self.away:
            raise ConnectionRefusedError("nobody listens")

    def send_messages(self, messages: Any) -> int:
        if any(address.startswith(self.refuses) for message in messages for address in message.to if self.refuses):
            raise SMTPServerDisconnected("no")
        return super().send_messages(messages)


@pytest.fixture
def moody(settings: Any, monkeypatch: pytest.MonkeyPatch) -> type[Moody]:
    settings.EMAIL_BACKEND = f"{__name__}.Moody"
    monkeypatch.setattr(Moody, "refuses", ())
    monkeypatch.setattr(Moody, "away", False)
    return Moody


def test_every_member_of_the_team_is_told_once(desk: Desk) -> None:
    for name in ("anna", "bert"):
        member(name)
    question = asked(desk, "A1")

    rounds = [telling.tell() for _ in range(3)]

    assert rounds == [2, 0, 0] and told() == ["anna@example.com", "bert@example.com"]
    assert Approval.objects.get(id=question.id).told_at is not None
    assert all(Notice.objects.values_list("sent_at", flat=True))


def test_the_mail_says_which_question_and_leads_to_its_page_and_says_nothing_else(desk: Desk) -> None:
    member("anna")
    question = asked(desk, "A1", customer_id="CANARY")

    telling.tell()

    (message,) = mail.outbox
    assert message.subject == "Order A1: Is this order genuine?"
    assert f"    {ADDRESS}/decide/{question.id}/\n" in message.body
    assert "Without a decision it is rejected on " in message.body and "fraud-team" in message.body
    for private in ("CANARY", "1500", "1,500", "United Kingdom", "anna", question.subject_hash):
        assert private not in message.subject + str(message.body), private


def test_the_link_opens_a_page_and_decides_nothing_whoever_opens_it(desk: Desk) -> None:
    member("anna")
    question = asked(desk)
    telling.tell()
    path = next(word for word in str(mail.outbox[0].body).split() if word.startswith(ADDRESS)).removeprefix(ADDRESS)
    scanner, browser = Client(), signed_in("approver")
    in_team(User.objects.get(username="approver"))

    opened = [(who.get(path).status_code, who.head(path).status_code) for who in (scanner, browser)]

    assert opened == [(302, 302), (200, 200)]
    question.refresh_from_db()
    assert question.state == "open" and not question.votes.exists()


def test_nobody_is_told_who_may_not_decide_it_or_cannot_be_reached(desk: Desk) -> None:
    member("anna")
    member("other", team="elders")
    member("sam", role="support")
    gone = member("gone")
    gone.is_active = False
    gone.save()
    in_team(person("mute", "approver"))
    own = member("own")
    asked(desk, by=interventions.user(own))

    telling.tell()

    assert told() == ["anna@example.com"]


def test_without_an_address_for_links_nobody_is_told(desk: Desk, settings: Any) -> None:
    settings.CONSOLE_URL = ""
    member("anna")
    question = asked(desk)

    assert telling.tell() == 0

    question.refresh_from_db()
    assert question.told_at is None and not Notice.objects.exists()


def test_a_mail_that_is_refused_is_tried_again_and_holds_up_no_other(desk: Desk, moody: type[Moody]) -> None:
    for name in ("anna", "bert", "carl"):
        member(name)
    asked(desk)
    moody.refuses = ("anna", "bert")

    assert telling.tell() == 1 and told() == ["carl@example.com"]
    failed = Notice.objects.get(person="anna")
    assert (failed.attempts, failed.error, failed.sent_at) == (1, "SMTPServerDisconnected", None)
    assert failed.next_at > clock.now()
    moody.refuses = ()
    assert telling.tell() == 0  # not before its time
    Notice.objects.filter(sent_at=None).update(next_at=clock.now())
    assert telling.tell() == 2

    assert sorted(told()) == ["anna@example.com", "bert@example.com", "carl@example.com"]


def test_a_mail_server_that_is_away_costs_nobody_their_mail(desk: Desk, moody: type[Moody]) -> None:
    member("anna")
    asked(desk)
    moody.away = True

    assert telling.tell() == 0
    assert Notice.objects.get().attempts == 0
    moody.away = False
    Notice.objects.update(next_at=clock.now())

    assert telling.tell() == 1 and told() == ["anna@example.com"]


def test_two_pumps_at_the_same_moment_send_one_mail(desk: Desk) -> None:
    member("anna")
    asked(desk)

    together(*[telling.tell] * 4)

    assert told() == ["anna@example.com"]


def test_nobody_is_told_of_what_is_decided_already(desk: Desk, moody: type[Moody]) -> None:
    member("anna")
    question = asked(desk)
    moody.refuses = ("anna",)
    telling.tell()
    decide(decider("bert"), "approve", question.id)
    moody.refuses = ()
    Notice.objects.update(next_at=clock.now() - timedelta(minutes=1))

    assert telling.tell() == 0 and told() == []


@pytest.mark.parametrize(
    "hostile", ["1\r\nBcc: eve@example.com", "1\nX: y\n\nfree money", "1\x00\x1b[2J", "1\u2028Bcc: eve", "x" * 5000]
)
def test_nothing_in_a_number_or_a_question_becomes_a_header(desk: Desk, hostile: str) -> None:
    member("anna")
    asked(desk, "A1")
    Approval.objects.update(key=hostile.replace("\x00", ""), question=hostile.replace("\x00", ""), audience=TEAM)

    telling.tell()

    (message,) = mail.outbox
    assert message.recipients() == ["anna@example.com"]
    assert len(message.subject) <= letters.MOST + 1 and message.subject.isprintable()
    headers = message.message()
    assert headers["Bcc"] is None and headers["X"] is None
    assert all(line.isprintable() for line in str(message.body).splitlines())


def test_an_address_that_is_none_is_an_error_of_its_own(desk: Desk) -> None:
    member("anna", email="anna@example.com\nBcc: eve@example.com")
    member("bert")
    asked(desk)

    assert telling.tell() == 1

    assert told() == ["bert@example.com"]
    assert Notice.objects.get(person="anna").error == "BadHeaderError"
