"""What people are asked: lists and single questions with what they are about, as far as the viewer may see it.

A question about an instance is as visible as the instance; its evidence is masked like every other payload.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import (
    Case,
    Count,
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    F,
    Func,
    IntegerField,
    Min,
    Q,
    QuerySet,
    TextField,
    Value,
    When,
)

from approvals import queries as leaf
from approvals.models import Approval
from approvals.queries import ApprovalRow
from approvals.rules import State
from workflows import registry
from workflows.dsl.definition import Definition, Node
from workflows.models import Instance, Payload
from workflows.queries import details, instances, redaction
from workflows.queries.details import Detail
from workflows.queries.instances import InstanceRow
from workflows.queries.involvement import untouched_by
from workflows.queries.pages import Page, keyset
from workflows.queries.visibility import Viewer, visible_to

#: a question is due soon when less than this share of its time is left
SOON = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list is narrowed to; empty fields do not narrow."""

    state: tuple[str, ...] = ()
    workflow: tuple[str, ...] = ()
    instance_id: UUID | None = None
    #: this person may decide it now, provided that the viewer is who sees where they have the right
    mine: str = ""
    #: this person has voted about it
    decided_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question and what it is about. Without code for it, or when the instance is gone, parts are None."""

    approval: ApprovalRow
    instance: InstanceRow | None
    definition: Definition | None
    #: what the rules of the process read of its results, masked as the viewer's rights demand
    values: Mapping[str, Mapping[str, Any]]

    @property
    def node(self) -> Node | None:
        """The line of the definition that asks."""
        return self.definition.by_name.get(self.approval.item) if self.definition else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One question with everything a decision needs: the evidence, and the instance in full."""

    asked: Asked
    detail: Detail | None
    #: name to the stored result as it was shown when the question was asked; None: skipped or removed
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Folded:
    """A stored result that was too long to be read along."""

    size: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Open questions in figures. `soon` counts those with little time left."""

    count: int
    oldest: datetime | None
    next_due: datetime | None
    soon: int


def page(viewer: Viewer, filters: Filters, *, by_due: bool = False, size: int = 50, cursor: str = "") -> Page[Asked]:
    """One page, newest first, or what is due next first. Raises `pages.BadCursor`."""
    return keyset(
        _matching(viewer, filters),
        partial(_read, viewer),
        size=size,
        cursor=cursor,
        descending=not by_due,
        position=(lambda one: (one.approval.due_at, one.approval.id)) if by_due else (lambda one: one.approval.id),
        by=("due_at", "id") if by_due else "id",
    )


def one(viewer: Viewer, approval_id: UUID) -> Asked | None:
    """One question; None if there is none for this viewer."""
    return next(iter(_read(viewer, visible_to(viewer, Approval.objects.filter(id=approval_id), "scope"))), None)


def open_about(viewer: Viewer, instance_id: UUID) -> list[ApprovalRow]:
    """What is being asked about one instance. Two queries; without the instance in full."""
    found = Approval.objects.filter(subject=instance_id, state=State.OPEN).order_by("id")
    return leaf.read(visible_to(viewer, found, "scope"))


def card(viewer: Viewer, approval_id: UUID) -> Card | None:
    """One question in full; None if there is none for this viewer."""
    asked = one(viewer, approval_id)
    if asked is None:
        return None
    detail = details.detail(viewer, asked.approval.subject)
    return Card(asked=asked, detail=detail, evidence=evidence(viewer, [asked])[approval_id])


def count(viewer: Viewer, filters: Filters, *, stop_at: int = 1_000) -> int:
    """How many match, counted up to `stop_at`. One query."""
    return _matching(viewer, filters).values("id")[:stop_at].count()


def after(viewer: Viewer, filters: Filters, present: ApprovalRow) -> UUID | None:
    """The matching question that is due next after this one; behind the last one begins again with the first."""
    found = _matching(viewer, filters).exclude(id=present.id).order_by("due_at", "id")
    behind = Q(due_at__gt=present.due_at) | Q(due_at=present.due_at, id__gt=present.id)
    ids = found.annotate(turn=Case(When(behind, then=Value(0)), default=Value(1))).order_by("turn", "due_at", "id")
    return ids.values_list("id", flat=True).first()


def waiting(viewer: Viewer, now: datetime) -> Waiting:
    """Everything that is open. One query."""
    little = ExpressionWrapper((F("due_at") - F("opened_at")) * SOON, DurationField())
    late_from = ExpressionWrapper(F("due_at") - little, DateTimeField())
    found = visible_to(viewer, Approval.objects.filter(state=State.OPEN), "scope").annotate(late_from=late_from)
    figures = found.aggregate(
        count=Count("id"),
        oldest=Min("opened_at"),
        next_due=Min("due_at"),
        soon=Count("id", filter=Q(late_from__lt=now)),
    )
    return Waiting(**figures)


def evidence(viewer: Viewer, asked: Iterable[Asked], *, fold: int | None = None) -> dict[UUID, dict[str, Any]]:
    """What each question shows, by name, masked as the viewer's rights demand. One query, however many there are.

    A result of more than `fold` bytes is told as `{"folded": true, "bytes": …, "from": …}`.
    """
    asked = list(asked)
    bodies = _bodies(asked, fold)
    return {
        one.approval.id: {
            name: _shown(viewer, one, name, bodies.get((one.approval.subject, one.approval.evidence[name])))
            for name in _in_order(one)
        }
        for one in asked
    }


def _bodies(asked: list[Asked], fold: int | None) -> dict[tuple[UUID, int], Any]:
    wanted = {(one.approval.subject, seq) for one in asked for seq in one.approval.evidence.values() if seq}
    if not wanted:
        return {}
    found = Payload.objects.filter(
        instance_id__in={instance_id for instance_id, _ in wanted}, seq__in={seq for _, seq in wanted}
    )
    size = Func(F("body"), function="octet_length", output_field=IntegerField())
    short = F("body") if fold is None else Case(When(size__lte=fold, then=F("body")), output_field=TextField())
    rows = found.annotate(size=size, short=short).values_list("instance_id", "seq", "size", "short")
    return {
        (instance_id, seq): json.loads(text) if text is not None else size and Folded(size)
        for instance_id, seq, size, text in rows
        if (instance_id, seq) in wanted
    }


def _in_order(asked: Asked) -> list[str]:
    """The names of what is shown, as the definition puts them."""
    declared = asked.node.evidence if asked.node else ()
    return sorted(asked.approval.evidence, key=lambda name: declared.index(name) if name in declared else len(declared))


def _shown(viewer: Viewer, asked: Asked, name: str, body: Any) -> Any:
    definition = asked.definition
    given = name == definition.given if definition else False
    if isinstance(body, Folded):
        return {"folded": True, "bytes": body.size, "from": "input" if given else f"steps.{name}.output"}
    if viewer.may_unmask(asked.approval.scope):
        return body
    node = definition.by_name.get(name) if definition else None
    contract = definition.contract if definition and given else node.output if node else None
    return redaction.of_contract(body, contract)


def _matching(viewer: Viewer, filters: Filters) -> QuerySet[Approval]:
    found = Approval.objects.all()
    if filters.mine:
        found = untouched_by(filters.mine, leaf.waiting_for(filters.mine, _groups(filters.mine)), "subject")
    if filters.decided_by:
        found = found.filter(leaf.voted(filters.decided_by))
    narrowed = {"state__in": filters.state, "scope__in": filters.workflow, "subject": filters.instance_id}
    found = found.filter(**{lookup: value for lookup, value in narrowed.items() if value})
    return visible_to(viewer, found, "scope")


def _groups(person: str) -> QuerySet[Any]:
    """The groups this person is in, as a part of another query."""
    members = get_user_model().objects.filter(username=person, is_active=True, groups__isnull=False)
    return members.values("groups__name")


def _read(viewer: Viewer, found: QuerySet[Approval]) -> list[Asked]:
    rows = leaf.read(found)
    subjects = list({row.subject for row in rows})
    known = {row.id: row for row in instances.some(viewer, subjects)}
    values = dict(Instance.objects.filter(id__in=subjects).values_list("id", "state__values"))
    return [_asked(viewer, row, known.get(row.subject), values.get(row.subject) or {}) for row in rows]


def _asked(viewer: Viewer, row: ApprovalRow, instance: InstanceRow | None, values: Mapping[str, Any]) -> Asked:
    definition = registry.definitions().get((row.scope, instance.version)) if instance else None
    if not viewer.may_unmask(row.scope):
        node = definition.by_name.get(row.item) if definition else None
        row = replace(row, rule=redaction.rule(definition, node, row.rule) if definition else redaction.MASK)
        values = {
            source: redaction.extracted(definition, source, fields) for source, fields in values.items()
        } if definition else {}  # fmt: skip
    return Asked(approval=row, instance=instance, definition=definition, values=values)
