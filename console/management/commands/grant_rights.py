"""Gives the application role its rights on all tables; append-only tables may only be read and added to.

Run as the owner of the tables, after every `migrate`.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from psycopg import sql

from console.embedded.postgres import APPLICATION
from workflows.models import APPEND_ONLY_TABLES


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--role", default=APPLICATION, help="the application role; it must exist (default: %(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        role = options["role"]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
            if not cursor.fetchone():
                raise CommandError(f"There is no role {role}. Create it first: CREATE ROLE {role} LOGIN;")
            cursor.execute("SELECT current_user")
            if cursor.fetchone() == (role,):
                raise CommandError(f"{role} would grant rights to itself. Run this as the owner of the tables.")
            for statement in grants(role):
                cursor.execute(statement.as_string(cursor.connection))
        self.stdout.write(f"{role} may use all tables; {len(APPEND_ONLY_TABLES)} of them it may only add to.")


def grants(role: str) -> list[sql.Composed]:
    """The statements, in order. They hold for tables of today; run the command again after a migration."""
    append_only = sql.SQL(", ").join(sql.Identifier(table) for table in APPEND_ONLY_TABLES)
    texts = [
        "GRANT USAGE ON SCHEMA public TO {role}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
        "REVOKE UPDATE, DELETE, TRUNCATE ON {append_only} FROM {role}",
        "REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role}",
    ]
    return [sql.SQL(text).format(role=sql.Identifier(role), append_only=append_only) for text in texts]
