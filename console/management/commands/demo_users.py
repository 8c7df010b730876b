"""Creates the demo's people, one per role, with public passwords and API tokens, and writes them to DATA_DIR/demo.json.

Safe to repeat: people, passwords and tokens that still work are kept.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from console.embedded import discovery
from workflows.interventions import tokens

#: sign-in name → groups: the role, and the teams that are asked to decide
PEOPLE = {
    "support": ("support",),
    "approver": ("approver", "fraud-team"),
    "approver2": ("approver", "fraud-team"),
    "operator": ("operator",),
    "admin": ("admin",),
}


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--url", default="http://127.0.0.1:8000/", help="where the console is (default: %(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("These people have public passwords; they exist in the demo only.")
        path = Path(settings.DATA_DIR) / discovery.DEMO
        known = _known_tokens(path)
        with transaction.atomic():
            users = {name: _person(name, groups) for name, groups in PEOPLE.items()}
            people = {
                name: {"password": password(name), "token": _token(user, known.get(name, ""))}
                for name, user in users.items()
            }
        written = {"url": options["url"], "simulators_url": f"{settings.SIMULATORS_URL}/", "users": people}
        discovery.write_private(path, json.dumps(written, indent=2) + "\n")
        self.stdout.write(f"{len(people)} people in {path}")


def password(name: str) -> str:
    return f"{name}-demo"


def _person(name: str, groups: Sequence[str]) -> User:
    """The user, in these groups only; an admin may also use Django admin."""
    user, created = User.objects.get_or_create(username=name, defaults={"email": f"{name}@example.com"})
    if created or not user.check_password(password(name)):
        user.set_password(password(name))
    user.is_active = True
    user.is_staff = user.is_superuser = "admin" in groups
    user.save()
    user.groups.set([Group.objects.get_or_create(name=group)[0] for group in groups])
    return user


def _token(user: User, known: str) -> str:
    """The token handed out before if it still works, else a new one."""
    bearer = tokens.bearer(known) if known else None
    if bearer is not None and bearer.account == user and bearer.limits == tokens.limits():
        return known
    return tokens.issue(user, label="demo")


def _known_tokens(path: Path) -> dict[str, str]:
    try:
        users = json.loads(path.read_text())["users"]
        return {name: str(entry["token"]) for name, entry in users.items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
