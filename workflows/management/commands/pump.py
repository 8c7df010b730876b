"""`manage.py pump`: keeps time, finds what was lost, delivers events. Any number may run; they share the work."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from workflows import pumping


class Command(BaseCommand):
    help = "Keep time: fire timers, sweep dead leases, send hints, deliver events, verify operations."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        self.stdout.write("The pump is running.")
        pumping.run(stop)
