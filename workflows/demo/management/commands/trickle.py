"""`manage.py trickle`: plays the demonstration's orders until all were played.

With TRICKLE=0 it only subscribes the simulated CRM to what is published, for those who start orders themselves.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import structlog
from django.core.management.base import BaseCommand
from django.db import connection

from workflows.demo import playback
from workflows.engine.patience import AWAY

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Play the real orders of December 2010, one every few seconds."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until all orders were played, or SIGTERM."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        playback.subscribe_crm()
        if os.environ.get("TRICKLE") == "0":
            return
        while not stop.wait(playback.pause()):
            try:
                if not playback.play_next():
                    self.stdout.write("All orders were played.")
                    return
            except AWAY as error:
                log.warning("playback.database_away", error=str(error).split("\n")[0])
                connection.close()
