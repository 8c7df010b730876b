"""Calls steps in the reasons of the core by the words people use for them."""

from __future__ import annotations

import re

from console.presenters.names import node_name
from console.statuswords import capital
from workflows.dsl.definition import Definition

#: where the core's reasons name a step: "charge cannot be passed over", "an attempt of charge is under way"
_STEP = re.compile(r"\b[A-Za-z_]\w*(?= cannot be | needs its result| is found by)|(?<=attempt of )\w+")


def in_words(definition: Definition | None, why: str) -> str:
    """A reason with steps called as people call them."""
    if definition is None:
        return why
    nodes = {name.lower(): node for name, node in definition.by_name.items()}

    def called(found: re.Match[str]) -> str:
        node = nodes.get(found[0].lower())
        return f"“{capital(node_name(node))}”" if node is not None else found[0]

    return _STEP.sub(called, why)
