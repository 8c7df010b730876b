"""`python -m tests.chaos.decider`: approves whatever is open, as the people of an installation would, until it ends."""

from __future__ import annotations

import os
import threading

import django

from tests.chaos.people import DECIDERS, PAUSE


def main() -> None:
    """Everybody approves what they may approve; who comes too late is told so."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
    django.setup()
    from django.contrib.auth.models import User
    from django.db import connection

    from approvals.models import Approval
    from workflows.engine.patience import AWAY
    from workflows.interventions import InterventionError, deciding, user

    pause = threading.Event()
    while not pause.wait(PAUSE):
        try:
            people = [user(account) for account in User.objects.filter(username__in=DECIDERS)]
            for approval in Approval.objects.filter(state="open").order_by("opened_at"):
                for person in people:
                    try:
                        deciding.decide(person, "approve", approval.id, subject_hash=approval.subject_hash)
                    except InterventionError:
                        continue
        except AWAY:
            connection.close()


if __name__ == "__main__":
    main()
