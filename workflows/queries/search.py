"""The one search box: finds instances by whatever number somebody has in front of them.

Order number (from its beginning, any case, stray spaces), instance id, correlation id, idempotency key, external
reference or webhook id of a callback, and attributes such as the customer. Several may be pasted at once.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import reduce
from operator import or_
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from workflows.models import Message, Wait
from workflows.queries import redaction
from workflows.queries.visibility import Viewer, declared_to

#: more pasted numbers than this are ignored
MAX_TERMS = 50
#: instances one reference can lead to
MAX_FOUND = 100
_KEY = re.compile(r"^[^/\s]+/(?P<key>[^/]+)/r\d+/")


def terms(text: str) -> list[str]:
    """What was pasted, piece by piece."""
    return [term.lstrip("#") for term in re.split(r"[\s,;]+", text.replace("\x00", "")) if term.lstrip("#")][:MAX_TERMS]


def matching(viewer: Viewer, text: str) -> Q:
    """Instances that any of the pasted pieces belongs to; nothing matches an empty text.

    What is masked for the viewer finds nothing for them: a guess that finds something would be confirmed.
    """
    found = [_one(viewer, term) for term in terms(text)]
    return reduce(or_, found) if found else Q(id__in=[])


def _one(viewer: Viewer, term: str) -> Q:
    spellings = sorted({term, term.upper(), term.lower()})
    wanted = reduce(or_, [Q(key__startswith=spelling) for spelling in spellings]) | Q(correlation_id__in=spellings)
    as_key = _KEY.match(term)
    if as_key:
        wanted |= Q(key=as_key["key"])
    with suppress(ValueError):
        wanted |= Q(id=UUID(term))
    for name in sorted({name for definition in declared_to(viewer) for name in definition.attributes}):
        wanted |= by_attribute(viewer, name, term)
    beside = _of_callbacks(viewer, term)
    return wanted | Q(id__in=beside) if beside else wanted


def _of_callbacks(viewer: Viewer, term: str) -> set[UUID]:
    """Instances whose callback has this reference or webhook id. Read first: a subquery beside `or` uses no index."""
    waits = Wait.objects.filter(message_type__in=searchable_types(viewer), match=term)
    messages = Message.objects.filter(source__in=settings.WEBHOOK_SECRETS, webhook_id=term, instance_id__isnull=False)
    found = [rows.values_list("instance_id", flat=True)[:MAX_FOUND] for rows in (waits, messages)]
    return {instance_id for rows in found for instance_id in rows if instance_id is not None}


def by_attribute(viewer: Viewer, name: str, text: str) -> Q:
    """An attribute with this value, as far as the viewer may know its value."""
    if viewer.unmasked is None:
        return _any_of(name, text)
    hidden = {one.name for one in declared_to(viewer) if redaction.is_personal_attribute(one, name)}
    known = {one.name for one in declared_to(viewer) if viewer.may_unmask(one.name) or one.name not in hidden}
    return _any_of(name, text) & Q(workflow__in=sorted(known))


def _any_of(name: str, text: str) -> Q:
    """An attribute with this value, written as text or as the number or truth value it may be."""
    values: list[object] = [text]
    if re.fullmatch(r"-?\d{1,15}(\.\d{1,10})?", text):
        values.append(float(text) if "." in text else int(text))
    if text in ("true", "false", "null"):
        values.append({"true": True, "false": False, "null": None}[text])
    return reduce(or_, [Q(attributes__contains={name: value}) for value in values])


def searchable_types(viewer: Viewer) -> list[str]:
    """Types of message whose references the viewer may know: none that is personal in a workflow masked for them."""
    nodes = [(one, node) for one in declared_to(viewer) for node in one.nodes if node.message]
    hidden = {
        node.message
        for one, node in nodes
        if not viewer.may_unmask(one.name) and redaction.is_personal(one, node.match)
    }
    return sorted({node.message for _, node in nodes} - hidden)
