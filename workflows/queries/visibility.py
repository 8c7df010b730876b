"""Who is looking, and what that lets through: every read that leaves the process passes here.

A viewer may see some workflows, or all of them; in some of those, also personal fields. Whoever may not see an object
is told that there is none. See docs/why/roles-per-workflow.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from workflows import registry
from workflows.dsl.definition import Definition
from workflows.models import Instance

ModelT = TypeVar("ModelT", bound=Model)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who reads. None means all workflows, those nobody declares (any more) included."""

    sees: frozenset[str] | None
    #: where personal fields are shown
    unmasked: frozenset[str] | None

    def may_see(self, workflow: str) -> bool:
        """Whether anything of this workflow exists for them."""
        return self.sees is None or workflow in self.sees

    def may_unmask(self, workflow: str) -> bool:
        """Whether personal fields of this workflow are shown to them."""
        return self.unmasked is None or workflow in self.unmasked

    @property
    def named(self) -> list[str] | None:
        """The workflows for `= ANY(%s)`; None does not narrow."""
        return None if self.sees is None else sorted(self.sees)


#: the product itself, and whoever has a shell on its machine
EVERYTHING = Viewer(None, None)
#: somebody about whom nothing is known yet
NOBODY = Viewer(frozenset(), frozenset())


def visible_to(viewer: Viewer, found: QuerySet[ModelT], workflow: str = "workflow") -> QuerySet[ModelT]:
    """The rows of workflows the viewer may see. Costs nothing for a viewer who sees everything."""
    return found if viewer.sees is None else found.filter(**{f"{workflow}__in": viewer.named})


def through_instance(viewer: Viewer, found: QuerySet[ModelT], instance: str = "instance_id") -> QuerySet[ModelT]:
    """The rows whose instance the viewer may see, for tables that do not say which workflow they belong to."""
    return found if viewer.sees is None else found.filter(of_visible_instance(viewer, instance))


def of_visible_instance(viewer: Viewer, instance: str = "instance_id") -> Exists | Q:
    """The condition that a row's instance is one the viewer may see."""
    if viewer.sees is None:
        return Q()
    return Exists(visible_to(viewer, Instance.objects.filter(id=OuterRef(instance))))


def declared_to(viewer: Viewer) -> list[Definition]:
    """Every declared definition, in every version, of workflows the viewer may see."""
    return [one for one in registry.definitions().values() if viewer.may_see(one.name)]


def message_types(viewer: Viewer) -> list[str]:
    """The types of message that some workflow the viewer may see waits for."""
    return sorted({node.message for one in declared_to(viewer) for node in one.nodes if node.message})
