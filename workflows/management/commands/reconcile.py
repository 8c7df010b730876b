"""`manage.py reconcile`: compares the record with the simulated systems' own ledger of what really happened."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

import httpx
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from workflows.verify import GRACE, stories
from workflows.verify.findings import Offender
from workflows.verify.outside import OUTSIDE, Effect, Recorded, judge
from workflows.verify.snapshot import taken

#: The simulated systems; their names are those of the dependencies.
SERVICES = frozenset({"fraud", "payments", "erp", "warehouse", "carrier", "crm"})
#: Offenders shown; the rest are counted.
MAX_SHOWN = 50


class Command(BaseCommand):
    help = (
        "Compare recorded successes and corrections with the effects in the simulators' ledger: at most one effect per "
        "key, every success has its effect and every effect its record, what was corrected nets to zero. "
        "Exit code 1 otherwise."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--simulators", metavar="URL", default=settings.SIMULATORS_URL, help="default: %(default)s")
        parser.add_argument("--json", action="store_true", help="the whole report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError when the ledger cannot be read, SystemExit(1) when something does not fit."""
        recorded, before = Recorded(SERVICES), _ledger(options["simulators"])
        with taken(GRACE):
            for story in stories.every():
                recorded.note(story)
        offenders = judge(before, recorded, after := _ledger(options["simulators"]))
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(offenders, recorded, after), indent=1))
        else:
            self._print(offenders, recorded, after)
        if offenders:
            raise SystemExit(1)

    def _print(self, offenders: list[Offender], recorded: Recorded, ledger: list[Effect]) -> None:
        for name, title in OUTSIDE.items():
            count = sum(offender.invariant == name for offender in offenders)
            self.stdout.write(f"{name}  {title:<62} {f'{count:,} offenders' if count else 'holds'}")
        for offender in offenders[:MAX_SHOWN]:
            self.stdout.write(f"{offender.invariant}  {offender.subject}: {offender.problem}")
        if len(offenders) > MAX_SHOWN:
            self.stdout.write(f"and {len(offenders) - MAX_SHOWN:,} more")
        counted = f"{len(recorded.effects):,} recorded effects, {len(recorded.corrected):,} recorded corrections"
        self.stdout.write(f"{counted}, {len(ledger):,} effects in the ledger.")


def _ledger(url: str) -> list[Effect]:
    try:
        response = httpx.get(f"{url.rstrip('/')}/ledger", timeout=60, trust_env=False)
        response.raise_for_status()
        return [Effect.read(line) for line in response.json()]
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise CommandError(f"The ledger at {url} cannot be read: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CommandError(f"What {url} answers is not a ledger ({type(error).__name__}: {error}).") from error


def _as_json(offenders: list[Offender], recorded: Recorded, ledger: list[Effect]) -> dict[str, Any]:
    return {
        "clean": not offenders,
        "recorded": len(recorded.effects),
        "corrected": len(recorded.corrected),
        "effects": len(ledger),
        "titles": OUTSIDE,
        "offenders": [asdict(offender) for offender in offenders],
    }
