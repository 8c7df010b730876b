"""Creates an API token for a user and prints it once; only its digest is kept."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from workflows.interventions import InterventionError, tokens


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="the user in whose name the token acts")
        parser.add_argument("--label", default="", help="what the token is for")
        parser.add_argument("--days", type=int, help="expires after this many days (default: never)")
        parser.add_argument(
            "--capability", action="append", default=[], help="good for this only; may be repeated (default: all)"
        )
        parser.add_argument(
            "--workflow", action="append", default=[], help="good for this workflow only; may be repeated"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the token. Raises CommandError for an unknown user, capability or workflow."""
        days = options["days"]
        if days is not None and not 1 <= days <= 3650:
            raise CommandError("--days must be between 1 and 3650.")
        users = get_user_model()._default_manager
        account = users.filter(username=options["user"], is_active=True).first()
        if account is None:
            raise CommandError(f"There is no active user {options['user']!r}.")
        lifetime = timedelta(days=days) if days is not None else None
        limits = tokens.limits(options["capability"], options["workflow"])
        try:
            text = tokens.issue(account, label=options["label"], lifetime=lifetime, limits=limits)
        except InterventionError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(text)
