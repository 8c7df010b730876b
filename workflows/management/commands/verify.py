"""`manage.py verify`: checks every data invariant and lists whoever breaks one."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import timedelta
from typing import IO, Any, cast

from django.conf import settings
from django.core.management.base import BaseCommand
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from workflows.verify import GRACE, INVARIANTS, Report, Verdict, verify

#: Offenders shown per invariant; the rest are counted.
MAX_SHOWN = 20
_COLOURS = {"holds": "green", "broken": "bold red", "not judged": "yellow"}


class Command(BaseCommand):
    help = "Check every data invariant in one snapshot. Exit code 1, and a list of offenders, if any is broken."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="the whole report as JSON, every offender included")
        default = getattr(settings, "VERIFY_GRACE_SECONDS", GRACE.total_seconds())
        parser.add_argument(
            "--grace",
            type=float,
            default=default,
            metavar="SECONDS",
            help="how late something may be (default %(default)g)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises SystemExit(1) if an invariant is broken."""
        report = verify(timedelta(seconds=options["grace"]))
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(report), indent=1))
        else:
            self._print(report)
        if not report.clean:
            raise SystemExit(1)

    def _print(self, report: Report) -> None:
        width = None if self.stdout.isatty() else 120
        console = Console(file=cast("IO[str]", self.stdout), width=width, soft_wrap=True)
        table = Table(box=None, pad_edge=False, header_style="")
        for title in ("", "invariant", "verdict"):
            table.add_column(title)
        for verdict in report.verdicts:
            colour = _COLOURS[verdict.state]
            table.add_row(verdict.invariant, INVARIANTS[verdict.invariant], f"[{colour}]{_told(verdict)}[/]")
        console.print(table)
        for verdict in report.verdicts:
            for offender in verdict.offenders[:MAX_SHOWN]:
                console.print(
                    f"{offender.invariant}  {escape(offender.subject)}: {escape(offender.problem)}", highlight=False
                )
            if len(verdict.offenders) > MAX_SHOWN:
                console.print(f"{verdict.invariant}  and {len(verdict.offenders) - MAX_SHOWN:,} more")
        for reason in dict.fromkeys(verdict.not_judged for verdict in report.verdicts if verdict.not_judged):
            waiting = ", ".join(verdict.invariant for verdict in report.verdicts if verdict.not_judged == reason)
            console.print(
                f"Not judged, as far as it is about being late, because {reason}: {waiting}.", highlight=False
            )
        looked = f"{_counted(report.instances, 'instance')}, {_counted(report.events, 'event')}"
        broken = sum(1 for verdict in report.verdicts if verdict.offenders)
        are = "is" if broken == 1 else "are"
        outcome = f"{_counted(broken, 'invariant')} {are} broken." if broken else "clean."
        console.print(f"{looked}: {outcome}", highlight=False)


def _counted(count: int, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count:,} {noun}s"


def _told(verdict: Verdict) -> str:
    if verdict.offenders:
        return f"{len(verdict.offenders):,} offenders"
    return verdict.state


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "clean": report.clean,
        "instances": report.instances,
        "events": report.events,
        "invariants": [
            {
                "invariant": verdict.invariant,
                "title": INVARIANTS[verdict.invariant],
                "state": verdict.state,
                "not_judged": verdict.not_judged,
                "offenders": [asdict(offender) for offender in verdict.offenders],
            }
            for verdict in report.verdicts
        ],
    }
