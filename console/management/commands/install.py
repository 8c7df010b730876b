"""Brings the database up to date: tables, the application role's rights and, in the demo, its people. Safe to repeat.

Run as the owner of the tables.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection

from console.embedded.postgres import APPLICATION


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--role", default=APPLICATION, help="the application role (default: %(default)s)")
        parser.add_argument("--url", default="http://127.0.0.1:8000/", help="where the console is (demo only)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Without a role of that name everything belongs to whoever runs this, and there is nothing to grant."""
        call_command("migrate", interactive=False, stdout=self.stdout)
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s AND rolname <> current_user", [options["role"]])
            separate = cursor.fetchone() is not None
        if separate:
            call_command("grant_rights", role=options["role"], stdout=self.stdout)
        if settings.DEMO:
            call_command("demo_users", url=options["url"], stdout=self.stdout)
