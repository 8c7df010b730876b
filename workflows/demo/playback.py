"""Plays the real orders of December 2010 through the same door as everybody else, one every few seconds."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import structlog
from django.conf import settings
from django.db import transaction

from workflows import interventions
from workflows.demo.models import Playback
from workflows.demo.simulators.faults import Faults
from workflows.engine import clock, releases
from workflows.engine.intake import Conflict, InvalidInput
from workflows.models import Subscription

DATA = Path(__file__).parent / "data" / "orders-2010-12.jsonl.gz"
#: Seconds between two orders, and while a fault dial is turned: then one wants to see something happen.
CALM, BUSY = 3.0, 0.4
CRM = "crm"

log = structlog.get_logger(__name__)


@cache
def records() -> list[dict[str, Any]]:
    """The records of the shipped file, in order."""
    with gzip.open(DATA, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def play_next() -> bool:
    """Start the next record. False when all were played. Safe to run twice: a key is started once."""
    with transaction.atomic():
        playback, _ = Playback.objects.select_for_update().get_or_create(id=1)
        playback.total = len(records())
        if playback.exhausted:
            playback.save()
            return False
        record = records()[playback.position]
        workflow = "return" if record["cancellation"] else "order"
        try:
            releases.check_intake(workflow, clock.now())  # first, so that waiting leaves no refused attempts
            interventions.start(
                interventions.system(), workflow, record, correlation_id=f"demo-{record['order_id']}"
            )  # fmt: skip
        except interventions.IntakePaused:
            return True  # it is this order's turn again once intake is resumed
        except (InvalidInput, Conflict) as error:
            log.warning("playback.refused", order=record["order_id"], error=str(error))
        playback.position += 1
        playback.played_at = clock.now()
        playback.save()
    return True


def pause() -> float:
    """Seconds until the next order."""
    return BUSY if dials_turned() else CALM


def dials_turned() -> bool:
    """Whether any fault dial of the simulated systems is away from its default. False if they cannot be asked."""
    try:
        answer = httpx.get(f"{settings.SIMULATORS_URL}/faults", timeout=2, trust_env=False)
        return answer.is_success and answer.json() != Faults().model_dump(mode="json")
    except httpx.HTTPError:
        return False


def subscribe_crm() -> None:
    """The simulated CRM receives every published event, signed."""
    secrets: Sequence[str] = settings.WEBHOOK_SECRETS.get("erp", ())
    if secrets:
        url = f"{settings.SIMULATORS_URL}/crm/events"
        Subscription.objects.update_or_create(
            name=CRM, defaults={"url": url, "secret": secrets[0]}, create_defaults={
                "url": url, "secret": secrets[0], "created_at": clock.now()
            },
        )  # fmt: skip
