"""People who are asked to decide, and orders that wait for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.models import Group, User
from django.test.utils import modify_settings

from approvals.models import Approval
from tests.engine.desk import Desk, order
from tests.worlds import person
from workflows import interventions, registry
from workflows.engine import executor, sessions
from workflows.interventions import Principal

#: who is asked about large and risky orders
TEAM = "fraud-team"


def in_team(account: User, team: str = TEAM) -> User:
    """The same person, now a member of the team."""
    account.groups.add(Group.objects.get_or_create(name=team)[0])
    return account


def decider(name: str) -> Principal:
    """An approver of the fraud team."""
    return interventions.user(in_team(person(name, "approver")))


def asked(desk: Desk, key: str | None = None, *, by: Principal | None = None, **changes: object) -> Approval:
    """The question about an order of 1,500 GBP that somebody (the shop's intake, if nobody is named) started."""
    raw = order(key, **{"total": 1500.0, **changes})
    starter = by or interventions.system()
    started = interventions.start(starter, "order", raw, correlation_id=f"c-{raw['order_id']}")
    desk.play(started.id)
    return Approval.objects.get(subject=started.id)


@contextmanager
def gifts() -> Iterator[None]:
    """The process of gifts is installed, and this process works on it."""
    sessions.end()
    with modify_settings(INSTALLED_APPS={"append": "tests.gifts_app"}):
        _forget_definitions()
        yield
        sessions.end()
    _forget_definitions()


def gift(key: str = "G1", **changes: object) -> Approval:
    """The question about a gift of 500 EUR, whose money is taken already."""
    raw = {"gift_id": key, "amount": 500.0, "donor": "Midas", **changes}
    started = interventions.start(interventions.system(), "gift", raw, correlation_id=f"c-{key}")
    work()
    return Approval.objects.get(subject=started.id)


def work() -> None:
    """Workers do what is ready, for as long as there is anything."""
    while executor.look("default", None):
        pass


def elder(name: str) -> Principal:
    """One of those who are asked about gifts."""
    return interventions.user(in_team(person(name, "approver"), "elders"))


def _forget_definitions() -> None:
    for remembered in (registry.definitions, registry.capabilities, registry.pools, executor._declared):
        remembered.cache_clear()
