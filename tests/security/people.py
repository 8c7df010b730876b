"""People whose roles are good for one workflow only, at a browser and at the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group, User
from django.http import HttpResponse
from django.test import Client

from tests.api.world import Person
from workflows.interventions import tokens
from workflows.models import ScopedRole


@dataclass
class Somebody:
    """One person at a browser; `api` is the same person with a token."""

    account: User
    browser: Client
    api: Person

    def get(self, path: str, **query: Any) -> HttpResponse:
        """A page, or an answer of the API where the path begins with /api/."""
        answer = self.browser.get(path, query)
        assert isinstance(answer, HttpResponse)
        return answer


def somebody(name: str, *roles: str, **scoped: str) -> Somebody:
    """A new person with these roles for all workflows and, by keyword, a role for one workflow."""
    account = User.objects.create_user(name, password="x-secret-x")
    for role in roles:
        account.groups.add(Group.objects.get_or_create(name=role)[0])
    for workflow, role in scoped.items():
        ScopedRole.objects.create(user=account, workflow=workflow, role=role)
    browser = Client()
    browser.force_login(account)
    return Somebody(account, browser, Person(name, tokens.issue(account)))
