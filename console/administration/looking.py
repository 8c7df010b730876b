"""Tables to look at: nothing is added, changed or deleted here, whoever asks. Contents of work are read in the console.

A list counts no further than people read, and searches by exact values that have an index: some tables have millions
of rows. What changes one of them goes through `workflows.interventions`, from the console's own pages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import cached_property

from approvals.models import Approval, Vote
from breakers.models import Breaker, Permit, Transition
from workflows import models as m

#: rows of a page, and how far a list is counted
PAGE, MOST = 50, 10_000
#: bodies, secrets, and what may be made of either: references, and rules with the values that decided
UNSEEN = frozenset(
    {
        "state", "attributes", "body", "data", "result", "secret", "salt", "digest", "hash", "head_hash",
        "payload_digest", "problems", "input_hash", "evidence", "fingerprint", "match", "rule",
    }
)  # fmt: skip


class Bounded(Paginator):  # type: ignore[type-arg]
    """Counts no further than MOST, so that a table of millions opens at once."""

    @cached_property
    def count(self) -> int:
        """How many rows, up to MOST."""
        rows: Any = self.object_list
        return int(rows[:MOST].count())


class Table(ModelAdmin):  # type: ignore[type-arg]
    """A table to look at."""

    paginator = Bounded
    show_full_result_count = False
    list_per_page = list_max_show_all = PAGE
    show_facets = admin.ShowFacets.NEVER
    actions = None
    ordering = ("-pk",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Every column but bodies and secrets."""
        unseen = UNSEEN | REFERENCES.get(self.model, frozenset())
        return [field.name for field in self.model._meta.concrete_fields if field.name not in unseen]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """The columns that were named, or the first ones."""
        return list(self.list_display) if self.list_display != ("__str__",) else self.get_fields(request)[:8]

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For whoever came through the door."""
        return self.admin_site.has_permission(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """For whoever came through the door."""
        return self.admin_site.has_permission(request)


#: table to the exact values it can be searched by
TABLES: dict[type[Model], tuple[str, ...]] = {
    m.Instance: ("pk", "key", "correlation_id"),
    m.Work: ("instance_id",),
    m.Timer: ("instance_id",),
    m.Wait: ("instance_id",),
    m.Message: ("pk", "instance_id"),
    m.LateResult: ("instance_id",),
    m.Operation: ("pk", "instance_id"),
    m.OutboxEvent: ("pk",),
    m.Subscription: ("name",),
    m.Delivery: (),
    m.RefusedStart: (),
    m.Tombstone: ("pk",),
    m.Session: ("pk",),
    m.Duty: (),
    m.IdempotentRequest: (),
    m.AuditEntry: ("act_id", "instance_id", "actor"),
    m.AuditSeal: (),
    m.Rollout: (),
    m.PausedIntake: (),
    m.FailureNote: (),
    Breaker: (),
    Transition: ("breaker",),
    Permit: (),
    Approval: ("pk", "subject"),
    Vote: (),
}


#: table to further columns that may be made of something personal
REFERENCES: dict[type[Model], frozenset[str]] = {m.Message: frozenset({"key"})}
#: table to its columns in the list, where these are not the first ones
COLUMNS: dict[type[Model], tuple[str, ...]] = {
    m.Instance: ("key", "workflow", "version", "lifecycle", "status", "stage", "owner", "started_at"),
    m.AuditEntry: ("at", "actor_kind", "actor", "action", "workflow", "target", "allowed", "reason"),
}


#: table to the page of the console where its rows are shown in full and, where people decide about them, changed
PAGES: dict[type[Model], Callable[[Any], str]] = {
    m.Instance: lambda row: reverse("instance-by-id", args=[row.pk]),
    m.Rollout: lambda row: reverse("process", args=[row.workflow]),
    m.PausedIntake: lambda row: reverse("process", args=[row.workflow]),
    Breaker: lambda row: reverse("dependency", args=[row.name]),
    Approval: lambda row: reverse("decision", args=[row.pk]),
}


def register() -> None:
    """Make the tables known. Tables with a composite key (events, payloads) are read in the console only."""
    for model, searched in TABLES.items():
        table: dict[str, Any] = {"search_fields": tuple(f"{name}__exact" for name in searched)}
        if model in COLUMNS:
            table["list_display"] = COLUMNS[model]
        if model in PAGES:
            table["view_on_site"] = staticmethod(PAGES[model])
        admin.site.register(model, type(f"{model.__name__}Table", (Table,), table))
