"""Sends signals to the processes of an installation; whoever is gone already is no error."""

from __future__ import annotations

import os
import random
import signal

from tests.chaos.installation import Installation, Process

#: what a worker forks or runs threads in; the quarantine is one too
WORKERS = ("celery",)
BROKER = ("valkey-server", "redis-server")
DATABASE = ("bin/postgres",)


def send(pid: int, number: signal.Signals) -> bool:
    """False: there is no such process any more."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def one_of(installation: Installation, luck: random.Random, *words: str) -> Process | None:
    """Any process of `up` whose command line has one of the words."""
    found = installation.processes(*words)
    return luck.choice(found) if found else None
