"""`manage.py start WORKFLOW --file F.jsonl[.gz]`: starts one instance per line, the same way the API does."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError

from workflows import interventions
from workflows.engine import ids, intake
from workflows.interventions import Principal
from workflows.jsonlines import BadLine, Damaged, Line, progress, read
from workflows.registry import UnknownWorkflow, newest

#: Problems shown for one line; a file of another kind would bury its first error under the rest.
MAX_SHOWN = 10


@dataclass
class Tally:
    """What became of the lines so far."""

    lines: int = 0
    started: Counter[str] = field(default_factory=Counter)
    known: int = 0
    refused: int = 0
    #: workflows whose intake is paused, and the lines that came too early for that
    paused: Counter[str] = field(default_factory=Counter)


class Command(BaseCommand):
    help = (
        "Start one instance per line of a JSON Lines file (.jsonl, also compressed with gzip). Lines that are refused "
        "are reported with number, field and reason and do not stop the rest. Safe to run twice: what was accepted "
        "before is recognised by its key. While intake is paused nothing is started; run it again afterwards. "
        "Exit code 0 only if no line was refused (or --skip-invalid) and none came while intake was paused."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("workflow", help="name of the workflow, for example order")
        parser.add_argument("--file", required=True, type=Path, help="the file, one JSON object per line")
        parser.add_argument(
            "--as", dest="user", metavar="USER", help="start in this person's name (default: the system)"
        )
        parser.add_argument("--skip-invalid", action="store_true", help="exit with 0 although lines were refused")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError when nothing can be started at all, or the file or the database breaks off."""
        workflow, path, principal = options["workflow"], options["file"], self._principal(options["user"])
        tally = Tally()
        try:
            newest(workflow)
            with progress(path, quiet=options["verbosity"] == 0) as track:
                for line in track(read(path)):
                    tally.lines += 1
                    self._start(principal, workflow, line, tally)
        except UnknownWorkflow as error:
            raise CommandError(f"{error}.") from error
        except interventions.Forbidden as error:
            raise CommandError(str(error)) from error
        except (OSError, Damaged) as error:
            raise CommandError(f"{path} cannot be read: {error}. {self._summary(tally)}") from error
        except (OperationalError, InterfaceError) as error:
            again = "Run the same command again; what was accepted is not started twice."
            raise CommandError(f"The database went away after line {tally.lines - 1}. {again}") from error
        self.stdout.write(self._summary(tally))
        if tally.paused or (tally.refused and not options["skip_invalid"]):
            raise SystemExit(1)

    def _principal(self, name: str | None) -> Principal:
        if name is None:
            return interventions.system()
        account = get_user_model()._default_manager.filter(username=name).first()
        if account is None:
            raise CommandError(f"There is no user {name!r}.")
        return interventions.user(account, through="command")

    def _start(self, principal: Principal, workflow: str, line: Line | BadLine, tally: Tally) -> None:
        if isinstance(line, BadLine):
            self._refuse(line.number, [intake.Problem("line", line.problem)], tally)
            return
        target = intake.diverted(newest(workflow), line.data)
        name = target[1] if target else workflow
        try:
            started = interventions.start(principal, name, line.data, correlation_id=f"file-{ids.new_id()}")
        except intake.InvalidInput as error:
            self._refuse(line.number, error.problems, tally)
        except interventions.IntakePaused as error:
            if not tally.paused[name]:
                self.stderr.write(f"line {line.number}: {name}: {error}")
            tally.paused[name] += 1
        except intake.Conflict as error:
            self._refuse(line.number, [intake.Problem(newest(name).key, str(error))], tally)
        else:
            if started.new:
                tally.started[name] += 1
            else:
                tally.known += 1

    def _refuse(self, number: int, problems: list[intake.Problem], tally: Tally) -> None:
        tally.refused += 1
        for problem in problems[:MAX_SHOWN]:
            self.stderr.write(f"line {number}: {problem.field}: {problem.message}")
        if len(problems) > MAX_SHOWN:
            self.stderr.write(f"line {number}: and {len(problems) - MAX_SHOWN} more")

    def _summary(self, tally: Tally) -> str:
        started = [f"{count:,} started as {name}" for name, count in sorted(tally.started.items())] or ["none started"]
        paused = [f"{count:,} not taken in as {name}" for name, count in sorted(tally.paused.items())]
        rest = [f"{tally.known:,} known already", f"{tally.refused:,} refused", *paused]
        lines = "1 line" if tally.lines == 1 else f"{tally.lines:,} lines"
        return f"{lines}: {', '.join([*started, *rest])}."
