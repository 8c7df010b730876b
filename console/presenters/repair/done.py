"""Tells what was asked for lately, by anybody and about anything, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from console.presenters.asked import Act, act
from console.presenters.repair.tabs import Asked, Choice
from console.standings import definition_of
from console.statuswords import capital
from workflows.queries.instances import InstanceRow
from workflows.queries.operations import OperationRow

#: how operations can be narrowed, and the states that means
NARROWED: dict[str, tuple[str, ...]] = {
    "open": ("accepted", "running"), "verified": ("verified",), "failed": ("failed",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One operation with the instance it was about; `evidence_url` leads to what decided it."""

    act: Act
    key: str
    url: str
    evidence_url: str


def lines(operations: Sequence[OperationRow], instances: Sequence[InstanceRow]) -> list[Line]:
    """The operations in words."""
    by_id = {row.id: row for row in instances}
    return [_line(one, by_id.get(one.instance_id)) for one in operations]


def choices(here: Asked, me: str) -> list[Choice]:
    """What the list can be narrowed to."""
    words = {"": _("Everything"), "open": _("Under way"), "verified": _("Verified"), "failed": _("Did not work")}
    found = [Choice(word, here.url(state=state), here.get("state") == state) for state, word in words.items()]
    mine = here.get("actor") == me
    return [*found, Choice(_("Mine only"), here.url(actor="" if mine else me), mine)]


def _line(operation: OperationRow, row: InstanceRow | None) -> Line:
    home = reverse("instance-by-id", args=[operation.instance_id])
    if row is None:
        return Line(act(operation, _("case")), str(operation.instance_id), home, "")
    definition = definition_of(row.workflow, row.version)
    noun = definition.noun if definition else row.workflow
    told = act(operation, noun)
    url = reverse("instance", args=[row.workflow, row.key])
    evidence = f"{url}?tab=technical&run={row.run}#e{told.seq}" if told.seq else ""
    return Line(told, f"{capital(noun)} {row.key}", url if row.run == 1 else f"{url}?run={row.run}", evidence)
