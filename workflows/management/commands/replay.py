"""`manage.py replay INSTANCE`: folds the history step by step and compares where it leads with the stored state."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from workflows import registry
from workflows.core.face import face
from workflows.core.state import State
from workflows.dsl import Definition
from workflows.models import Instance
from workflows.verify import differences
from workflows.verify.stories import Story, Unfoldable, one


class Command(BaseCommand):
    help = "Fold an instance's history and compare the result with its stored state. Exit code 1 if they differ."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("instance", help="the instance's id, or its key (the newest run)")
        parser.add_argument("--check", action="store_true", help="only the verdict, not the events")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError when there is no such instance or its history cannot be folded."""
        instance_id = _identified(options["instance"])
        try:
            story = one(instance_id)
        except Unfoldable as error:
            raise CommandError(str(error)) from error
        if not options["check"]:
            self._tell(story)
        found = list(differences.of(story))
        if found:
            self.stdout.write(f"The stored state of {story.name} is not what its {len(story.moments)} events lead to:")
            for difference in found:
                self.stdout.write(f"  {difference}")
            raise SystemExit(1)
        self.stdout.write(f"{len(story.moments)} events of {story.name} lead exactly to its stored state.")

    def _tell(self, story: Story) -> None:
        definition = registry.definitions().get((story.row.workflow, story.row.version))
        for moment in story.moments:
            record = moment.record
            at = record.at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
            self.stdout.write(
                f"{record.seq:>5}  {at}  {record.type:<22} {record.step:<16} {_status(definition, moment.after)}"
            )


def _status(definition: Definition | None, state: State) -> str:
    return face(definition, state).status if definition else ""


def _identified(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        pass
    found = Instance.objects.filter(key=text.strip()).order_by("-id").values_list("id", flat=True).first()
    if found is None:
        raise CommandError(f"There is no instance {text!r}.")
    return found
