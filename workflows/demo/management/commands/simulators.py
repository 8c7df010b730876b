"""Runs the demo's six simulated services, with their ledger and fault dials, in a process of their own."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from workflows.demo.simulators.serve import listen, serve
from workflows.demo.simulators.world import Options

CALLBACK_URL = "http://127.0.0.1:8000/api/v1/callbacks/erp"


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8001)
        parser.add_argument("--store", type=Path, help="SQLite file (default: DATA_DIR/simulators.sqlite3)")
        parser.add_argument(
            "--callback-url",
            default=os.environ.get("SIMULATOR_CALLBACK_URL", CALLBACK_URL),
            help=f"where the ERP sends its callbacks (default: SIMULATOR_CALLBACK_URL or {CALLBACK_URL})",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Secrets come from SIMULATOR_WEBHOOK_SECRET and, if events have their own, SIMULATOR_EVENTS_SECRET."""
        secret = os.environ.get("SIMULATOR_WEBHOOK_SECRET") or None
        chosen = Options(
            store=options["store"] or Path(settings.DATA_DIR) / "simulators.sqlite3",
            callback_url=options["callback_url"],
            webhook_secret=secret,
            events_secret=os.environ.get("SIMULATOR_EVENTS_SECRET") or secret,
        )
        try:
            sock = listen(options["host"], options["port"])
        except OSError as error:
            raise CommandError(f"Cannot listen on {options['host']}:{options['port']}: {error.strerror}.") from error
        url = f"http://{options['host']}:{options['port']}/"
        self.stdout.write(f"Simulated dependencies on {url} (try {url}ledger and {url}faults)")
        if secret is None:
            self.stdout.write("SIMULATOR_WEBHOOK_SECRET is not set: the ERP sends no callbacks.")
        self.stdout.flush()
        try:
            serve(chosen, sock)
        except ValueError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.stdout.write("Simulated dependencies stopped.")
