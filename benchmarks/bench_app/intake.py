"""Starts Watchkeeper instances from outside, through the same door as the API; sees their end in the database."""

# ruff: noqa: E402 - models can be imported only after the setup

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")

import django

django.setup()

from django.db import connection

from benchmarks.driver import serve
from workflows import interventions


class Intake:
    """The driver's threads share one principal, as the clients of one API token do."""

    def __init__(self) -> None:
        self.principal = interventions.authority.client("bench", frozenset({"start"}))

    def start(self, key: str) -> None:
        interventions.start(self.principal, "bench", {"key": key, "count": 0}, correlation_id=key, key=key)

    def is_done(self, key: str) -> bool:
        question = "SELECT ended_at IS NOT NULL FROM workflows_instance WHERE workflow = 'bench' AND key = %s"
        with connection.cursor() as cursor:
            cursor.execute(question, [key])
            row = cursor.fetchone()
        return bool(row and row[0])


if __name__ == "__main__":
    serve(Intake())
