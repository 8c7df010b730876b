"""Says what is wrong with this installation and what to do: settings, connections, migrations, clock, processes.

Exit code 1 when something is wrong.
"""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from console.diagnosis import Finding, examine


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        findings = examine()
        width = max(len(finding.subject) for finding in findings)
        for finding in findings:
            self.stdout.write(self._line(finding, width))
        wrong = sum(not finding.well for finding in findings)
        if wrong:
            self.stdout.write(f"\n{wrong} of {len(findings)} things need you.")
            sys.exit(1)
        self.stdout.write("\nEverything is in order.")

    def _line(self, finding: Finding, width: int) -> str:
        mark = self.style.SUCCESS("ok   ") if finding.well else self.style.ERROR("WRONG")
        remedy = f"\n      {'':{width}}  → {finding.remedy}" if finding.remedy else ""
        return f"{mark} {finding.subject:{width}}  {finding.state}{remedy}"
