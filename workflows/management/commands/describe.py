"""`manage.py describe WORKFLOW`: a definition as text, as a Mermaid diagram or as JSON."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workflows import registry
from workflows.dsl import Definition
from workflows.dsl.describe import as_json, as_mermaid, as_text


class Command(BaseCommand):
    help = "Print the definition of a workflow: its newest version, or the one you name."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """`--version` means the workflow's here, not Django's."""
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("workflow", help="name of the workflow, for example order")
        parser.add_argument("--version", type=int, dest="of_version", metavar="N", help="default: the newest")
        parser.add_argument("--format", choices=["text", "mermaid", "json"], default="text", dest="form")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError for a workflow or version nobody declared."""
        definition = _find(options["workflow"], options["of_version"])
        match options["form"]:
            case "json":
                text = json.dumps(as_json(definition), indent=2)
            case "mermaid":
                text = as_mermaid(definition)
            case _:
                text = as_text(definition)
        self.stdout.write(text.rstrip("\n"))


def _find(name: str, version: int | None) -> Definition:
    try:
        newest = registry.newest(name)
    except registry.UnknownWorkflow as error:
        raise CommandError(f"{error}.") from error
    if version is None:
        return newest
    versions = sorted(v for known, v in registry.definitions() if known == name)
    if version not in versions:
        raise CommandError(f"There is no version {version} of {name} (known: {', '.join(map(str, versions))}).")
    return registry.find(name, version)
