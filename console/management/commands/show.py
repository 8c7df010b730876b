"""`manage.py show KEY_OR_ID`: where it is and why, its milestones, and what can be done about it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from console.presenters.milestones import milestones
from console.sentences import sentence
from console.standings import definition_of, standing
from console.timewords import exact
from workflows import interventions
from workflows.core.events import from_data
from workflows.engine import clock
from workflows.interventions import CAPABILITIES, Principal
from workflows.models import Instance
from workflows.queries import history, instances
from workflows.queries.instances import Filters, InstanceRow
from workflows.queries.surroundings import Surroundings
from workflows.queries.visibility import EVERYTHING

#: More than these are counted, not listed.
MAX_LISTED = 20
#: Milestones shown without --all.
MAX_MILESTONES = 10


class Command(BaseCommand):
    help = "Say where an instance is and why: by order number (or whatever its key is), id, or anything search finds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key_or_id", help="business key, instance id, correlation id or another number of it")
        parser.add_argument("--all", action="store_true", help="every milestone instead of the last ten")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError when nothing fits."""
        text = str(options["key_or_id"]).strip()
        found = _found(text)
        if not found:
            raise CommandError(f"Nothing here is known as {text!r}.")
        if len(found) > 1:
            self._list(text, found)
        else:
            self._show(found[0], everything=options["all"])

    def _list(self, text: str, rows: list[InstanceRow]) -> None:
        now = clock.read()
        surroundings = Surroundings(now)
        shown = rows[:MAX_LISTED]
        self.stdout.write(
            f"{len(shown)} instances are known as {text!r}{', the newest' if len(rows) > MAX_LISTED else ''}:"
        )
        for row in shown:
            self.stdout.write(f"\n{_name(row)}   {row.id}")
            self.stdout.write(f"  {sentence(standing(row, surroundings.of(row)), now).text}")
        self.stdout.write("\nShow one of them by its id.")

    def _show(self, row: InstanceRow, *, everything: bool) -> None:
        now = clock.read()
        self.stdout.write(f"{_name(row)}   {row.id}")
        self.stdout.write(f"{sentence(standing(row, Surroundings(now).of(row)), now).text}\n")
        self._milestones(row, everything=everything)
        self._actions(row)

    def _milestones(self, row: InstanceRow, *, everything: bool) -> None:
        entries = [(event, from_data(event.type, event.schema, event.data)) for event in history.events(row.id)]
        happened = milestones(entries, definition_of(row.workflow, row.version))[::-1]
        left_out = 0 if everything else max(len(happened) - MAX_MILESTONES, 0)
        hint = f" (the last {MAX_MILESTONES} of {len(happened)}; --all shows every one)" if left_out else ""
        self.stdout.write(f"Milestones{hint}")
        for one in happened[left_out:]:
            note = f" · {one.note}" if one.note else ""
            by = f" ({one.who})" if one.who else ""
            self.stdout.write(f"  {one.at:%Y-%m-%d %H:%M:%S}  {one.words}{note}{by}")

    def _actions(self, row: InstanceRow) -> None:
        anybody = Principal("system", "command", frozenset(CAPABILITIES), "command")
        self.stdout.write("\nWhat can be done")
        for answer in interventions.allowed_actions(anybody, Instance.objects.get(id=row.id)):
            self.stdout.write(f"  {answer.action:<12} {'yes' if answer.allowed else 'no: ' + answer.reason}")


def _found(text: str) -> list[InstanceRow]:
    """The instance with this id or those with exactly this key; failing that, what search finds. Newest first."""
    try:
        row = instances.one(EVERYTHING, UUID(text))
    except ValueError:
        row = None
    if row is not None:
        return [row]
    spellings = tuple({text, text.upper(), text.lower()})
    exactly = instances.page(EVERYTHING, Filters(key=spellings), size=MAX_LISTED + 1).rows
    return exactly or instances.page(EVERYTHING, Filters(q=text), size=MAX_LISTED + 1).rows


def _name(row: InstanceRow) -> str:
    run = f", run {row.run}" if row.run > 1 else ""
    return f"{row.workflow} {row.key}{run}   {row.status} ({row.lifecycle}), started {exact(row.started_at)}"
