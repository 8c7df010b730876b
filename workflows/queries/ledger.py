"""The idempotency ledger: under which keys something was asked of us or of others, and what the first outcome was.

Inbound are requests that carried an Idempotency-Key. Outbound are the keys of steps and corrections, and what
sub-operations (`call.once`) answered. Newest first; the keys of one instance stand together, where it began.
"""

from __future__ import annotations

import base64
import binascii
import heapq
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from operator import or_
from uuid import UUID

from django.db.models import Q, QuerySet

from workflows.core.keys import business_keys
from workflows.models import IdempotentRequest, Instance
from workflows.queries.outbound import Case, LedgerRow, keys
from workflows.queries.pages import MAX_SIZE, BadCursor, Page
from workflows.queries.search import by_attribute
from workflows.queries.visibility import Viewer, declared_to, visible_to

INBOUND, OUTBOUND = "inbound", "outbound"
#: instances that are read at once, and how often: a page ends after that, although it may not be full
CHUNK, LOOKS = 25, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFilters:
    """What the ledger is narrowed to; empty fields do not narrow."""

    #: inbound, outbound, a caller (`user:olga`) or a system (`payments`)
    scope: str = ""
    #: how the key begins; the number of a case finds its keys, too
    key: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    """How far a reader has come: requests below this id, and instances up to this one, there behind this key."""

    request: int | None = None
    instance: UUID | None = None
    key: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class _Found:
    """A row with the time it is ordered by, and the place behind it. Without a row: it was looked as far as this."""

    at: datetime
    row: LedgerRow | None
    request: int | None = None
    instance: UUID | None = None


def page(viewer: Viewer, filters: LedgerFilters, *, size: int = 50, cursor: str = "") -> Page[LedgerRow]:
    """One page, newest first; there is no way back but to begin anew. Raises BadCursor.

    Requests that are about no instance are for those who see every workflow. Four queries for each CHUNK of instances.
    """
    place, size = _decode(cursor) if cursor else _Place(), min(size, MAX_SIZE)
    rows: list[LedgerRow] = []
    looks = 0
    streams = (_inbound(viewer, filters, place, size), _outbound(viewer, filters, place))
    for found in heapq.merge(*streams, key=lambda one: one.at, reverse=True):
        if len(rows) == size or looks == LOOKS:
            return Page(rows, _encode(place), None)
        if found.row is None:
            looks += 1
        else:
            rows.append(found.row)
        place = _behind(place, found)
    return Page(rows, None, None)


def _behind(place: _Place, found: _Found) -> _Place:
    if found.request is not None:
        return replace(place, request=found.request)
    row = found.row
    return replace(place, instance=found.instance, key=(row.key, row.operation) if row else _LAST)


def _inbound(viewer: Viewer, filters: LedgerFilters, place: _Place, size: int) -> Iterator[_Found]:
    if filters.scope == OUTBOUND:
        return
    asked = visible_to(viewer, IdempotentRequest.objects.all())
    if filters.scope not in ("", INBOUND):
        asked = asked.filter(scope=filters.scope)
    if filters.key:
        asked = asked.filter(Q(key__startswith=filters.key) | Q(instance_id__in=_numbered(viewer, filters.key)))
    if place.request is not None:
        asked = asked.filter(id__lt=place.request)
    found = list(asked.order_by("-id")[: size + 1])
    about = Instance.objects.filter(id__in={one.instance_id for one in found if one.instance_id})
    numbers: dict[UUID | None, str] = dict(about.values_list("id", "key"))
    for one in found:
        yield _Found(one.at, _request(one, numbers.get(one.instance_id, "")), request=one.id)


def _request(one: IdempotentRequest, number: str) -> LedgerRow:
    """The request without what was answered: an answer may hold anything."""
    return LedgerRow(
        direction=INBOUND, scope=one.scope, key=one.key, state="open" if one.status is None else "answered",
        request=one.request, status=one.status, workflow=one.workflow, instance_id=one.instance_id, number=number,
        began_at=one.at, ended_at=one.answered_at,
    )  # fmt: skip


def _outbound(viewer: Viewer, filters: LedgerFilters, place: _Place) -> Iterator[_Found]:
    last, behind = place.instance, place.key
    while filters.scope != INBOUND:
        found = _instances(viewer, filters)
        if last is not None:
            found = found.filter(id__lte=last) if behind != _LAST else found.filter(id__lt=last)
        columns = ("id", "workflow", "version", "key", "run", "started_at")
        cases = [Case(*values) for values in found.order_by("-id").values_list(*columns)[:CHUNK]]
        known = keys(viewer, cases)
        for case in cases:
            for row in known[case.id]:
                skipped = case.id == last and (row.key, row.operation) <= behind
                if not skipped and _fits(filters, row):
                    yield _Found(case.started_at, row, instance=case.id)
        if len(cases) < CHUNK:
            return
        last, behind = cases[-1].id, _LAST
        yield _Found(cases[-1].started_at, None, instance=last)


def _fits(filters: LedgerFilters, row: LedgerRow) -> bool:
    if filters.scope not in ("", OUTBOUND, row.scope):
        return False
    return row.key.startswith(filters.key) or row.number.startswith(filters.key)


def _instances(viewer: Viewer, filters: LedgerFilters) -> QuerySet[Instance]:
    found = visible_to(viewer, Instance.objects.all())
    if filters.scope not in ("", OUTBOUND):
        calling = {one.name for one in declared_to(viewer) if filters.scope in {d.name for d in one.dependencies}}
        found = found.filter(workflow__in=sorted(calling))
    return found.filter(_named(viewer, filters.key)) if filters.key else found


def _named(viewer: Viewer, text: str) -> Q:
    """Instances one of whose keys may begin with the text, or whose number does."""
    workflow, slash, rest = text.partition("/")
    if not slash:
        begun = sorted({one.name for one in declared_to(viewer) if one.name.startswith(text)})
        return Q(key__startswith=text) | Q(workflow__in=begun)
    if not rest:
        return Q(workflow=workflow)
    complete = business_keys(rest)
    own = [Q(key__startswith=rest), Q(key__in=complete)]
    for one in declared_to(viewer):
        for node in one.nodes if one.name == workflow else ():
            ref = node.idempotent_by
            if ref is not None and ref.source == one.given and ref.field in one.attributes:
                own += [by_attribute(viewer, ref.field, value) for value in complete]
    return Q(workflow=workflow) & reduce(or_, own)


def _numbered(viewer: Viewer, text: str) -> QuerySet[Instance, UUID]:
    return visible_to(viewer, Instance.objects.filter(key=text)).values_list("id", flat=True)


#: behind every key of an instance
_LAST = ("\U0010ffff", "")


def _encode(place: _Place) -> str:
    text = json.dumps([place.request, str(place.instance or ""), *place.key], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str) -> _Place:
    try:
        request, instance, key, operation = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(key, str) or not isinstance(operation, str):
            raise ValueError("not made by `_encode`")
        if request is not None and not 0 <= int(request) < 2**63:
            raise ValueError("not made by `_encode`")
        return _Place(request, UUID(instance) if instance else None, (key, operation))
    except (ValueError, TypeError, AttributeError, binascii.Error, UnicodeError, RecursionError) as error:
        raise BadCursor("This cursor does not belong to this list.") from error
